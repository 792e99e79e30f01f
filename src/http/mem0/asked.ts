/** What a request of mem0's says: its path, its query and its body. */
import { z } from "zod";
import { AppError, jsonPointer } from "../../errors.ts";
import { isJsonObject, type JsonObject, parseJson } from "../../json.ts";
import type { Scope } from "../../scope.ts";
import { readText, requireMediaType } from "../body.ts";
import type { Mem0ApiOptions } from "./options.ts";

export interface Asked {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** One of their routes. */
export interface Mem0Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Without the slash that theirs end with. */
  readonly path: string;
  readonly scope: Scope;
  readonly answer: (asked: Asked) => Response | Promise<Response>;
}

export const objectSchema = z.custom<JsonObject>(isJsonObject, "must be an object");
const name = z.union([z.string(), z.number().transform(String)])
  .pipe(z.string().min(1).max(256));

/** Whom a memory is of, where it is said beside the filters. */
export const ENTITY_FIELDS = {
  user_id: name.nullish(),
  agent_id: name.nullish(),
  app_id: name.nullish(),
  run_id: name.nullish(),
} as const;

/** "*" is anybody, and a path with a name of dots leads elsewhere: such an owner is none. */
const owner = name.refine((name) => !["*", ".", ".."].includes(name), "must be a name");

export const OWNER_FIELDS = {
  user_id: owner.nullish(),
  agent_id: owner.nullish(),
  app_id: owner.nullish(),
  run_id: owner.nullish(),
} as const;

/**
 * The body, as far as the schema knows it. What else is in it is no error, as elsewhere here: their
 * clients, old ones and new ones, send what only their own service has a use for.
 */
export async function bodyOf<T>(
  schema: z.ZodType<T>,
  { request }: Asked,
  { bodyLimits }: Mem0ApiOptions,
): Promise<T> {
  requireMediaType(request, ["application/json"]);
  return checked(schema, parseJson(await readText(request, bodyLimits)));
}

/** Throws `invalid`. */
export function checked<T>(schema: z.ZodType<T>, given: unknown): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 5)
    .map(({ path, message }) => `"${jsonPointer(path) || "/"}" ${message}`);
  throw new AppError("invalid", `Cannot take the request: ${faults.join("; ")}`);
}

/**
 * What a query says, each once: of two owners one would be passed over in silence. A query holds
 * texts only; what is an object elsewhere is JSON there.
 */
export function queryOf<T>(schema: z.ZodType<T>, { query }: Pick<Asked, "query">): T {
  const given = Object.fromEntries(query);
  const repeated = Object.keys(given).find((name) => query.getAll(name).length > 1);
  if (repeated !== undefined) {
    throw new AppError("invalid", `Cannot take the request: "/${repeated}" must be said once`);
  }
  const { metadata, filters, ...rest } = given;
  return checked(schema, { ...rest, ...jsonAt({ metadata }), ...jsonAt({ filters }) });
}

function jsonAt(given: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const parsed = Object.entries(given).flatMap(([name, text]) => {
    if (text === undefined) return [];
    try {
      return [[name, parseJson(text)]];
    } catch {
      // The schema says what is wrong with it.
      return [[name, text]];
    }
  });
  return Object.fromEntries(parsed);
}

/** Which part of a list is wanted; undefined for all of it. */
export interface Page {
  readonly page: number;
  readonly size: number;
}

const MOST_ON_PAGE = 1_000;
const DEFAULT_SIZE = 100;

const whole = (most: number) =>
  z.string().regex(/^[1-9]\d{0,8}$/, "must be a whole number from 1")
    .transform(Number).pipe(z.number().max(most));

const pageSchema = z.object({
  page: whole(1e9).optional(),
  page_size: whole(MOST_ON_PAGE).optional(),
});

export function pageOf(asked: Asked): Page | undefined {
  const { page, page_size: size } = queryOf(pageSchema, asked);
  if (page === undefined && size === undefined) return undefined;
  return { page: page ?? 1, size: size ?? DEFAULT_SIZE };
}

export const FIRST_PAGE: Page = { page: 1, size: DEFAULT_SIZE };

/** Throws `not_found`: every id of ours is a UUID. */
export function idOf({ params }: Asked, field = "id"): string {
  return knownId(params[field] ?? "");
}

export function knownId(given: string): string {
  const id = z.uuid().safeParse(given);
  if (id.success) return id.data.toLowerCase();
  throw new AppError("not_found", "Cannot find the memory: its id is not a UUID");
}
