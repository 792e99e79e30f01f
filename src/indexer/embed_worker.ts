/**
 * The background worker: takes ids from its queue in batches, has their texts embedded and hands
 * the vectors to the index writer.
 *
 * Promises: an id leaves the queue only when the index holds what the state wants, the memory is
 * gone, or its text was given up; so an answer for a text that was edited meanwhile is not lost
 * but asked for anew. Two calls at a time, one while things go wrong; nothing it meets is thrown.
 */
import type { Clock, Timer } from "../clock.ts";
import { type Embedder, EmbedderError } from "../embedder.ts";
import type { Memory } from "../memory.ts";
import { VectorIndexUnavailable } from "../vector_index.ts";
import { Backoff } from "./backoff.ts";
import { withDeadline } from "./deadline.ts";
import type { IndexWriter } from "./index_writer.ts";
import { cutText, sourceOf } from "./source.ts";

export interface EmbedWorkerOptions {
  readonly embedder: Embedder;
  readonly writer: IndexWriter;
  readonly memory: (id: string) => Memory | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly stopping: AbortSignal;
  /** The provider will not take this text, however short. */
  readonly refused: (id: string, text: string) => void;
  /** Throws `EmbedderError` for a vector that the index cannot take. */
  readonly checkLength: (vector: Float32Array) => void;
  /** A batch is over, well or not. */
  readonly settled: () => void;
  readonly log: (message: string) => void;
}

interface Item {
  readonly id: string;
  readonly text: string;
  /** What is sent of it: all, or its beginning where all was refused. */
  readonly sent: string;
}

const BATCH = { items: 100, characters: 100_000 } as const;
const CONCURRENCY = 2;
const DEADLINE_MS = 20_000;
/** A refused text is tried shorter down to this, since models differ in how much they take. */
const SHORTEST_CHARACTERS = 500;
/** Nobody can object to it: whether it is refused tells a bad text from a bad setting. */
const HARMLESS_TEXT = "memory";

export class EmbedWorker {
  readonly #options: EmbedWorkerOptions;
  readonly #backoff: Backoff;
  /** What was just written goes before what start-up found. */
  readonly #live = new Set<string>();
  readonly #backlog = new Set<string>();
  readonly #sent = new Set<string>();
  readonly #batches = new Set<Promise<void>>();
  #soon: Timer | undefined;
  #trouble: EmbedderError | undefined;
  #dimensions: number | undefined;
  /** Whether the provider ever took a text as it is set up now. */
  #proven = false;

  constructor(options: EmbedWorkerOptions) {
    this.#options = options;
    this.#dimensions = options.embedder.dimensions;
    this.#backoff = new Backoff(options.clock, options.random, () => this.#pump());
  }

  get pending(): number {
    return this.#live.size + this.#backlog.size;
  }

  /** Nothing is under way, and nothing will be unless the operator acts. */
  get idle(): boolean {
    if (this.#batches.size > 0) return false;
    return this.pending === 0 || (this.#trouble?.fault === "config" && this.#backoff.waiting);
  }

  /** Why nothing gets done at present, if so. */
  get trouble(): EmbedderError | undefined {
    return this.#trouble;
  }

  /** Length of the provider's vectors, where it was asked for or seen. */
  get dimensions(): number | undefined {
    return this.#dimensions;
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

  /** The next batch; drops from the queue what needs no vector any more. */
  #take(): Item[] {
    const batch: Item[] = [];
    let characters = 0;
    for (const queue of [this.#live, this.#backlog]) {
      for (const id of queue) {
        if (batch.length === BATCH.items) return batch;
        if (this.#sent.has(id)) continue;
        const text = this.#textWanted(id);
        if (text === undefined) {
          queue.delete(id);
          continue;
        }
        characters += text.length;
        if (characters > BATCH.characters && batch.length > 0) return batch;
        batch.push({ id, text, sent: text });
      }
    }
    return batch;
  }

  /** The memory's text, if it has no vector in the index yet and needs one. */
  #textWanted(id: string): string | undefined {
    const memory = this.#options.memory(id);
    if (memory === undefined || this.#options.writer.isCurrent(id)) return undefined;
    const source = sourceOf(memory);
    return typeof source === "string" ? source : undefined;
  }

  async #work(batch: readonly Item[]): Promise<void> {
    const parts = [batch];
    try {
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        const [first] = part;
        if (first === undefined || await this.#embedded(part)) continue;
        if (part.length === 1) {
          await this.#shortenOrRefuse(first);
          continue;
        }
        // One of them is refused: halve until it stands alone.
        const middle = part.length >> 1;
        parts.push(part.slice(middle), part.slice(0, middle));
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Embeds and indexes the items; false where the provider refuses one of the texts. */
  async #embedded(items: readonly Item[]): Promise<boolean> {
    const { clock, embedder, stopping, writer } = this.#options;
    let vectors: Float32Array[];
    try {
      const texts = items.map(({ sent }) => sent);
      vectors = await withDeadline(
        clock,
        DEADLINE_MS,
        stopping,
        (signal) => embedder.embed(texts, { signal }),
      );
    } catch (error) {
      if (error instanceof EmbedderError && error.fault === "input") return false;
      throw error;
    }
    this.#proven = true;
    const sourced = items.map(({ id, text }, at) => {
      const vector = vectors[at];
      if (vector === undefined) {
        throw new EmbedderError("retry", "Cannot index: a vector is missing");
      }
      this.#dimensions = vector.length;
      this.#options.checkLength(vector);
      return { id, source: text, vector };
    });
    if ((await writer.upsert(sourced)).length > 0) {
      throw new EmbedderError("config", "Cannot index: the vector index refuses these vectors");
    }
    for (const { id } of items) if (this.#textWanted(id) === undefined) this.remove(id);
    this.#trouble = undefined;
    this.#backoff.reset();
    return true;
  }

  /** Gives up on a text alone: never because of a setting, and not before its beginning was tried. */
  async #shortenOrRefuse(item: Item): Promise<void> {
    if (!this.#proven) await this.#prove();
    let length = item.text.length >> 1;
    for (; length >= SHORTEST_CHARACTERS; length >>= 1) {
      if (await this.#embedded([{ ...item, sent: cutText(item.text, length) }])) return;
    }
    if (this.#textWanted(item.id) !== item.text) return;
    this.remove(item.id);
    this.#options.refused(item.id, item.text);
    this.#options.log("the embedding provider refused a text, which was given up");
  }

  /** Throws where the provider refuses what nobody can object to. */
  async #prove(): Promise<void> {
    const { clock, embedder, stopping } = this.#options;
    try {
      await withDeadline(
        clock,
        DEADLINE_MS,
        stopping,
        (signal) => embedder.embed([HARMLESS_TEXT], { signal }),
      );
      this.#proven = true;
    } catch (error) {
      if (!(error instanceof EmbedderError && error.fault === "input")) throw error;
      throw new EmbedderError("config", "Cannot embed: the provider refuses every text");
    }
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
