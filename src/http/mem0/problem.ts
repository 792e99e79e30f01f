/** Errors as mem0's clients are told of them. */
import { type AppError, type ErrorCode, STATUS } from "../../errors.ts";
import { json } from "../route.ts";

/** What its clients know better by another status than ours. */
const THEIR_STATUS: Partial<Record<ErrorCode, number>> = {
  // Validation fails with this one there.
  invalid: 400,
  // The only one that they take for a quota.
  insufficient_storage: 413,
};

/** Python's client shows `detail`; the other one shows the whole body. */
export function mem0Problem({ code, message, retryAfterS, allow }: AppError): Response {
  const headers = {
    ...(retryAfterS !== undefined && { "Retry-After": String(Math.ceil(retryAfterS)) }),
    ...(code === "unauthorized" && { "WWW-Authenticate": "Token" }),
    ...(allow !== undefined && { Allow: allow.join(", ") }),
  };
  return json(THEIR_STATUS[code] ?? STATUS[code], { error: code, detail: message }, headers);
}
