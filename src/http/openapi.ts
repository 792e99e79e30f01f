/**
 * The OpenAPI 3.1 document, made from the routes themselves. Its schemas are the very ones that
 * check requests: OpenAPI 3.1 and zod both speak JSON Schema 2020-12.
 */
import { z } from "zod";
import { type ErrorCode, STATUS } from "../errors.ts";
import { problemSchema } from "./problem.ts";
import type { ReplyDoc, Route, RouteDoc } from "./route.ts";

type Json = Record<string, unknown>;

/** What can go wrong on every route, and on every one behind the door. */
const EVERYWHERE: readonly ErrorCode[] = ["malformed", "forbidden", "misdirected", "internal"];
const BEHIND_THE_DOOR: readonly ErrorCode[] = ["unauthorized", "rate_limited", "not_ready"];
const WITH_BODY: readonly ErrorCode[] = [
  "request_timeout",
  "too_large",
  "unsupported_media_type",
  "invalid",
];

interface HeaderDoc {
  readonly description: string;
  /** False for what only some replies of that status have. */
  readonly required?: boolean;
}

const REQUEST_ID: HeaderDoc = { description: "The request's name in the log." };
const RETRY_AFTER = "Seconds after which the same request may succeed";
const MAYBE_LATER = {
  "Retry-After": { description: `${RETRY_AFTER}, where that is known.`, required: false },
} as const;

/** What errors of a status carry in their heads. */
const ERROR_HEADERS: Readonly<Record<number, Readonly<Record<string, HeaderDoc>>>> = {
  401: { "WWW-Authenticate": { description: "`Bearer`." } },
  429: { "Retry-After": { description: `${RETRY_AFTER}.` } },
  503: MAYBE_LATER,
  507: MAYBE_LATER,
};

/** Errors that are a service's own may pass where those of every service do not. */
const OWN_ERROR_HEADERS: typeof ERROR_HEADERS = { ...ERROR_HEADERS, 409: MAYBE_LATER };

/** An answer with a memory cannot be given again once that was deleted. */
function withIdempotency({ replies }: RouteDoc): readonly ErrorCode[] {
  return 204 in replies ? ["invalid"] : ["invalid", "conflict"];
}

/** What a service says of itself, beside its routes. */
export interface ServiceDoc {
  readonly title: string;
  readonly summary: string;
  readonly description: string;
  /** In the order in which they are to be read. */
  readonly tags: readonly string[];
  /** Whose key it is that is asked for. */
  readonly key: string;
  /** The shape of its errors. */
  readonly problem: z.ZodType;
}

const BRAIN: ServiceDoc = {
  title: "Second Brain",
  summary: "A personal memory for a person and their assistants.",
  description: "One container is one brain: one user, one key. What a write answered with " +
    "2xx is on disk. Errors are RFC 9457 problems. A web page of an origin that is not listed " +
    "gets 403, a request for a host that this service is not gets 421, and a method that a path " +
    "does not know gets 405 with `Allow`. Assistants find the Model Context Protocol at `/mcp`.",
  tags: ["Memories", "Search", "Events", "Import and export", "Service"],
  key:
    "The container's key; or its key for reading, which opens every GET, and searching, making " +
    "a context, and exporting into the reply: elsewhere it gets 403.",
  problem: problemSchema,
};

export function openApiDocument(
  routes: readonly Route[],
  version: string,
  service: ServiceDoc = BRAIN,
): Json {
  const { title, summary, description, tags, key, problem } = service;
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = paths[route.path] ??= {};
    path[route.method.toLowerCase()] = operation(route, schemas, problem);
  }
  return {
    openapi: "3.1.0",
    info: {
      title,
      version,
      summary,
      description,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description:
            `${key} Wrong ones are answered ever later, in the end with 429; the right ` +
            "one is answered at once, whatever others send.",
        },
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
  };
}

function operation(route: Route, schemas: Json, problem: z.ZodType): Json {
  const { operationId, summary, description, tag, open, body } = route;
  return {
    operationId,
    summary,
    ...(description && { description }),
    tags: [tag],
    ...(open && { security: [] }),
    parameters: parameters(route, schemas),
    ...(body && {
      requestBody: {
        required: !body.optional,
        content: Object.fromEntries(body.contentTypes.map((type) => [
          type,
          { schema: jsonSchema(body.schemas?.[type] ?? body.schema, "input", schemas) },
        ])),
      },
    }),
    responses: { ...replies(route, schemas), ...problems(route, schemas, problem) },
  };
}

function parameters({ params, query, headers = {} }: RouteDoc, schemas: Json): Json[] {
  const named = (schema: z.ZodObject | undefined, place: "path" | "query") =>
    Object.entries(schema?.shape ?? {}).map(([name, field]) => {
      const { description, ...rest } = jsonSchema(field, "input", schemas);
      return {
        name,
        in: place,
        required: place === "path" || !z.safeParse(field, undefined).success,
        ...(description !== undefined && { description }),
        schema: rest,
        ...(rest["type"] === "array" && { style: "form", explode: true }),
      };
    });
  return [
    ...named(params, "path"),
    ...named(query, "query"),
    ...Object.entries(headers).map(([name, { description, pattern }]) => ({
      name,
      in: "header",
      required: false,
      description,
      schema: { type: "string", ...(pattern && { pattern }) },
    })),
  ];
}

function replies({ replies: docs }: RouteDoc, schemas: Json): Json {
  return Object.fromEntries(
    Object.entries(docs).map(([status, doc]) => [status, reply(doc, schemas)]),
  );
}

function reply(doc: ReplyDoc, schemas: Json): Json {
  const { description, schema, contentType = "application/json", headers, links } = doc;
  const types = contentType.split(", ");
  const own = Object.entries(headers ?? {}).map(([name, description]) => [name, { description }]);
  return {
    description,
    headers: headerDocs({ "X-Request-ID": REQUEST_ID, ...Object.fromEntries(own) }),
    ...(schema && {
      content: Object.fromEntries(
        types.map((type) => [type, { schema: jsonSchema(schema, "output", schemas) }]),
      ),
    }),
    ...(links && { links }),
  };
}

function headerDocs(headers: Readonly<Record<string, HeaderDoc>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map((
      [name, { description, required = true }],
    ) => [name, { description, required, schema: { type: "string" } }]),
  );
}

/** One entry for each status; codes that share a status share it. */
function problems(route: RouteDoc, schemas: Json, problem: z.ZodType): Json {
  const codes: ErrorCode[] = [
    ...EVERYWHERE,
    ...(route.open ? [] : BEHIND_THE_DOOR),
    ...(route.body ? WITH_BODY : []),
    ...("Idempotency-Key" in (route.headers ?? {}) ? withIdempotency(route) : []),
    ...(route.errors ?? []),
  ];
  const schema = jsonSchema(problem, "output", schemas);
  const byStatus = new Map<number, Set<string>>();
  const all: [string, number][] = codes.map((code) => [code, STATUS[code]]);
  for (const [code, status] of [...all, ...Object.entries(route.ownErrors ?? {})]) {
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  const errorHeaders = route.ownErrors === undefined ? ERROR_HEADERS : OWN_ERROR_HEADERS;
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b).filter(([status]) => !(status in route.replies)).map((
      [status, names],
    ) => [status, {
      description: [...names].join(", "),
      headers: headerDocs({ "X-Request-ID": REQUEST_ID, ...errorHeaders[status] }),
      content: { "application/problem+json": { schema } },
    }]),
  );
}

/** A schema with its named parts moved to the document's components. */
function jsonSchema(schema: z.ZodType, io: "input" | "output", schemas: Json): Json {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const { $defs = {}, ...rest } = JSON.parse(
    JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/'),
  );
  delete rest.$schema; // Said once, by the document's version.
  Object.assign(schemas, $defs);
  // A schema with a name is a reference already: what it names is among the parts.
  return rest;
}
