/**
 * Brings a durable change to everything that is derived from history: the state, the words, the
 * meanings, and the listings that are under way. The one place where these are kept in step.
 */
import type { Indexer } from "./indexer.ts";
import type { Access, Change, Entry, Memory, Receipt } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { State } from "./state.ts";
import type { TextIndex } from "./text_index.ts";
import type { Walks } from "./walks.ts";

/** What looks for memories that tell the same, and may have looked already. */
interface TextFollower {
  /** What a memory was, and what it is; undefined where there was or is none. */
  changed(before: Memory | undefined, after: Memory | undefined): void;
}

export interface ProjectionOptions {
  readonly state: State;
  readonly textIndex: TextIndex;
  readonly indexer: Indexer;
  readonly walks: Walks;
  readonly texts: readonly TextFollower[];
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}

export class Projection {
  readonly #state: State;
  readonly #textIndex: TextIndex;
  readonly #indexer: Indexer;
  readonly #walks: Walks;
  readonly #texts: readonly TextFollower[];
  readonly #log: (event: string, detail: Record<string, string | number>) => void;
  #live = false;

  constructor({ state, textIndex, indexer, walks, texts, log }: ProjectionOptions) {
    this.#state = state;
    this.#textIndex = textIndex;
    this.#indexer = indexer;
    this.#walks = walks;
    this.#texts = texts;
    this.#log = log;
  }

  apply(change: Change): void {
    // While history is replayed only the state follows: most of it is overtaken by what comes.
    if (!this.#live) return this.#state.apply(change);
    // Counted when it happened, and perhaps once more while this was being written.
    if (change.op === "access") return;
    try {
      if (change.op === "put") this.#noteMove(change.memory.id);
    } finally {
      // Whatever fails in what is derived: a snapshot of the state must hold all that is durable.
      this.#applyToState(change);
    }
    if (change.op === "put") {
      this.#textIndex.put(change.memory);
      this.#indexer.put(change.memory);
    } else if (change.op === "delete") {
      this.#textIndex.delete(change.id);
      this.#indexer.delete(change.id);
    }
  }

  /** What was there before is known only now. */
  #applyToState(change: Change): void {
    if (change.op !== "put" && change.op !== "delete") return this.#state.apply(change);
    const id = change.op === "put" ? change.memory.id : change.id;
    const before = this.#state.get(id);
    this.#state.apply(change);
    const after = this.#state.get(id);
    for (const texts of this.#texts) texts.changed(before, after);
  }

  /** Ends the replay: from here on every change reaches everything. */
  goLive(): void {
    this.#live = true;
  }

  /**
   * Derives the words from the state, in slices, beside live changes: each memory is indexed as it
   * is when its turn comes, and what changes afterwards comes by itself. One that cannot be read
   * is not found by its words; it does not take that from the others.
   */
  async indexWords(signal: AbortSignal): Promise<void> {
    const pace = new Pace();
    let leftOut = 0, error = "";
    for (const memory of this.#state.memories()) {
      if (signal.aborted) return;
      try {
        this.#textIndex.put(memory);
      } catch (fault) {
        leftOut++;
        error = fault instanceof Error ? fault.name : "unknown";
      }
      if (pace.due) await pace.breathe();
    }
    if (leftOut > 0) this.#log("words_left_out", { memories: leftOut, error });
  }

  /** Counts a reading; it becomes durable later. */
  touch(memory: Memory, at: string): Access {
    this.#noteMove(memory.id);
    return this.#state.touch(memory.id, at);
  }

  #noteMove(id: string): void {
    const memory = this.#state.get(id);
    if (memory !== undefined) this.#walks.moving({ memory, access: this.#state.access(id) });
  }

  entries(): Iterable<Entry> {
    return this.#state.entries();
  }

  receipts(at: string): Iterable<Receipt> {
    return this.#state.receipts(at);
  }

  unembedded(): Iterable<string> {
    return this.#state.unembedded();
  }
}
