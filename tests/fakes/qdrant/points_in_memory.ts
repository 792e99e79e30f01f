/** A collection as a Map, and what one brain may do with it: `Points` without Qdrant, going wrong
 * wherever the test wants it to. */
import { matcher, type Memory } from "../../../src/memory.ts";
import { pointId } from "../../../src/vector_index/qdrant/point_id.ts";
import type {
  NearPoint,
  NearQuery,
  Points,
  PointsEntry,
  PointsQuery,
  QdrantError,
  Restamped,
  Stamp,
  StoredPoint,
} from "../../../src/vector_index/qdrant/points.ts";

export interface PointInMemory {
  readonly brain: string;
  readonly memory: Memory;
  readonly stamp: Stamp;
  readonly chunk: number;
  readonly chunks: number;
  readonly vector: Float32Array;
}

/** By point id. Several brains may share it, and it outlives them. */
export type CollectionInMemory = Map<string, PointInMemory>;

export type Call = Exclude<keyof Points, "collection" | "length">;

/** What becomes of a call: `wait` first; then it may fail, with all, half or nothing of it done, or
 * all of it done late, when `late` is called. */
export interface Plan {
  readonly wait?: Promise<void>;
  readonly error?: QdrantError;
  readonly done?: "all" | "half" | "late";
}

export interface PointsInMemoryOptions {
  readonly length: number;
  readonly brain?: string;
  readonly collection?: CollectionInMemory;
  readonly plan?: (call: Call) => Plan | undefined;
  readonly pageSize?: number;
}

export class PointsInMemory implements Points {
  readonly collection = "second-brain-test";
  readonly length: number;
  readonly stored: CollectionInMemory;
  readonly calls: Call[] = [];
  plan: (call: Call) => Plan | undefined;
  readonly brain: string;
  readonly #pageSize: number;
  #late: (() => void)[] = [];

  constructor(options: PointsInMemoryOptions) {
    this.length = options.length;
    this.brain = options.brain ?? "brain";
    this.stored = options.collection ?? new Map();
    this.plan = options.plan ?? (() => undefined);
    this.#pageSize = options.pageSize ?? 1_000;
  }

  /** Carries out what failed and was not given up. */
  late(): void {
    for (const act of this.#late.splice(0)) act();
  }

  ensure(signal: AbortSignal): Promise<void> {
    return this.#call("ensure", signal, []);
  }

  async *scroll(signal: AbortSignal): AsyncGenerator<StoredPoint[]> {
    await this.#call("scroll", signal, []);
    const ids = [...this.#own().keys()].sort();
    for (let from = 0; from < ids.length; from += this.#pageSize) {
      if (from > 0) await this.#call("scroll", signal, []);
      yield ids.slice(from, from + this.#pageSize).flatMap((point) => {
        const stored = this.stored.get(point);
        if (stored === undefined) return [];
        const { memory, stamp, chunk, chunks } = stored;
        return [{ point, memoryId: memory.id, chunk, chunks, ...stamp }];
      });
    }
  }

  async countPoints(signal: AbortSignal): Promise<number> {
    await this.#call("countPoints", signal, []);
    return this.#own().size;
  }

  async countMemories(query: PointsQuery, signal: AbortSignal): Promise<number> {
    await this.#call("countMemories", signal, []);
    return this.#matching(query).filter(({ chunk }) => chunk === 0).length;
  }

  async nearest(query: NearQuery, signal: AbortSignal): Promise<NearPoint[]> {
    await this.#call("nearest", signal, []);
    const near = this.#matching(query).map(({ memory, stamp, vector }) => ({
      memoryId: memory.id,
      contentHash: stamp.contentHash,
      score: Math.fround(cosine(query.vector, vector)),
    }));
    // Which of equal scores are on a page, and in which order, is another thing with every size.
    const end = query.offset + query.limit;
    const place = ({ memoryId }: NearPoint) => place32(`${memoryId} ${end}`);
    near.sort((a, b) => b.score - a.score || place(a) - place(b));
    return near.slice(query.offset, end);
  }

  upsert(entries: readonly PointsEntry[], signal: AbortSignal): Promise<void> {
    return this.#call("upsert", signal, entries.map((entry) => () => this.#put(entry)));
  }

  setFields(entries: readonly Restamped[], signal: AbortSignal): Promise<void> {
    const acts = entries.map(({ memory, stamp }) => () => {
      for (const [point, stored] of this.#own()) {
        if (stored.memory.id !== memory.id) continue;
        const { contentHash } = stored.stamp;
        const { fieldsHash } = stamp;
        this.stored.set(point, { ...stored, memory, stamp: { contentHash, fieldsHash } });
      }
    });
    return this.#call("setFields", signal, acts);
  }

  deleteMemories(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const acts = ids.map((id) => () => {
      for (const [point, { memory }] of this.#own()) {
        if (memory.id === id) this.stored.delete(point);
      }
    });
    return this.#call("deleteMemories", signal, acts);
  }

  deletePoints(points: readonly string[], signal: AbortSignal): Promise<void> {
    const acts = points.map((point) => () => {
      if (this.#own().has(point)) this.stored.delete(point);
    });
    return this.#call("deletePoints", signal, acts);
  }

  forgetFormer(_living: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    return this.#call("forgetFormer", signal, []);
  }

  #put({ memory, stamp, vectors, formerChunks }: PointsEntry): void {
    const chunks = vectors.length;
    for (const [chunk, vector] of vectors.entries()) {
      const point = { brain: this.brain, memory, stamp, chunk, chunks, vector: vector.slice() };
      this.stored.set(pointId(this.brain, memory.id, chunk), point);
    }
    // No more is removed than asked for: who says too little leaves some behind.
    for (const [point, { memory: { id }, chunk }] of this.#own()) {
      const isLeft = id === memory.id && chunk >= chunks;
      if (isLeft && chunk < (formerChunks ?? Infinity)) this.stored.delete(point);
    }
  }

  #own(): CollectionInMemory {
    return new Map([...this.stored].filter(([, { brain }]) => brain === this.brain));
  }

  #matching({ filter = {}, except }: PointsQuery): PointInMemory[] {
    const matches = matcher(filter);
    return [...this.#own().values()].filter(({ memory }) => {
      return memory.id !== except && matches(memory);
    });
  }

  async #call(call: Call, signal: AbortSignal, acts: readonly (() => void)[]): Promise<void> {
    this.calls.push(call);
    signal.throwIfAborted();
    const { wait, error, done } = this.plan(call) ?? {};
    if (wait !== undefined) await orAborted(wait, signal);
    else await Promise.resolve();
    signal.throwIfAborted();
    const act = () => acts.forEach((each) => each());
    if (error === undefined || done === "all") act();
    else if (done === "half") acts.slice(0, Math.ceil(acts.length / 2)).forEach((each) => each());
    else if (done === "late") this.#late.push(act);
    if (error !== undefined) throw error;
  }
}

function orAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop);
  return Promise.race([wait, promise]).finally(() => signal.removeEventListener("abort", stop));
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, n, at) => sum + n * (y[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** Anywhere, but the same for the same text (FNV-1a). */
function place32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
