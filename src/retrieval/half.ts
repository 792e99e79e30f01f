/**
 * One side of one question: what the words find, or the meanings, with the filter applied before
 * the best are chosen.
 */
import type { HalfHit } from "../fusion.ts";
import { matcher, type Memory, type MemoryFilter } from "../memory.ts";
import { Pace } from "../pace.ts";
import { compareKeys, selectWindow } from "../selection.ts";
import type { State } from "../state.ts";
import type { TextIndex } from "../text_index.ts";
import type { VectorIndex } from "../vector_index.ts";

const MERGED_AT_ONCE = 256;

export interface Found {
  /** Best first. */
  readonly hits: readonly HalfHit[];
  /** How many there are in all. */
  readonly total: number;
}

export interface Half {
  readonly side: "words" | "meanings";
  /** Which of the questions it is a side of. */
  readonly question: number;
  readonly find: (limit: number) => Promise<Found>;
}

/** What narrows both sides: a filter, what no filter can say, and a memory that is not to be found. */
export interface Narrowing {
  readonly filter: MemoryFilter;
  readonly matches?: ((memory: Memory) => boolean) | undefined;
  readonly except?: string | undefined;
}

export interface WordsOptions {
  readonly textIndex: TextIndex;
  /** Until then some memories would not be found by their words. */
  readonly wordsReady: Promise<void>;
  readonly text: string;
  readonly narrowing: Narrowing;
  /** Told of every memory that has the words, also of those beyond the limit. */
  readonly note?: ((id: string) => void) | undefined;
}

export function findWords(options: WordsOptions): Half["find"] {
  const { textIndex, wordsReady, text, narrowing, note } = options;
  const passes = testOf(narrowing);
  const isIn = (memory: Memory) => {
    if (!passes(memory)) return false;
    note?.(memory.id);
    return true;
  };
  const isAll = isEmpty(narrowing) && note === undefined;
  return async (limit) => {
    await wordsReady;
    // Each looks in one piece: what others have begun in this turn is not to be added to.
    const pace = new Pace();
    if (pace.due) await pace.breathe();
    return textIndex.search({ text, limit, accept: isAll ? undefined : isIn });
  };
}

export interface MeaningsOptions {
  readonly vectorIndex: VectorIndex;
  readonly state: State;
  /** Of several the nearest counts. */
  readonly vectors: readonly Float32Array[];
  readonly narrowing: Narrowing;
  /** Told where the index was out of reach, and gave what could be found without it. */
  readonly poorer: () => void;
}

export function findMeanings(options: MeaningsOptions): Half["find"] {
  const { vectorIndex, state, vectors, narrowing, poorer } = options;
  const { filter, except } = narrowing;
  const passes = testOf(narrowing);
  const isIn = (id: string) => {
    const memory = state.get(id);
    return memory !== undefined && passes(memory);
  };
  // Without a filter nothing is looked up for each vector: ranking drops what was deleted since.
  const accept = isEmpty(narrowing) ? undefined : isIn;
  return async (limit) => {
    const search = async (vector: Float32Array): Promise<Found> => {
      const found = await vectorIndex.search({ vector, limit, filter, except, accept });
      if (found.isPoorer === true) poorer();
      return found;
    };
    const lists = await eachOf(vectors, search, isElsewhere(vectorIndex));
    const [only] = lists;
    return lists.length === 1 && only !== undefined ? only : await nearest(lists, limit);
  };
}

/** Another service is asked for everything at once: one reply after the other takes too long. */
export function isElsewhere({ elsewhere }: VectorIndex): boolean {
  return elsewhere !== undefined;
}

/** The outcomes in order, of work that is done together, or one after the other. */
export async function eachOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  isTogether: boolean,
): Promise<R[]> {
  if (isTogether) {
    const all = items.map(work);
    // Also where one fails: nothing goes on behind the answer.
    await Promise.allSettled(all);
    return await Promise.all(all);
  }
  const outcomes: R[] = [];
  for (const item of items) outcomes.push(await work(item));
  return outcomes;
}

/** The best score of each id. Below the end of any list an id may be missing there, and better than
 * it seems: what is surely known ends at the highest end. */
async function nearest(lists: readonly Found[], limit: number): Promise<Found> {
  const full = lists.filter(({ hits }) => hits.length >= limit);
  const surely = full.reduce((most, { hits }) => Math.max(most, hits.at(-1)?.score ?? -1), -1);
  const pace = new Pace();
  const best = new Map<string, HalfHit>();
  let n = 0;
  for (const { hits } of lists) {
    for (const hit of hits) {
      if (hit.score < surely) break;
      if (hit.score > (best.get(hit.id)?.score ?? -Infinity)) best.set(hit.id, hit);
      if (++n % MERGED_AT_ONCE === 0 && pace.due) await pace.breathe();
    }
  }
  const byScore = (a: HalfHit, b: HalfHit) => b.score - a.score || compareKeys(a.id, b.id);
  const hits = await selectWindow([...best.values()], byScore, 0, limit, pace);
  const total = lists.reduce((most, list) => Math.max(most, list.total), 0);
  return { hits, total };
}

function testOf({ filter, matches, except }: Narrowing): (memory: Memory) => boolean {
  const passes = matcher(filter);
  return (memory) =>
    memory.id !== except && passes(memory) && (matches === undefined || matches(memory));
}

function isEmpty({ filter, matches, except }: Narrowing): boolean {
  return matches === undefined && except === undefined &&
    Object.values(filter).every((part) => part === undefined);
}
