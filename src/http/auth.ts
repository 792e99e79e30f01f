/**
 * The door: a key, checked before anything else of a request is read. There is one for everything,
 * while it is being changed also the one before it, and perhaps one for reading.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { AppError } from "../errors.ts";
import type { Scope } from "../scope.ts";
import type { FailedAttempts } from "./failed_attempts.ts";

/** Rejects with `unauthorized` unless the request bears a key; that may take its time. */
export type Door = (headers: Headers) => Promise<Scope>;

/** What the key that a request bears lets it in for; undefined where it bears none that does. */
type Recognise = (headers: Headers) => Scope | undefined;

/** `recognise` is asked for each request. */
export function door(recognise: Recognise, attempts: FailedAttempts): Door {
  return async (headers) => {
    const scope = recognise(headers);
    if (scope !== undefined) return scope;
    // Who sends no key at all has guessed nothing.
    if (headers.has("authorization") || headers.has("x-api-key")) await attempts.slow();
    throw new AppError(
      "unauthorized",
      "Cannot let this request in: send the container's key as " +
        '"Authorization: Bearer KEY" or "X-API-Key: KEY"',
    );
  };
}

/**
 * `keys` are those that let in now; there must always be one. `readKeys` let in for reading only; a
 * key that is both is for everything.
 */
export function byKey(
  keys: () => readonly string[],
  readKeys: () => readonly string[] = () => [],
): Recognise {
  const digestOf = remembered(digest);
  const expected = () => {
    const all = keys();
    if (all.length === 0 || all.includes("")) {
      throw new Error("Cannot open the door: a key that is empty shuts nobody out");
    }
    return all.map(digestOf);
  };
  expected();
  const readers = () => readKeys().filter((key) => key !== "").map(digestOf);
  return (headers) => {
    const given = givenKey(headers);
    if (given === undefined) return undefined;
    // Equal lengths for any guess: what is compared, in constant time, are hashes.
    const hash = digest(given);
    const isWriter = isOneOf(hash, expected()), isReader = isOneOf(hash, readers());
    return isWriter ? "write" : isReader ? "read" : undefined;
  };
}

/** Compares with all of them, whichever it is. */
function isOneOf(given: Uint8Array, expected: readonly Uint8Array[]): boolean {
  return expected.filter((one) => timingSafeEqual(given, one)).length > 0;
}

/** The last three results: there are no more keys at a time. */
function remembered(hash: (key: string) => Uint8Array): (key: string) => Uint8Array {
  let known: readonly (readonly [string, Uint8Array])[] = [];
  return (key) => {
    const found = known.find(([of]) => of === key);
    if (found !== undefined) return found[1];
    const made = hash(key);
    known = [...known.slice(-2), [key, made]];
    return made;
  };
}

/** Two keys that differ are no key: a proxy and a client may disagree on which one counts. */
export function givenKey(headers: Headers): string | undefined {
  const bearer = /^Bearer +([^\s,]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  // An empty one is none: nobody's key has nothing in it.
  const header = headers.get("x-api-key") || undefined;
  if (headers.has("authorization") && bearer === undefined) return undefined;
  if (bearer !== undefined && header !== undefined && bearer !== header) return undefined;
  return bearer ?? header;
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
