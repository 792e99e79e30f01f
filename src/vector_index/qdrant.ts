/**
 * The vector index in a Qdrant. The state is the truth: what lies in Qdrant is compared with it,
 * brought in line, and joined with it at every search; lost, it is written again.
 *
 * Promises: nothing is kept here but what tells whether a point is right. A write waits for Qdrant
 * only while that is there, never for long, and never fails for it. A search ends within its
 * deadline: what Qdrant does not answer then is out of reach. A memory that was deleted is not found
 * from then on, whatever Qdrant still has.
 */
import type { Clock } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import type { Say } from "../log.ts";
import type { Memory } from "../memory.ts";
import { Pace } from "../pace.ts";
import {
  type NearPairs,
  type VectorEntry,
  type VectorIndex,
  VectorIndexUnavailable,
  type VectorQuery,
  type VectorResult,
  type VectorsElsewhere,
  type VectorsKind,
  type VectorStoreStatus,
} from "../vector_index.ts";
import { measure } from "./measure.ts";
import { Held, type HeldMemory } from "./qdrant/held.ts";
import { Mirror } from "./qdrant/mirror.ts";
import { NearestSearch, requestsFor } from "./qdrant/nearest.ts";
import { stampOf } from "./qdrant/payload.ts";
import { type Points, type PointsEntry, QdrantError, type Restamped } from "./qdrant/points.ts";

/** With more than this pending, a search would miss too much to be worth it. */
const BEHIND = { least: 100, share: 1 / 20 } as const;
const TIMEOUT_MS = 800;

export interface QdrantOptions {
  readonly kind: VectorsKind;
  /** A collection for vectors of this length. */
  readonly newPoints: (length: number) => Points;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly log: Say;
  /** Of a search; one that asks for very many may take this for each request that it needs. */
  readonly timeoutMs?: number | undefined;
}

export class QdrantVectorIndex implements VectorIndex {
  readonly kind = "qdrant";
  readonly elsewhere: VectorsElsewhere;
  readonly #options: QdrantOptions;
  readonly #held = new Held();
  readonly #lost: ((ids: readonly string[]) => void)[] = [];
  readonly #found: ((ids: readonly string[]) => void)[] = [];
  #mirror: Mirror | undefined;
  /** Mirrors of other lengths that finish their writes. */
  readonly #leaving = new Map<Mirror, Promise<void>>();
  #isClosed = false;

  constructor(options: QdrantOptions) {
    this.#options = options;
    const status = () => this.#status;
    this.elsewhere = {
      get status() {
        return status();
      },
      ids: () => this.#held.ids(),
      adopt: (memories) => this.#adopt(memories),
      refresh: (ids) => this.#refresh(ids),
      converge: () => this.#converge(),
      whenLost: (listener) => void this.#lost.push(listener),
      whenFound: (listener) => void this.#found.push(listener),
      close: () => this.#close(),
    };
  }

  get dimensions(): number | undefined {
    return this.size === 0 ? undefined : this.#mirror?.points.length;
  }

  get size(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#held.bytes;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    const filled = entries.filter(({ vectors }) => vectors.length > 0);
    const dimensions = this.dimensions ?? filled[0]?.vectors[0]?.length;
    if (dimensions === undefined) return;
    for (const { vectors } of filled) {
      for (const vector of vectors) measure(vector, dimensions, "index a vector");
    }
    const mirror = this.#mirrorOf(dimensions);
    if (mirror === undefined) return;
    const { memory: memoryOf, sourceOf } = this.#options.kind;
    const sent: PointsEntry[] = [];
    for (const [id, vectors] of new Map(filled.map(({ id, vectors }) => [id, vectors]))) {
      const memory = memoryOf(id);
      if (memory === undefined) continue;
      const stamp = this.#stampOf(memory);
      sent.push({ memory, stamp, vectors, formerChunks: mirror.chunksOf(id) });
      this.#held.set(id, { ...stamp, chunks: vectors.length, source: sourceOf(memory) });
    }
    await mirror.upsert(sent);
  }

  async delete(ids: readonly string[]): Promise<void> {
    const gone = [...new Set(ids)];
    for (const id of gone) this.#held.delete(id);
    await this.#mirror?.delete(gone);
  }

  async search(query: VectorQuery): Promise<VectorResult> {
    const { vector, limit, filter, except, accept, signal } = query;
    signal?.throwIfAborted();
    measure(vector, this.dimensions ?? vector.length, "search");
    const mirror = this.#mirror ?? this.#mirrorOf(this.#options.kind.length());
    const { state, detail, pending } = this.#status;
    if (state !== "ok") throw new VectorIndexUnavailable(detail ?? "Cannot search: not connected");
    if (mirror === undefined || this.size === 0) return { hits: [], total: 0 };
    const { points, connection } = mirror;
    const isNarrowed = except !== undefined || Object.values(filter ?? {}).some(isGiven);
    const nearest = new NearestSearch({
      ...{ vector: vector.slice(), limit, filter, except, points, held: this.#held },
      accept: (id) => accept?.(id) !== false && this.#isAsItWas(id),
      answered: () => connection.succeeded(),
    });
    const { changes } = this.#held;
    const [isAll, count] = await this.#ask(mirror, limit, signal, (ended) =>
      Promise.all([
        nearest.run(ended),
        isNarrowed ? points.countMemories({ filter, except }, ended) : undefined,
      ]));
    const hits = nearest.hits();
    const isPage = hits.length === limit;
    const isQuiet = changes === this.#held.changes && pending + this.#status.pending === 0;
    if (isAll && !isPage && isQuiet) {
      const isSeen = !isNarrowed && accept === undefined;
      // Where it is narrowed only a count tells.
      if (!isSeen || hits.length < this.size) mirror.suspect();
      // Of few more than are asked for, its graph may miss some; not half of them.
      if (isSeen && hits.length < this.size / 2) {
        throw new VectorIndexUnavailable("Cannot search: Qdrant lost most of what it held");
      }
    }
    if (changes === this.#held.changes) mirror.doubt(nearest.strange);
    if (count === undefined) return { hits, total: this.size };
    return { hits, total: isAll && !isPage ? hits.length : Math.max(count, hits.length) };
  }

  nearPairs(): Promise<NearPairs> {
    const message = "Cannot look for pairs: Qdrant has no quick means for it";
    return Promise.reject(new VectorIndexUnavailable(message));
  }

  /** Throws the reason of `signal`, or `VectorIndexUnavailable`. */
  async #ask<T>(
    { connection }: Mirror,
    limit: number,
    signal: AbortSignal | undefined,
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, timeoutMs = TIMEOUT_MS } = this.#options;
    const ended = [connection.closing, ...signal === undefined ? [] : [signal]];
    const ms = timeoutMs * requestsFor(Math.min(limit, this.#held.points));
    const late = () => {
      return new QdrantError("busy", `Cannot search in Qdrant: no answer within ${ms} ms`);
    };
    try {
      return await withDeadline({ clock, ms, late, signal: AbortSignal.any(ended) }, action);
    } catch (error) {
      signal?.throwIfAborted();
      connection.failed(error);
      const message = error instanceof QdrantError ? error.message : "Cannot search in Qdrant";
      throw new VectorIndexUnavailable(message, { cause: error });
    }
  }

  get #status(): VectorStoreStatus {
    const mirror = this.#mirror;
    if (mirror === undefined) return { state: "ok", detail: null, pending: 0 };
    const { state, detail } = mirror.connection;
    const pending = mirror.unwritten;
    if (state !== "ok") return { state: "unavailable", detail, pending };
    const isTooMuch = mirror.pending.size > Math.max(BEHIND.least, this.size * BEHIND.share);
    if (!isTooMuch && !mirror.isBehind) return { state, detail, pending };
    const why = isTooMuch
      ? `Cannot search: Qdrant does not have ${pending} memories yet as they are now`
      : "Cannot search: Qdrant takes no writes, and lacks what has changed since";
    return { state: "unavailable", detail: why, pending };
  }

  /** The one of vectors of this length; undefined where there is none any more. */
  #mirrorOf(length: number | undefined): Mirror | undefined {
    if (length === undefined || this.#isClosed) return undefined;
    const former = this.#mirror;
    if (former?.points.length === length) return former;
    if (former !== undefined) {
      this.#leaving.set(former, former.leave().finally(() => this.#leaving.delete(former)));
    }
    const { newPoints, ...rest } = this.#options;
    return this.#mirror = new Mirror({
      ...rest,
      held: this.#held,
      points: newPoints(length),
      lost: (ids) => this.#lost.forEach((listener) => listener(ids)),
      found: (ids) => this.#found.forEach((listener) => listener(ids)),
    });
  }

  async #adopt(memories: readonly Memory[]): Promise<ReadonlySet<string>> {
    const { kind } = this.#options;
    const adopted = new Set<string>();
    const own = memories.map(kind.sourceOf).find((source) => typeof source !== "string");
    const mirror = this.#mirror ?? this.#mirrorOf(kind.length() ?? own?.length);
    await mirror?.connection.settled;
    const pace = new Pace();
    for (const { id } of memories) {
      if (pace.due) await pace.breathe();
      const memory = kind.memory(id);
      if (mirror?.connection.state !== "ok" || mirror !== this.#mirror) break;
      if (memory === undefined || this.#held.has(id)) continue;
      const found = mirror.takeFound(id);
      if (found === undefined) continue;
      const stamp = found.memory === memory ? found : this.#stampOf(memory);
      if (stamp.contentHash !== found.contentHash) {
        mirror.open(id, "entry");
        continue;
      }
      this.#held.set(id, { ...stamp, chunks: found.chunks, source: kind.sourceOf(memory) });
      adopted.add(id);
      if (found.isRestamped || stamp.fieldsHash !== found.fieldsHash) mirror.open(id, "fields");
    }
    return adopted;
  }

  async #refresh(ids: readonly string[]): Promise<void> {
    const { kind } = this.#options;
    const stamped: (Restamped & { readonly held: HeldMemory })[] = [];
    const pace = new Pace();
    for (const id of ids) {
      if (pace.due) await pace.breathe();
      const memory = kind.memory(id);
      const held = this.#held.get(id);
      if (memory === undefined || held === undefined) continue;
      const stamp = this.#stampOf(memory);
      // With another text it is upserted again soon.
      if (stamp.contentHash !== held.contentHash || stamp.fieldsHash === held.fieldsHash) continue;
      stamped.push({ memory, stamp, held });
    }
    // At once with the write: a comparison takes what changes without one for something else.
    const restamped = stamped.filter(({ memory: { id }, held }) => this.#held.get(id) === held);
    for (const { memory, stamp, held: { chunks } } of restamped) {
      this.#held.set(memory.id, { ...stamp, chunks, source: kind.sourceOf(memory) });
    }
    await this.#mirror?.setFields(restamped);
  }

  async #converge(): Promise<void> {
    const mirror = this.#mirror ?? this.#mirrorOf(this.#options.kind.length());
    await mirror?.converge();
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    const mirrors = [...this.#leaving.keys(), ...this.#mirror === undefined ? [] : [this.#mirror]];
    await Promise.all(mirrors.map((mirror) => mirror.close()));
    await Promise.all(this.#leaving.values());
  }

  /** Not any more from a change on, though what is held follows only when the writes before it are
   * over: Qdrant may take its time with those. */
  #isAsItWas(id: string): boolean {
    const memory = this.#options.kind.memory(id);
    if (memory === undefined) return false;
    return this.#options.kind.sourceOf(memory) === this.#held.get(id)?.source;
  }

  #stampOf(memory: Memory) {
    const { sourceOf, model } = this.#options.kind;
    return stampOf(memory, sourceOf(memory), model);
  }
}

function isGiven(part: unknown): boolean {
  return part !== undefined;
}
