/**
 * JSON from outside, read without loss: what `JSON.parse` would silently change is refused.
 *
 * Keys such as `__proto__` are plain data. Values are walked with a stack of our own, so that no
 * depth of nesting can exhaust the program's.
 */
import { AppError } from "./errors.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Deeper documents are refused. No request of ours comes near; `JSON.stringify` recurses. */
export const MAX_JSON_DEPTH = 64;

/**
 * Commas, brackets and strings. No request of ours comes near; eight megabytes of `[],` would hold
 * everybody else up for two seconds.
 */
const MAX_JSON_PARTS = 100_000;

/** An integer literal long enough that a double may not hold it, standing as a value. */
const LONG_INTEGER = /(?:^|[\s,:[-])\d{16,}(?=[\s,\]}]|$)/;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses text as JSON. Throws `malformed` where it is none, is nested deeper than `MAX_JSON_DEPTH`
 * or has more than `MAX_JSON_PARTS`; and `invalid` where a value would not survive: numbers beyond
 * a double, whole numbers that a double would round, halves of surrogate pairs.
 */
export function parseJson(text: string): JsonValue {
  if (hasMoreParts(text, MAX_JSON_PARTS)) {
    throw new AppError(
      "malformed",
      `Cannot read the JSON: it has more than ${MAX_JSON_PARTS} parts; ` +
        "send it in several requests, or many memories as NDJSON to /import",
    );
  }
  let value: JsonValue;
  try {
    value = LONG_INTEGER.test(text) ? JSON.parse(text, refuseRounded) : JSON.parse(text);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("malformed", "Cannot read the JSON: it is not well-formed");
  }
  const { depth, fault } = inspectJson(value);
  if (depth > MAX_JSON_DEPTH) {
    throw new AppError(
      "malformed",
      `Cannot read the JSON: it is nested deeper than ${MAX_JSON_DEPTH} levels`,
    );
  }
  if (fault !== null) throw new AppError("invalid", `Cannot take the JSON: ${fault}`);
  return value;
}

/** Counts without parsing, and no further than it must; strings are leapt over. */
function hasMoreParts(text: string, most: number): boolean {
  const part = /[,[{"]/g;
  for (let parts = 0, at = part.exec(text); at !== null; at = part.exec(text)) {
    if (++parts > most) return true;
    if (at[0] === '"') part.lastIndex = endOfString(text, at.index + 1);
  }
  return false;
}

/** The place behind the quotation mark that ends a string, or behind all where none does. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = at;
    while (escapes > from && text[escapes - 1] === "\\") escapes--;
    if ((at - escapes) % 2 === 0) return at + 1;
  }
  return text.length;
}

/** How deep a value is nested (a scalar is 0), and what in it would not survive storage. */
export function inspectJson(root: JsonValue): { depth: number; fault: string | null } {
  let deepest = 0;
  let fault: string | null = null;
  const stack: { value: JsonValue; depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { value, depth } = next;
    if (typeof value !== "object" || value === null) {
      fault ??= scalarFault(value);
      continue;
    }
    deepest = Math.max(deepest, depth + 1);
    // One level too many is enough to know; the rest need not be walked.
    if (deepest > MAX_JSON_DEPTH) break;
    for (const [key, child] of Object.entries(value)) {
      fault ??= scalarFault(key);
      if (typeof child === "object" && child !== null) {
        stack.push({ value: child, depth: depth + 1 });
      } else fault ??= scalarFault(child);
    }
  }
  return { depth: deepest, fault };
}

function scalarFault(value: JsonValue): string | null {
  if (typeof value === "number" && !Number.isFinite(value)) {
    return "a number is beyond the range of a double";
  }
  if (typeof value === "string" && !value.isWellFormed()) {
    return "a string holds half of a surrogate pair";
  }
  return null;
}

/**
 * `JSON.parse` reviver; `source` is the literal as it stood in the text (ES2026). A number that would
 * be written back with other digits is refused, even one that a double holds exactly (2^60 is
 * written 1152921504606847000): so what was accepted is accepted again.
 */
function refuseRounded(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || !/^-?\d{16,}$/.test(source)) {
    return value;
  }
  if (String(value) === source) return value;
  throw new AppError(
    "invalid",
    `Cannot take the JSON: the number ${source.slice(0, 40)} would come back with other digits; ` +
      "send it as a string",
  );
}

/** True where two JSON values are equal; the order of keys does not count. */
export function jsonEqual(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  const right = new Map(Object.entries(b));
  return left.length === right.size && left.every(([key, value]) => {
    const other = right.get(key);
    return other !== undefined && jsonEqual(value, other);
  });
}

/**
 * JSON Merge Patch (RFC 7396, section 2): an object is merged key by key, a null removes its key,
 * anything else replaces. Neither argument is changed; `__proto__` is a key like any other.
 */
export function mergePatch(target: JsonValue, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key) ?? null, value));
  }
  // Object.fromEntries defines properties, so a `__proto__` becomes data, not a prototype.
  return Object.fromEntries(merged);
}
