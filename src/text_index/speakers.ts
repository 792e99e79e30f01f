/**
 * Who says a memory: its `speaker` or `author`, or the name before a colon with which the lines of
 * a written conversation begin. A question that names somebody is answered best by their own words,
 * which call them "I", while others only say their name.
 */
import type { Memory } from "../memory.ts";
import { lower, withoutMarks } from "./normalized.ts";
import { stem } from "./stemming.ts";

const KEYS = ["speaker", "author"];
/** "Ann: ", "Ann Lee: ". */
const LABEL = /^(\p{Lu}[\p{L}\p{M}'’.-]{0,30})(?: \p{Lu}[\p{L}\p{M}'’.-]{0,30}){0,2}: /u;
const FIRST_NAME = /\p{L}[\p{L}\p{M}'’-]*/u;
/** FNV-1a of 32 bits. */
const HASH_START = 0x811c9dc5, HASH_FACTOR = 0x01000193;
const NOBODY = 0;
const MAX_KNOWN_NAMES = 5_000;
/** Longer ones are no names, and might hold millions of characters together. */
const MAX_KNOWN_CHARACTERS = 64;

/** Holds nothing but a pure function's results. */
const hashes = new Map<string, number>();

/** The first name of who says it as `nameHash` gives it, or 0: two names of one hash are rarer than
 * two people of one name. */
export function speakerOf({ content, metadata }: Memory): number {
  for (const key of KEYS) {
    const name = metadata[key];
    if (typeof name === "string") return knownHashOf(name);
  }
  const label = LABEL.exec(content)?.[1];
  return label === undefined ? NOBODY : hashOf(label);
}

/** What most memories have that say it: the same few names. */
function knownHashOf(name: string): number {
  const known = hashes.get(name);
  if (known !== undefined) return known;
  const hash = hashOf(name);
  if (hashes.size >= MAX_KNOWN_NAMES) hashes.clear();
  if (name.length <= MAX_KNOWN_CHARACTERS) hashes.set(name, hash);
  return hash;
}

function hashOf(name: string): number {
  const first = FIRST_NAME.exec(name)?.[0];
  return first === undefined ? NOBODY : nameHash(stem(lower(withoutMarks(first))));
}

/** Of a term. */
export function nameHash(term: string): number {
  let hash = HASH_START;
  for (let at = 0; at < term.length; at++) {
    hash = Math.imul(hash ^ term.charCodeAt(at), HASH_FACTOR);
  }
  return hash;
}
