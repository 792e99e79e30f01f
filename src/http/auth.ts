/** The door: one key, checked before anything else of a request is read. */
import { createHash, timingSafeEqual } from "node:crypto";
import { AppError } from "../errors.ts";
import type { FailedAttempts } from "./failed_attempts.ts";

/** Rejects with `unauthorized` unless the request bears the key; that may take its time. */
export type Door = (headers: Headers) => Promise<void>;

export function door(key: string, attempts: FailedAttempts): Door {
  if (key === "") throw new Error("Cannot open the door: a key that is empty shuts nobody out");
  const expected = digest(key);
  return async (headers) => {
    const given = givenKey(headers);
    // Equal lengths for any guess: what is compared, in constant time, are hashes.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    // Who sends no key at all has guessed nothing.
    if (headers.has("authorization") || headers.has("x-api-key")) await attempts.slow();
    throw new AppError(
      "unauthorized",
      "Cannot let this request in: send the container's key as " +
        '"Authorization: Bearer KEY" or "X-API-Key: KEY"',
    );
  };
}

/** Two keys that differ are no key: a proxy and a client may disagree on which one counts. */
function givenKey(headers: Headers): string | undefined {
  const bearer = /^Bearer +([^\s,]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  const header = headers.get("x-api-key") ?? undefined;
  if (headers.has("authorization") && bearer === undefined) return undefined;
  if (bearer !== undefined && header !== undefined && bearer !== header) return undefined;
  return bearer ?? header;
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
