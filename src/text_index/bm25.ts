/**
 * The text index: BM25 over an inverted index in memory, kept up to date change by change.
 *
 * The same memories give the same ranking, whatever order they came in and whatever was deleted
 * before: counts are integers, and sums are taken in the order of the query or the thread.
 */
import { type Memory, threadOf } from "../memory.ts";
import { Best } from "../ranking.ts";
import type { Highlight, TextIndex, TextQuery, TextResult } from "../text_index.ts";
import { resized } from "../typed_arrays.ts";
import { traitsOf } from "./answer_kinds.ts";
import { isSearchedAlike } from "./document.ts";
import { type Asked, Highlighter } from "./highlighter.ts";
import { heldLanguages, languageOf } from "./language_evidence.ts";
import type { Language } from "./languages.ts";
import { type PreparedQuery, prepareQuery } from "./query.ts";
import { Reader } from "./reader.ts";
import { Scoring, type Slots } from "./scoring.ts";
import { Needles } from "./sections.ts";
import { nameHash, speakerOf } from "./speakers.ts";
import { Threads } from "./threads.ts";
import { Vocabulary } from "./vocabulary.ts";

const LONG_CHARACTERS = 10_000;
/** What is squashed to one half. */
const HALF_SCORE = 0.6;

interface Candidate {
  readonly slot: number;
  readonly score: number;
}

export class Bm25Index implements TextIndex {
  readonly #vocabulary = new Vocabulary();
  readonly #reader = new Reader(this.#vocabulary);
  readonly #slotOf = new Map<string, number>();
  readonly #freeSlots: number[] = [];
  readonly #memories: (Memory | undefined)[] = [];
  /** A memory never changes, so that its terms are read again when it goes; those of long ones are
   * kept, as reading takes milliseconds. */
  readonly #longTerms = new Map<number, Int32Array>();
  readonly #threads = new Threads((a, b) => this.#isBefore(a, b));
  readonly #scoring = new Scoring();
  #capacity = 0;
  #lengths = new Int32Array(0);
  #createdMs = new Float64Array(0);
  /** What each says of itself: see `traitsOf`. */
  #traits = new Uint8Array(0);
  #speakers = new Int32Array(0);
  #totalLength = 0;

  get size(): number {
    return this.#slotOf.size;
  }

  put(memory: Memory): void {
    const known = this.#slotOf.get(memory.id);
    const indexed = known === undefined ? undefined : this.#memories[known];
    if (known !== undefined && indexed !== undefined && isSearchedAlike(indexed, memory)) {
      this.#memories[known] = memory;
      return;
    }
    this.delete(memory.id);
    this.#add(memory);
  }

  delete(id: string): void {
    const slot = this.#slotOf.get(id);
    const memory = slot === undefined ? undefined : this.#memories[slot];
    if (slot === undefined || memory === undefined) return;
    for (const term of this.#longTerms.get(slot) ?? this.#termsOf(memory)) {
      this.#vocabulary.remove(term, slot);
    }
    this.#longTerms.delete(slot);
    this.#reader.tidy();
    const length = this.#lengths[slot] ?? 0;
    const thread = threadOf(memory);
    if (thread !== undefined) this.#threads.remove(thread, slot, length);
    this.#totalLength -= length;
    this.#memories[slot] = undefined;
    this.#slotOf.delete(id);
    this.#freeSlots.push(slot);
  }

  search({ text, limit, accept }: TextQuery): TextResult {
    const query = this.#prepare(text);
    const best = new Best<Candidate>(limit, (a, b) => this.#order(a, b));
    const total = this.#scoring.run({ ...query, named: this.#namesIn(query) }, this.#slots(), {
      accepts: accept && ((slot) => this.#isAccepted(slot, accept)),
      take: (slot, score) => {
        best.offer({ slot, score: squash(score / query.ideal) });
        return leastOf(best.worst) * query.ideal;
      },
    });
    const hits = best.sorted().map(({ slot, score }) => ({ id: this.#id(slot), score }));
    return { hits, total };
  }

  highlighter(text: string): (memory: Memory) => Highlight {
    const { asked } = this.#prepare(text);
    const weights = new Map(
      asked.flatMap(({ terms }) => terms.map(({ postings, weight }) => [postings.term, weight])),
    );
    const wanted: Asked = {
      find: (key) => {
        const term = this.#vocabulary.heldNumber(key);
        const weight = term === undefined ? undefined : weights.get(term);
        return term === undefined || weight === undefined ? undefined : { term, weight };
      },
      needles: new Needles(Array.from(weights, ([term, weight]) => {
        return { letters: lettersOf(this.#vocabulary.termOf(term)), weight };
      })),
    };
    const languages = this.#languages();
    const highlighters = new Map<Language, Highlighter>();
    return ({ content }) => {
      const language = languageOf(content, languages);
      const highlighter = highlighters.get(language) ?? new Highlighter(wanted, language);
      highlighters.set(language, highlighter);
      return highlighter.highlight(content);
    };
  }

  #add(memory: Memory): void {
    // Before a slot is taken: a memory that cannot be read takes none.
    const terms = this.#termsOf(memory);
    const slot = this.#freeSlots.pop() ?? this.#slotOf.size;
    this.#grow(slot + 1);
    const length = this.#reader.length;
    if (memory.content.length > LONG_CHARACTERS) this.#longTerms.set(slot, terms.slice());
    this.#slotOf.set(memory.id, slot);
    this.#memories[slot] = memory;
    this.#lengths[slot] = length;
    this.#totalLength += length;
    // A time that is none has no place in an order.
    this.#createdMs[slot] = Date.parse(memory.created_at) || 0;
    this.#traits[slot] = traitsOf(memory.content, this.#reader.clues);
    this.#speakers[slot] = speakerOf(memory);
    for (const term of terms) this.#vocabulary.add(term, slot, this.#reader.frequency(term));
    const thread = threadOf(memory);
    if (thread === undefined) this.#threads.leaveOut(slot);
    else this.#threads.add(thread, slot, length);
  }

  /** The numbers of the memory's terms, until the next memory is read. */
  #termsOf(memory: Memory): Int32Array {
    this.#reader.read(memory);
    return this.#reader.terms;
  }

  #prepare(text: string): PreparedQuery {
    return prepareQuery(text, {
      find: (term) => this.#vocabulary.find(term),
      has: (term) => this.#vocabulary.heldNumber(term) !== undefined,
      near: (term) => this.#vocabulary.near(term),
      languages: this.#languages(),
      documents: this.size,
    });
  }

  #languages(): readonly Language[] {
    return heldLanguages((key) => this.#vocabulary.find(key)?.count ?? 0);
  }

  /** Every word of it, as any may be a name. */
  #namesIn({ asked }: PreparedQuery): ReadonlySet<number> {
    const terms = asked.flatMap(({ terms }) => terms);
    return new Set(
      terms.map(({ postings }) => nameHash(lettersOf(this.#vocabulary.termOf(postings.term)))),
    );
  }

  #isAccepted(slot: number, accept: (memory: Memory) => boolean): boolean {
    const memory = this.#memories[slot];
    return memory !== undefined && accept(memory);
  }

  #slots(): Slots {
    return {
      capacity: this.#capacity,
      lengths: this.#lengths,
      createdMs: this.#createdMs,
      traits: this.#traits,
      speakers: this.#speakers,
      documents: this.size,
      totalLength: this.#totalLength,
      threads: this.#threads,
    };
  }

  #order(a: Candidate, b: Candidate): number {
    return b.score - a.score || this.#created(b.slot) - this.#created(a.slot) ||
      (this.#id(a.slot) < this.#id(b.slot) ? -1 : 1);
  }

  /** The order within a thread. */
  #isBefore(a: number, b: number): boolean {
    const difference = this.#created(a) - this.#created(b);
    return difference === 0 ? this.#id(a) < this.#id(b) : difference < 0;
  }

  #created(slot: number): number {
    return this.#createdMs[slot] ?? 0;
  }

  #id(slot: number): string {
    return this.#memories[slot]?.id ?? "";
  }

  #grow(needed: number): void {
    if (needed <= this.#capacity) return;
    this.#capacity = Math.max(1024, needed, 2 * this.#capacity);
    this.#lengths = resized(this.#lengths, new Int32Array(this.#capacity));
    this.#createdMs = resized(this.#createdMs, new Float64Array(this.#capacity));
    this.#speakers = resized(this.#speakers, new Int32Array(this.#capacity));
    this.#traits = resized(this.#traits, new Uint8Array(this.#capacity));
    this.#threads.grow(this.#capacity);
  }
}

/** Of a term, without what is only in the keys of the index. */
function lettersOf(term: string): string {
  return term.trim().replace(/ .*$/, "");
}

/** From 0 and up to between 0 and 1. A memory of average length that says every word once gets
 * about .4, whatever the question, and however well another one does. */
function squash(score: number): number {
  return score / (score + HALF_SCORE);
}

/** What is squashed to below it does not come before the candidate; less than that by more than
 * rounding can do. */
function leastOf(candidate: Candidate | undefined): number {
  if (candidate === undefined) return 0;
  return HALF_SCORE * candidate.score / (1 - candidate.score) * (1 - 1e-9);
}
