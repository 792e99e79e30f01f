/**
 * The background worker: takes ids from its queues in batches, has their texts embedded and hands
 * the vectors to the index writer.
 *
 * Promises: an id leaves the queue only when the index holds what the state wants, the memory is
 * gone, or its text was given up; so an answer for a text that was edited meanwhile is not lost
 * but asked for anew. Two calls at a time, one while things go wrong; nothing it meets is thrown.
 */
import type { Clock, Timer } from "../clock.ts";
import { EmbedderError } from "../embedder.ts";
import { type Source, VectorIndexUnavailable } from "../vector_index.ts";
import { Backoff } from "../backoff.ts";
import { chunksOf } from "./chunks.ts";
import type { IndexWriter, Sourced } from "./index_writer.ts";
import { type Answers, CALL, type TextCalls } from "./text_calls.ts";

export interface EmbedWorkerOptions {
  readonly calls: TextCalls;
  readonly writer: IndexWriter;
  /** What a memory's vectors are made from, now. */
  readonly source: (id: string) => Source | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly stopping: AbortSignal;
  /** The provider will not take this text, however short. */
  readonly refused: (id: string, text: string) => void;
  /** A batch is over, well or not. */
  readonly settled: () => void;
  readonly log: (message: string) => void;
}

interface Item {
  readonly id: string;
  readonly text: string;
  readonly chunks: readonly string[];
}

const CONCURRENCY = 2;

export class EmbedWorker {
  readonly #options: EmbedWorkerOptions;
  readonly #backoff: Backoff;
  /** What was just written goes before what start-up found. */
  readonly #live = new Set<string>();
  readonly #backlog = new Set<string>();
  /** What is indexed, and whose vectors were kept and are lost: last of all. */
  readonly #lost = new Set<string>();
  readonly #sent = new Set<string>();
  readonly #batches = new Set<Promise<void>>();
  #soon: Timer | undefined;
  #trouble: EmbedderError | undefined;

  constructor(options: EmbedWorkerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, options.random, () => this.#pump());
  }

  /** How many memories are to be embedded. */
  get pending(): number {
    return this.#live.size + this.#backlog.size;
  }

  /** Whatever is to be embedded, in the order in which it is taken. */
  *ids(): Generator<string> {
    yield* this.#live;
    yield* this.#backlog;
  }

  /** Nothing is under way, and nothing will be unless the operator acts. */
  get idle(): boolean {
    if (this.#batches.size > 0) return false;
    if (this.pending + this.#lost.size === 0) return true;
    return this.#trouble?.fault === "config" && this.#backoff.waiting;
  }

  /** Why nothing gets done at present, if so. */
  get trouble(): EmbedderError | undefined {
    return this.#trouble;
  }

  add(id: string): void {
    this.#backlog.delete(id);
    this.#live.add(id);
    this.#pumpSoon();
  }

  /** For what start-up found, all at once and in the order in which to take it. */
  addBacklog(ids: Iterable<string>): void {
    for (const id of ids) if (!this.#live.has(id)) this.#backlog.add(id);
    this.#pumpSoon();
  }

  /** For what is indexed already, to have its vectors kept again. */
  addLost(ids: Iterable<string>): void {
    for (const id of ids) this.#lost.add(id);
    this.#pumpSoon();
  }

  remove(id: string): void {
    this.#live.delete(id);
    this.#backlog.delete(id);
  }

  /** Takes up at once what waits for a better time. */
  retryNow(): void {
    this.#backoff.reset();
    this.#pump();
  }

  async stop(): Promise<void> {
    this.#backoff.stop();
    this.#soon?.cancel();
    await Promise.all(this.#batches);
  }

  /** After all that is happening now, so that memories written together are sent together. */
  #pumpSoon(): void {
    if (this.#stopped) return;
    this.#soon ??= this.#options.clock.after(0, () => {
      this.#soon = undefined;
      this.#pump();
      this.#options.settled();
    });
  }

  #pump(): void {
    const limit = this.#backoff.failing ? 1 : CONCURRENCY;
    while (this.#batches.size < limit && !this.#backoff.waiting && !this.#stopped) {
      const batch = this.#take();
      if (batch.length === 0) return;
      for (const { id } of batch) this.#sent.add(id);
      const working = this.#work(batch).finally(() => {
        for (const { id } of batch) this.#sent.delete(id);
        this.#batches.delete(working);
        this.#pump();
        this.#options.settled();
      });
      this.#batches.add(working);
    }
  }

  get #stopped(): boolean {
    return this.#options.stopping.aborted;
  }

  /** What fits one call, or one memory that does not; drops what needs no vector any more. */
  #take(): Item[] {
    const batch: Item[] = [];
    let texts = 0, characters = 0;
    for (const queue of [this.#live, this.#backlog, this.#lost]) {
      for (const id of queue) {
        if (texts >= CALL.texts) return batch;
        if (this.#sent.has(id)) continue;
        const text = queue === this.#lost ? this.#textOf(id) : this.#textWanted(id);
        if (text === undefined) {
          queue.delete(id);
          continue;
        }
        characters += text.length;
        if (characters > CALL.characters && batch.length > 0) return batch;
        const chunks = chunksOf(text);
        texts += chunks.length;
        if (texts > CALL.texts && batch.length > 0) return batch;
        batch.push({ id, text, chunks });
      }
    }
    return batch;
  }

  /** The memory's text, if it has no vector in the index yet and needs one. */
  #textWanted(id: string): string | undefined {
    return this.#options.writer.isCurrent(id) ? undefined : this.#textOf(id);
  }

  #textOf(id: string): string | undefined {
    const source = this.#options.source(id);
    return typeof source === "string" ? source : undefined;
  }

  async #work(batch: readonly Item[]): Promise<void> {
    const answers: Answers = new Map();
    try {
      try {
        await this.#options.calls.embed(new Set(batch.flatMap(({ chunks }) => chunks)), answers);
      } finally {
        // What was answered before a call failed is not to be asked for again.
        const isAnswered = ({ chunks }: Item) => chunks.every((text) => answers.has(text));
        await this.#write(batch.filter(isAnswered), answers);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  async #write(items: readonly Item[], answers: Answers): Promise<void> {
    if (items.length === 0) return;
    const sourced: Sourced[] = [];
    const refused: Item[] = [];
    for (const item of items) {
      const vectors = item.chunks.flatMap((text) => answers.get(text) ?? []);
      if (vectors.length > 0) sourced.push({ id: item.id, source: item.text, vectors });
      else refused.push(item);
    }
    if ((await this.#options.writer.upsert(sourced)).length > 0) {
      // A client's of another length came first, and is on its way out.
      throw new EmbedderError("retry", "Cannot index: the vector index refuses these vectors");
    }
    for (const { id } of items) {
      this.#lost.delete(id);
      if (this.#textWanted(id) === undefined) this.remove(id);
    }
    for (const { id, text } of refused) this.#refuse(id, text);
    this.#trouble = undefined;
    this.#backoff.reset();
  }

  #refuse(id: string, text: string): void {
    if (this.#textWanted(id) !== text) return;
    this.remove(id);
    this.#options.refused(id, text);
    this.#options.log("the embedding provider refused a text, which was given up");
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    this.#trouble = troubleOf(error);
    if (this.#trouble.fault === "config") this.#backoff.standStill();
    else this.#backoff.failed(this.#trouble.retryAfterMs);
    this.#options.log(this.#trouble.message);
  }
}

function troubleOf(error: unknown): EmbedderError {
  if (error instanceof EmbedderError) return error;
  if (error instanceof VectorIndexUnavailable) {
    return new EmbedderError("retry", "Cannot index: the vector index cannot be reached");
  }
  return new EmbedderError("retry", "Cannot index: an unexpected error, to be tried again");
}
