/**
 * Notes that nobody wrote, but that have the shape of those that people write: few words that stand
 * everywhere, many that stand hardly anywhere (Zipf), names, dates, threads. Note number n is the
 * same on every machine, so that the process that asks knows what the brain holds.
 */
import type { Entry, Memory } from "../../src/memory.ts";
import { NEVER_ACCESSED } from "../../src/memory.ts";
import { random } from "../random.ts";

export const DIMENSIONS = 384;

const GRAMMAR = "the of and to a in is that it was for on you with as I he be at by we this had " +
  "not are but from or have an they which one were all she there would their him been has when " +
  "who will more no if out so what up about into than can other some could them our then do";
const WORDS = 30_000;
const NAMES = 400;
const TOPICS = 300;
const CLUSTERS = 256;
const THREAD_NOTES = 24;
const FIRST_DAY = Date.UTC(2023, 0, 1);
const STEP_MS = 15 * 60_000;
const MONTHS = ["January", "March", "April", "June", "August", "October", "November", "December"];
const TYPES = ["semantic", "episodic", "procedural"] as const;

type Random = () => number;

function pick<T>(from: readonly T[], chance: Random): T {
  const one = from[Math.floor(chance() * from.length)];
  if (one === undefined) throw new RangeError("Cannot pick: there is nothing to pick from");
  return one;
}

/** Two to four syllables that can be said aloud. */
function pronounceable(chance: Random): string {
  const onsets = "b br c ch d dr f fl g gr h j k l m n p pl qu r s sh sl st t th tr v w".split(" ");
  const vowels = "a e i o u ai ea ou ee".split(" ");
  const codas = ["", "", "", "n", "r", "l", "s", "t", "m", "nd", "ck", "st"];
  let word = "";
  for (let left = 2 + Math.floor(chance() * 3); left > 0; left--) {
    word += pick(onsets, chance) + pick(vowels, chance) + pick(codas, chance);
  }
  return word;
}

function distinctWords(count: number, seed: number): string[] {
  const chance = random(seed);
  const words = new Set<string>();
  while (words.size < count) words.add(pronounceable(chance));
  return [...words];
}

const contentWords = distinctWords(WORDS, 1);
const grammarWords = GRAMMAR.split(" ");
/** By rank: as in English, the words of grammar come first. */
const vocabulary = [...grammarWords, ...contentWords];
const names = distinctWords(NAMES, 2).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
const topics = distinctWords(TOPICS, 3);

/** Sum of 1 / (rank + 2.7) up to each rank (Zipf and Mandelbrot). */
const cumulative = new Float64Array(vocabulary.length);
vocabulary.reduce((sum, _, rank) => cumulative[rank] = sum + 1 / (rank + 2.7), 0);

function zipfWord(chance: Random): string {
  const wanted = chance() * (cumulative.at(-1) ?? 0);
  let low = 0;
  let high = vocabulary.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cumulative[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return vocabulary[low] ?? "";
}

function sentence(chance: Random): string {
  const words = Array.from({ length: 5 + Math.floor(chance() * 14) }, () => zipfWord(chance));
  if (chance() < 0.4) words.splice(Math.floor(chance() * words.length), 0, pick(names, chance));
  if (chance() < 0.15) {
    words.push("on", `${1 + Math.floor(chance() * 28)}`, pick(MONTHS, chance));
  }
  const text = words.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1) + (chance() < 0.1 ? "?" : ".");
}

function content(chance: Random): string {
  // Most notes are a sentence or two, a few are pages.
  const sentences = Math.min(60, Math.ceil(-2.2 * Math.log(1 - chance())) + 1);
  return Array.from({ length: sentences }, () => sentence(chance)).join(" ");
}

function chanceOf(stream: number, number: number): Random {
  const chance = random(Math.imul(number + 1, 0x9e3779b1) ^ stream);
  chance(); // Neighbouring seeds begin alike.
  return chance;
}

export function noteId(number: number): string {
  const chance = chanceOf(11, number);
  const hex = (digits: number) =>
    Math.floor(chance() * 16 ** digits).toString(16).padStart(digits, "0");
  const tail = number.toString(16).padStart(8, "0");
  return `${hex(8)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(4)}${tail}`;
}

/** What a client sends: no id, no times. */
export interface NewNote {
  readonly content: string;
  readonly memory_type: (typeof TYPES)[number];
  readonly importance_score: number;
  readonly tags: readonly string[];
  readonly metadata: Memory["metadata"];
}

/** Note `number` of a stream; different streams share the language, and nothing else. */
export function newNote(stream: number, number: number): NewNote {
  const chance = chanceOf(stream, number);
  const inThread = Math.floor(number / THREAD_NOTES) % 3 === 0;
  return {
    content: content(chance),
    memory_type: pick(TYPES, chance),
    importance_score: Math.round(chance() * 100) / 100,
    tags: Array.from({ length: Math.floor(chance() * 4) }, () => pick(topics, chance))
      .filter((tag, at, all) => all.indexOf(tag) === at),
    metadata: {
      source: pick(["phone", "desk", "mail"], chance),
      author: pick(names, chance),
      ...(inThread && { thread_id: `thread-${Math.floor(number / THREAD_NOTES)}` }),
    },
  };
}

const STORED = 21;

/** Note `number` as a brain that was filled for a measurement holds it. */
export function storedNote(number: number, withVector: boolean): Entry {
  const at = new Date(FIRST_DAY + number * STEP_MS).toISOString();
  const note = newNote(STORED, number);
  return {
    memory: {
      id: noteId(number),
      ...note,
      created_at: at,
      updated_at: at,
      ...(withVector && { embedding: noteVector(number) }),
    },
    access: NEVER_ACCESSED,
  };
}

/** Two to eight words out of a stored note, some of them words of grammar, as people ask. */
export function question(number: number, stored: number): string {
  const chance = chanceOf(31, number);
  const words = newNote(STORED, Math.floor(chance() * stored)).content.split(/[ .?]+/)
    .filter((word) => word !== "");
  const length = 2 + Math.floor(chance() * 7);
  const from = Math.floor(chance() * Math.max(1, words.length - length));
  return words.slice(from, from + length).join(" ");
}

const centres = Array.from({ length: CLUSTERS }, (_, at) => gaussians(chanceOf(41, at)));

/** Near enough to normal: a sum of three uniform numbers. */
function gaussians(chance: Random): Float32Array {
  const numbers = new Float32Array(DIMENSIONS);
  for (let i = 0; i < DIMENSIONS; i++) numbers[i] = 2 * (chance() + chance() + chance() - 1.5);
  return numbers;
}

function nearCentre(chance: Random): Float32Array {
  const centre = pick(centres, chance);
  const vector = gaussians(chance);
  for (let i = 0; i < DIMENSIONS; i++) vector[i] = (centre[i] ?? 0) + 0.7 * (vector[i] ?? 0);
  return vector;
}

export function noteVector(number: number): Float32Array {
  return nearCentre(chanceOf(51, number));
}

export function questionVector(number: number): Float32Array {
  return nearCentre(chanceOf(61, number));
}
