/**
 * Errors as replies: RFC 9457 `application/problem+json`. Only an `AppError` speaks to the caller;
 * of anything else he learns nothing but that it happened.
 */
import { z } from "zod";
import { AppError, type ErrorCode, STATUS } from "../errors.ts";

export const problemSchema = z.strictObject({
  type: z.string().meta({ examples: ["urn:second-brain:error:not_found"] }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.strictObject({
    path: z.string().meta({ description: "A JSON pointer into the request." }),
    message: z.string(),
    index: z.int().optional().meta({ description: "Import: which record, counted from 0." }),
    id: z.string().nullable().optional(),
    reason: z.string().optional(),
  })).optional(),
}).meta({ id: "Problem" });

const TITLES: Readonly<Record<ErrorCode, string>> = {
  malformed: "The request cannot be read",
  unauthorized: "The key is missing or wrong",
  forbidden: "This is not allowed",
  not_found: "There is no such thing",
  method_not_allowed: "The method is not allowed here",
  request_timeout: "The request took too long to arrive",
  conflict: "It conflicts with what is there",
  precondition_failed: "The memory is not as expected",
  too_large: "The request is too large",
  unsupported_media_type: "The content type is not supported",
  misdirected: "The request is for somebody else",
  invalid: "The request is not valid",
  rate_limited: "Too many requests",
  head_too_large: "The request's head is too large",
  internal: "Something went wrong",
  not_ready: "The service is not ready",
  overloaded: "The service is overloaded",
  read_only: "The service is read-only",
  storage_failed: "The storage failed",
  insufficient_storage: "The storage is full",
};

/** A problem in the words of whichever service has it. */
export interface ProblemReply {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Further members of the body. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly retryAfterS?: number | undefined;
}

export function problem(error: AppError): Response {
  const { code, message: detail, errors, retryAfterS, allow } = error;
  const reply = problemReply({
    ...{ code, status: STATUS[code], title: TITLES[code], detail, retryAfterS },
    ...(errors && { more: { errors } }),
  });
  if (code === "unauthorized") reply.headers.set("WWW-Authenticate", "Bearer");
  if (allow !== undefined) reply.headers.set("Allow", allow.join(", "));
  return reply;
}

export function problemReply(
  { code, status, title, detail, more, retryAfterS }: ProblemReply,
): Response {
  const body = { type: `urn:second-brain:error:${code}`, title, status, detail, ...more };
  const headers = new Headers({ "Content-Type": "application/problem+json" });
  if (retryAfterS !== undefined) headers.set("Retry-After", String(Math.ceil(retryAfterS)));
  return new Response(JSON.stringify(body), { status, headers });
}

/** What is not ours to tell: the caller gets the fact, the log gets the rest. */
export function internalProblem(): Response {
  return problem(
    new AppError("internal", "Cannot answer: an unexpected error happened; it was logged"),
  );
}
