/**
 * One route: what it takes, what it answers, and what it does. The same description checks the
 * requests and makes the OpenAPI document, so that the two cannot drift apart.
 */
import type { z } from "zod";
import { AppError, type ErrorCode, type FieldError, jsonPointer } from "../errors.ts";
import { type BodyLimits, readText, requireMediaType } from "./body.ts";
import { parseJson } from "../json.ts";
import type { Scope } from "../scope.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What another operation can be asked with, out of a reply (OpenAPI 3.1, Link Object). */
export interface LinkDoc {
  readonly operationId: string;
  /** By parameter, a runtime expression: `$response.body#/id`. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface HeaderDoc {
  readonly description: string;
  readonly pattern?: string;
}

export interface ReplyDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default `application/json`, where there is a schema. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, LinkDoc>>;
}

export interface RouteDoc {
  readonly method: Method;
  /** As in OpenAPI: `/memories/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** One of the service's `tags`. */
  readonly tag: string;
  /** True for what is answered without the key. */
  readonly open?: boolean;
  /** Left out: a GET is for everybody with a key, anything else changes something. */
  readonly scope?: Scope;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Names of query parameters that may be repeated. */
  readonly repeatable?: readonly string[];
  readonly headers?: Readonly<Record<string, HeaderDoc>>;
  readonly body?: BodyDoc;
  readonly replies: Readonly<Record<number, ReplyDoc>>;
  /** What can go wrong beside what can go wrong everywhere. */
  readonly errors?: readonly ErrorCode[];
  /** The same, of codes that only this service has, with the status of each. */
  readonly ownErrors?: Readonly<Record<string, number>>;
}

export interface BodyDoc {
  readonly schema: z.ZodType;
  readonly contentTypes: readonly string[];
  /** By content type, where it is described by another schema than the rest. */
  readonly schemas?: Readonly<Record<string, z.ZodType>>;
  /** True where no body at all means an empty object. */
  readonly optional?: boolean;
  /** True where the handler reads the body itself, piece by piece. */
  readonly streamed?: boolean;
}

/** What a handler gets: everything checked. */
export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** The body as it came, for telling one request from another; empty where there is none. */
  readonly bodyText: string;
  readonly request: Request;
  /** What the caller was let in for. */
  readonly scope: Scope;
}

export interface Route extends RouteDoc {
  readonly respond: (
    request: Request,
    params: Record<string, string>,
    limits: BodyLimits,
    scope: Scope,
  ) => Promise<Response>;
}

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

/** What a caller must have been let in for. */
export function scopeOf({ method, scope = method === "GET" ? "read" : "write" }: RouteDoc): Scope {
  return scope;
}

/** Throws `forbidden`. */
export function requireScope(wanted: Scope, scope: Scope): void {
  if (wanted === "read" || scope === "write") return;
  throw new AppError(
    "forbidden",
    "Cannot do this with a key for reading: it changes something; use the container's own key",
  );
}

/** Ties a description to what it does, with the handler's argument typed by the schemas. */
export function route<const Doc extends RouteDoc>(
  doc: Doc,
  handle: (
    asked: Asked<
      Parsed<Doc["params"]>,
      Parsed<Doc["query"]>,
      Parsed<Doc["body"] extends BodyDoc ? Doc["body"]["schema"] : undefined>
    >,
  ) => Response | Promise<Response>,
): Route {
  return {
    ...doc,
    async respond(request, params, limits, scope) {
      const url = new URL(request.url);
      const query = parseQuery(doc, url.searchParams);
      const known = doc.params?.safeParse(params);
      if (known?.success === false) {
        throw new AppError("not_found", `Cannot find "${url.pathname}": its id is not a UUID`);
      }
      const bodyText = doc.body === undefined || doc.body.streamed
        ? ""
        : await readBody(request, doc.body, limits);
      // The schemas say what these are; the types only pass it on.
      const asked = {
        params: known?.data,
        query,
        body: doc.body === undefined || doc.body.streamed
          ? undefined
          : parseBody(doc.body, bodyText),
        bodyText,
        request,
        scope,
      } as unknown as Parameters<typeof handle>[0];
      return await handle(asked);
    },
  };
}

function parseQuery({ query, repeatable = [] }: RouteDoc, given: URLSearchParams): unknown {
  const fields: [string, string | string[]][] = [];
  const twice: FieldError[] = [];
  for (const name of new Set(given.keys())) {
    const values = given.getAll(name);
    const [value = ""] = values;
    if (repeatable.includes(name)) fields.push([name, values]);
    else fields.push([name, value]);
    if (values.length > 1 && !repeatable.includes(name)) {
      twice.push({ path: jsonPointer([name]), message: "may be given once only" });
    }
  }
  if (twice.length > 0) throw badQuery(twice);
  if (query === undefined) {
    if (fields.length === 0) return undefined;
    throw badQuery(fields.map(([name]) => ({
      path: jsonPointer([name]),
      message: "is not a parameter of this route",
    })));
  }
  const parsed = query.safeParse(Object.fromEntries(fields));
  if (parsed.success) return parsed.data;
  throw badQuery(fieldErrors(parsed.error, "is not a parameter of this route"));
}

function badQuery(errors: readonly FieldError[]): AppError {
  const named = errors.map(({ path, message }) => `"${path.slice(1)}" ${message}`);
  return new AppError("malformed", `Cannot read the query: ${named.join("; ")}`, { errors });
}

async function readBody(request: Request, body: BodyDoc, limits: BodyLimits): Promise<string> {
  if (body.optional && !hasBody(request)) return "";
  requireMediaType(request, body.contentTypes);
  return await readText(request, limits);
}

/** A body announces itself by its length or by its transfer (RFC 9112, 6). */
function hasBody({ headers, body }: Request): boolean {
  if (body === null) return false;
  return headers.has("transfer-encoding") || !["0", null].includes(headers.get("content-length"));
}

function parseBody({ schema, optional }: BodyDoc, text: string): unknown {
  const parsed = schema.safeParse(optional && text === "" ? {} : parseJson(text));
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error, "is not a known field");
  const named = errors.slice(0, 5).map(({ path, message }) => `"${path || "/"}" ${message}`);
  throw new AppError("invalid", `Cannot take the request: ${named.join("; ")}`, { errors });
}

const MOST_ERRORS = 100;

/** One error for each offending place; an unknown key is named by itself. */
function fieldErrors(error: z.ZodError, unknownKey: string): FieldError[] {
  const all = error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") {
      return [{ path: jsonPointer(issue.path), message: issue.message }];
    }
    return issue.keys.map((key) => ({
      path: jsonPointer([...issue.path, key]),
      message: unknownKey,
    }));
  });
  // A limit may complain of what is of the wrong kind already: the first says why.
  const first = new Map(all.toReversed().map((fault) => [fault.path, fault]));
  return all.filter((fault) => first.get(fault.path) === fault).slice(0, MOST_ERRORS);
}

export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", ...headers },
  });
}
