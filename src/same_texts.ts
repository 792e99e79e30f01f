/**
 * Which memories say the same: so that a text that is known already need not be stored twice.
 *
 * Texts are the same where they differ in nothing but white space, capitals, and how Unicode spells
 * a character. Words that only look or mean alike are not: those are for a person to judge.
 *
 * Held in memory only, a hash and a reference for each memory. Made when it is first asked for, in
 * slices, and from then on kept in step with every change: who never asks pays nothing.
 */
import type { Memory } from "./memory.ts";
import { Pace } from "./pace.ts";
import { isAscii } from "./scripts.ts";
import { compareKeys } from "./selection.ts";

/** White space as in Unicode, which has one character more than JavaScript. */
const BLANKS = /[\s\u0085]+/gu;
/** Most texts have single blanks only: those need no new string. */
const ODD_BLANK = /[^\S ]|\u0085| {2}|^ | $/;
const DOTLESS_I = /(\u0131)/;
const FNV_PRIME = 0x01000193;

/**
 * Equal for texts that are the same: canonical caseless matching (The Unicode Standard, 3.13, D145),
 * with runs of white space as one blank. Full case folding, so that STRASSE is straße; the Turkish
 * dotless ı is not i, as it makes other words. Compatibility forms stay apart: 10² is not 102.
 */
export function sameTextKey(text: string): string {
  const plain = ODD_BLANK.test(text) ? text.replace(BLANKS, " ").trim() : text;
  if (isAscii(plain)) return plain.toLowerCase();
  return caseFolded(plain.normalize("NFD")).normalize("NFD");
}

/** By way of capitals, which Unicode spells out in full; only of ı they make an i. */
function caseFolded(text: string): string {
  const parts = text.toLowerCase().split(DOTLESS_I);
  return parts.map((part) => part === "\u0131" ? part : part.toUpperCase().toLowerCase()).join("");
}

export interface SameTextsOptions {
  readonly memories: () => Iterable<Memory>;
  /** From 0 up to 1: a hash that nobody can foresee. */
  readonly random: () => number;
}

export class SameTexts {
  readonly #memories: () => Iterable<Memory>;
  readonly #seed: number;
  /** By hash of the text, the memories that have it, oldest first; mostly there is just one. */
  readonly #byHash = new Map<number, Memory | Memory[]>();
  #made: Promise<void> | undefined;

  constructor({ memories, random }: SameTextsOptions) {
    this.#memories = memories;
    this.#seed = Math.floor(random() * 2 ** 32);
  }

  /** Resolves when every memory can be found by its text. */
  ready(): Promise<void> {
    return this.#made ??= this.#make();
  }

  /** Of the memories with the same text the first by `created_at`, then by `id`. */
  oldest(text: string): Memory | undefined {
    const key = sameTextKey(text);
    const found = this.#byHash.get(this.#hash(key));
    if (found === undefined) return undefined;
    const candidates = Array.isArray(found) ? found : [found];
    return candidates.find(({ content }) => sameTextKey(content) === key);
  }

  /** The same number for the same text; others may have it too. */
  fingerprint(text: string): number {
    return this.#hash(sameTextKey(text));
  }

  /** To be called after every change: what a memory was, what it is; undefined where it is none. */
  changed(before: Memory | undefined, after: Memory | undefined): void {
    if (this.#made === undefined) return;
    if (before !== undefined) this.#remove(before);
    if (after !== undefined) this.#add(after);
  }

  /** Each memory as it is when its turn comes; what changes meanwhile comes by itself. */
  async #make(): Promise<void> {
    const pace = new Pace();
    for (const memory of this.#memories()) {
      this.#add(memory);
      if (pace.due) await pace.breathe();
    }
  }

  #add(memory: Memory): void {
    const hash = this.fingerprint(memory.content);
    const there = this.#byHash.get(hash);
    if (there === undefined) {
      this.#byHash.set(hash, memory);
      return;
    }
    const memories = Array.isArray(there) ? there : [there];
    const at = placeOf(memory, memories);
    memories.splice(at, memories[at]?.id === memory.id ? 1 : 0, memory);
    this.#keep(hash, memories);
  }

  #remove(memory: Memory): void {
    const hash = this.fingerprint(memory.content);
    const there = this.#byHash.get(hash);
    if (there === undefined) return;
    const memories = Array.isArray(there) ? there : [there];
    const at = placeOf(memory, memories);
    if (memories[at]?.id === memory.id) memories.splice(at, 1);
    this.#keep(hash, memories);
  }

  #keep(hash: number, memories: Memory[]): void {
    const [first] = memories;
    if (first === undefined) this.#byHash.delete(hash);
    else this.#byHash.set(hash, memories.length === 1 ? first : memories);
  }

  /** FNV-1a of 32 bits from a start of our own, over UTF-16. */
  #hash(key: string): number {
    let hash = this.#seed;
    for (let at = 0; at < key.length; at++) {
      hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
    }
    return hash;
  }
}

/** How many come before it (binary search). */
function placeOf(memory: Memory, memories: readonly Memory[]): number {
  let low = 0, high = memories.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = memories[middle];
    if (other !== undefined && compareAge(other, memory) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Below 0 where `a` is the older one. */
export function compareAge(a: Memory, b: Memory): number {
  return compareKeys(a.created_at, b.created_at) || compareKeys(a.id, b.id);
}
