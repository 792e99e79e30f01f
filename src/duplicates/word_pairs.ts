/**
 * Memories that are told in nearly the same words: pairs by the share of words that both have, of
 * all that either has (Jaccard). Nothing is sampled: a pair that is near enough is found.
 *
 * A set's rarest words are looked up in an index of the rarest words of the others: two sets that
 * are near enough share one of those (prefix filtering: Bayardo, Ma, Srikant, "Scaling up all pairs
 * similarity search", 2007; with sizes and positions: Xiao, Wang, Lin, Yu, "Efficient similarity
 * joins for near duplicate detection", 2008). Of memories with the very same words the oldest
 * stands for all: it is paired with each of the others, and they with nothing else. So a thousand
 * copies are a thousand pairs, not half a million.
 *
 * Where memories are alike by the thousands, as a machine writes them, comparing each with each
 * would take hours: then not all are compared, and the result says so.
 */
import type { Memory } from "../memory.ts";
import { Pace } from "../pace.ts";
import { Best } from "../ranking.ts";
import { compareAge } from "../same_texts.ts";
import { compareKeys } from "../selection.ts";
import { WordSets } from "./word_sets.ts";

export interface Pair {
  readonly older: Memory;
  readonly newer: Memory;
  /** 0 to 1. */
  readonly score: number;
}

export interface FoundPairs {
  /** In no order. */
  readonly pairs: readonly Pair[];
  /** False where there may be more. */
  readonly isComplete: boolean;
}

export interface WordPairsQuery {
  readonly memories: readonly Memory[];
  /** Above 0, up to 1. */
  readonly minScore: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Words that are compared one by one: so many for each memory in any case; in all what takes
 * seconds; at most what takes milliseconds. */
const STEPS_EACH = 2_000, STEPS_IN_ALL = 200_000_000, STEPS_AT_ONCE = 300_000;
/** What looking at one entry of the index, and at one candidate, costs in such steps. */
const LOOK_STEPS = 2, CANDIDATE_STEPS = 20;
const LOOK_EVERY = 64;
/** Rounding must not make a pair just near enough one that is not. */
const EPSILON = 1e-9;

export async function wordPairs(query: WordPairsQuery): Promise<FoundPairs> {
  const join = new WordJoin(query);
  await join.run();
  const { pairs, isComplete } = join;
  return { pairs, isComplete };
}

class WordJoin {
  readonly #query: WordPairsQuery;
  readonly #pace = new Pace();
  readonly #sets = new WordSets();
  readonly #best: Best<Pair>;
  #found = 0;
  #isAllCompared = true;
  #stepsLeft = STEPS_IN_ALL;
  /** Rank -> its newest entry, counted from 1; entry -> the one before, its set, and the place of
   * the word in that. */
  #heads = new Int32Array(0);
  #entries = entries(0);
  #lastEntry = 0;
  /** Set -> the set that last looked at it, counted from 1. */
  #seen = new Int32Array(0);

  constructor(query: WordPairsQuery) {
    this.#query = query;
    this.#best = new Best(query.limit, comparePairs);
  }

  get pairs(): readonly Pair[] {
    return this.#best.items();
  }

  get isComplete(): boolean {
    return this.#isAllCompared && this.#found <= this.#query.limit;
  }

  async run(): Promise<void> {
    for (const memory of this.#query.memories) {
      if (!this.#sets.add(memory)) {
        this.#isAllCompared = false;
        break;
      }
      await this.#giveWay();
    }
    await this.#sets.rank(this.#pace);
    this.#heads = new Int32Array(this.#sets.words);
    this.#seen = new Int32Array(this.#sets.size);
    const alone = await this.#bySize(await this.#standingForAll());
    this.#entries = entries(alone.reduce((sum, set) => sum + this.#entered(set), 0));
    let left = alone.length;
    for (const set of alone) {
      const share = STEPS_EACH + Math.floor(this.#stepsLeft / left--);
      const allowed = Math.min(share, STEPS_AT_ONCE);
      await this.#compare(set, this.#candidates(set, allowed), allowed);
      this.#enter(set);
      await this.#giveWay();
    }
  }

  async #giveWay(): Promise<void> {
    if (!this.#pace.due) return;
    await this.#pace.breathe();
    this.#query.signal.throwIfAborted();
  }

  /** One set for each group of equal ones: that of the oldest memory, which is paired with them. */
  async #standingForAll(): Promise<number[]> {
    const groups = new Map<number, number[]>();
    for (let set = 0; set < this.#sets.size; set++) {
      let hash = hashOf(this.#sets.at(set));
      // Another set with the same hash takes the next free one.
      while (!this.#isSame(set, groups.get(hash)?.[0])) hash++;
      const group = groups.get(hash);
      if (group === undefined) groups.set(hash, [set]);
      else group.push(set);
      await this.#giveWay();
    }
    const standing: number[] = [];
    for (const group of groups.values()) {
      const oldest = group.reduce((a, b) =>
        compareAge(this.#memory(a), this.#memory(b)) < 0 ? a : b
      );
      for (const set of group) if (set !== oldest) this.#take(oldest, set, 1);
      standing.push(oldest);
      await this.#giveWay();
    }
    return standing;
  }

  #isSame(set: number, other: number | undefined): boolean {
    if (other === undefined) return true;
    const a = this.#sets.at(set), b = this.#sets.at(other);
    return a.length === b.length && a.every((rank, at) => rank === b[at]);
  }

  /** The smallest first, by counting sort. */
  async #bySize(sets: readonly number[]): Promise<number[]> {
    const bySize: number[][] = [];
    for (const set of sets) {
      (bySize[this.#sets.lengthOf(set)] ??= []).push(set);
      await this.#giveWay();
    }
    return bySize.flat();
  }

  /** The sets that share one of the rarest words and have a size that is not too different. */
  #candidates(set: number, allowed: number): number[] {
    const { minScore } = this.#query;
    const words = this.#sets.at(set);
    const least = minScore * words.length - EPSILON;
    const prefix = words.length - Math.ceil(least) + 1;
    const { before, set: setOf, at: placeOf } = this.#entries;
    const found: number[] = [];
    let steps = 0;
    for (let place = 0; place < prefix; place++) {
      const rank = words[place] ?? 0;
      for (let entry = this.#heads[rank] ?? 0; entry !== 0; entry = before[entry] ?? 0) {
        const other = setOf[entry] ?? 0;
        const length = this.#sets.lengthOf(other);
        // Those before it in the list are smaller still.
        if (length < least) break;
        steps += LOOK_STEPS;
        if (steps > allowed) {
          this.#isAllCompared = false;
          this.#spend(steps);
          return found;
        }
        if (this.#seen[other] === set + 1) continue;
        this.#seen[other] = set + 1;
        const most = Math.min(words.length - place, length - (placeOf[entry] ?? 0));
        if (most >= leastShared(minScore, words.length, length)) found.push(other);
      }
    }
    this.#spend(steps);
    return found;
  }

  async #compare(set: number, candidates: readonly number[], allowed: number): Promise<void> {
    const words = this.#sets.at(set);
    let steps = 0;
    for (const [n, other] of candidates.entries()) {
      const others = this.#sets.at(other);
      steps += CANDIDATE_STEPS + words.length;
      if (steps > allowed) {
        this.#isAllCompared = false;
        break;
      }
      const least = leastShared(this.#query.minScore, words.length, others.length);
      const shared = sharedOf(words, others, least);
      if (shared >= least) this.#take(set, other, shared / (words.length + others.length - shared));
      if (n % LOOK_EVERY === 0) await this.#giveWay();
    }
    this.#spend(steps);
  }

  /** Below nothing there is what each memory may cost anyway. */
  #spend(steps: number): void {
    this.#stepsLeft = Math.max(0, this.#stepsLeft - steps);
  }

  #take(a: number, b: number, score: number): void {
    this.#found++;
    if (score < (this.#best.worst?.score ?? 0)) return;
    const one = this.#memory(a), other = this.#memory(b);
    const [older, newer] = compareAge(one, other) < 0 ? [one, other] : [other, one];
    this.#best.offer({ older, newer, score });
  }

  /** Enters the words under which a larger set must find it. */
  #enter(set: number): void {
    const words = this.#sets.at(set);
    const { before, set: setOf, at: placeOf } = this.#entries;
    for (let place = 0; place < this.#entered(set); place++) {
      const rank = words[place] ?? 0;
      if (this.#sets.isLone(rank)) continue;
      const entry = ++this.#lastEntry;
      before[entry] = this.#heads[rank] ?? 0;
      setOf[entry] = set;
      placeOf[entry] = place;
      this.#heads[rank] = entry;
    }
  }

  /** How many of its words are entered at most. */
  #entered(set: number): number {
    const length = this.#sets.lengthOf(set);
    return length - leastShared(this.#query.minScore, length, length) + 1;
  }

  #memory(set: number): Memory {
    const memory = this.#query.memories[set];
    if (memory === undefined) throw new RangeError(`Cannot compare: there is no memory ${set}`);
    return memory;
  }
}

/** Room for so many, and for none, which is 0. */
function entries(count: number) {
  const room = () => new Int32Array(count + 1);
  return { before: room(), set: room(), at: room() };
}

/** The first by score, then by ids: the same for the same memories. */
export function comparePairs(a: Pair, b: Pair): number {
  return b.score - a.score || compareKeys(a.older.id, b.older.id) ||
    compareKeys(a.newer.id, b.newer.id);
}

/** What two sets of these sizes must share: |a & b| / |a | b| >= t where |a & b| is as large. */
function leastShared(minScore: number, a: number, b: number): number {
  return Math.ceil(minScore / (1 + minScore) * (a + b) - EPSILON);
}

/** How many ranks two rising lists share; anything below `least` where it cannot be as many. */
function sharedOf(a: Int32Array, b: Int32Array, least: number): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (shared + Math.min(a.length - i, b.length - j) < least) return shared;
    const x = a[i] ?? 0, y = b[j] ?? 0;
    if (x === y) shared++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return shared;
}

function hashOf(ranks: Int32Array): number {
  let hash = ranks.length;
  for (const rank of ranks) hash = Math.imul(hash ^ rank, 0x01000193) ^ (hash >>> 13);
  return hash;
}
