/** Query parameters and headers that several routes take. */
import { z } from "zod";
import { AppError } from "../errors.ts";
import type { Retriable } from "../idempotency.ts";
import { IDEMPOTENCY_KEY } from "../idempotency_key.ts";
import { mediaType, type StreamedBody } from "./body.ts";

/** As JSON writes it (RFC 8259, 6), with so many digits at most. */
const JSON_NUMBER = /^\d{1,15}(\.\d{1,30})?([eE][+-]?\d{1,3})?$/;

/** A number in a query, where everything is text; the document says what it means. */
export function numberParameter(
  { integer, min, max, description }: {
    readonly integer: boolean;
    readonly min: number;
    readonly max: number;
    readonly description?: string;
  },
) {
  const form = integer ? /^\d{1,15}$/ : JSON_NUMBER;
  const kind = integer ? "a whole number" : "a number";
  const schema = z.custom<string>(
    (text) =>
      typeof text === "string" && form.test(text) && Number(text) >= min && Number(text) <= max,
    `must be ${kind} from ${min} to ${max}`,
  );
  return schema.transform(Number).meta({
    type: integer ? "integer" : "number",
    minimum: min,
    maximum: max,
    ...(description && { description }),
  });
}

/** Which part of a list is wanted. */
export function pageParameters(defaultLimit: number, mostOffset: number) {
  const description = `Default ${defaultLimit}.`;
  return {
    limit: numberParameter({ integer: true, min: 1, max: 100, description }).optional(),
    offset: numberParameter({ integer: true, min: 0, max: mostOffset }).optional(),
  };
}

export const flagParameter = z.custom<string>(
  (text) => text === "true" || text === "false",
  "must be true or false",
).transform((text) => text === "true").meta({ type: "boolean" });

export const IDEMPOTENCY_HEADER = {
  "Idempotency-Key": {
    description: "Any text of 1 to 255 printable ASCII characters: a repeated request with the " +
      "same key has one effect and gets the same answer, for 24 hours.",
    pattern: IDEMPOTENCY_KEY.source,
  },
} as const;

export const IF_MATCH_HEADER = {
  "If-Match": {
    description: "An ETag: the request is carried out only if the memory is still that version.",
  },
} as const;

/** The request's `Idempotency-Key`. Throws `malformed`. */
export function idempotencyKeyOf({ headers }: Request): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null || IDEMPOTENCY_KEY.test(key)) return key ?? undefined;
  throw new AppError(
    "malformed",
    "Cannot read the Idempotency-Key: it must be 1 to 255 printable ASCII characters",
  );
}

/**
 * The same, tied to what is asked; undefined where it has none. `body` is the text, or a body that
 * is still to be read.
 */
export function retriable(request: Request, body: string | StreamedBody): Retriable | undefined {
  const key = idempotencyKeyOf(request);
  if (key === undefined) return undefined;
  const { pathname, search } = new URL(request.url);
  const match = request.headers.get("if-match") ?? "";
  const asked = [request.method, pathname, search, match];
  if (typeof body === "string") return { key, request: () => JSON.stringify([...asked, body]) };
  const streamed = () => JSON.stringify([...asked, mediaType(request), body.digest]);
  return { key, request: streamed, readOn: () => body.readOn() };
}
