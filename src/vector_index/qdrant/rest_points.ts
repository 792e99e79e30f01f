/**
 * Adapter: `Points` over Qdrant's REST interface, from 1.10 on. Every request is about the points
 * of this brain; every write waits until it is done.
 */
import { z } from "zod";
import { clampCosine } from "../../cosine.ts";
import type { Client, Limits } from "./client.ts";
import { Completed, count, ensureCollection, isNameOfOurs, type Wanted } from "./collection.ts";
import {
  type Filter,
  FIRST_CHUNK,
  ofMemories,
  ofPoints,
  pointsOf,
  pointsThatPass,
} from "./filter.ts";
import { numbersOf } from "./numbers.ts";
import {
  type NearPoint,
  type NearQuery,
  type Points,
  type PointsEntry,
  type PointsQuery,
  QdrantError,
  type Restamped,
  type StoredPoint,
} from "./points.ts";
import { type Operation, restamps, upserts } from "./requests.ts";

export interface RestPointsOptions extends Wanted {
  readonly client: Client;
  /** Of a search: somebody waits for it. */
  readonly timeoutMs: number;
  /** Called whenever the collection is found or made. */
  readonly ensured?: ((points: Points, signal: AbortSignal) => Promise<void>) | undefined;
}

/** Of everything else. */
const LONG_TIMEOUT_MS = 30_000;
const PAGE = 1_000;
/** Of ids in one filter. */
const MAX_IDS = 1_000;
/** With quantisation: how many times the candidates are measured again by their own vectors. */
const OVERSAMPLING = 2;

const text = z.string().catch("");
const whole = z.int().nonnegative().catch(0);

/** What has another payload than ours is shown as no memory's. */
const Stored = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  payload: z.object({
    memory_id: text,
    chunk: whole,
    chunks: whole,
    content_hash: text,
    fields_hash: text,
  }).catch({ memory_id: "", chunk: 0, chunks: 0, content_hash: "", fields_hash: "" }),
}).transform(({ id, payload }): StoredPoint => ({
  point: id,
  memoryId: payload.memory_id,
  chunk: payload.chunk,
  chunks: payload.chunks,
  contentHash: payload.content_hash,
  fieldsHash: payload.fields_hash,
}));

const Page = z.object({
  result: z.object({
    points: z.array(Stored),
    next_page_offset: z.union([z.string(), z.number()]).nullish(),
  }),
}).transform(({ result }) => result);

const Near = z.object({
  score: z.number(),
  payload: z.object({ memory_id: text, content_hash: text })
    .catch({ memory_id: "", content_hash: "" }),
}).transform(({ score, payload }): NearPoint => ({
  memoryId: payload.memory_id,
  contentHash: payload.content_hash,
  score: clampCosine(score),
}));

const Hits = z.object({ result: z.object({ points: z.array(Near) }) })
  .transform(({ result }) => result.points);

const AllCompleted = z.object({ result: z.array(Completed.shape.result) });

const Names = z.object({
  result: z.object({ collections: z.array(z.object({ name: z.string() })) }),
}).transform(({ result }) => result.collections.map(({ name }) => name));

export class RestPoints implements Points {
  readonly collection: string;
  readonly brain: string;
  readonly length: number;
  readonly #options: RestPointsOptions;
  readonly #client: Client;

  constructor(options: RestPointsOptions) {
    this.#options = options;
    this.#client = options.client;
    this.collection = options.collection;
    this.brain = options.brain;
    this.length = options.length;
  }

  async ensure(signal: AbortSignal): Promise<void> {
    await ensureCollection(this.#client, this.#options, long(signal));
    await this.#options.ensured?.(this, signal);
  }

  async *scroll(signal: AbortSignal): AsyncGenerator<readonly StoredPoint[]> {
    const request = {
      collection_name: this.collection,
      filter: pointsOf(this.#options.brain),
      limit: PAGE,
      with_payload: ["memory_id", "chunk", "chunks", "content_hash", "fields_hash"],
      with_vector: false,
    };
    let offset: string | number | null | undefined;
    do {
      const from = offset === undefined ? request : { ...request, offset };
      const page = await this.#client.ask(Page, long(signal), (api, init) => {
        return api.scrollPoints(from, init);
      });
      yield page.points;
      offset = page.next_page_offset;
    } while (offset != null);
  }

  countPoints(signal: AbortSignal): Promise<number> {
    const filter = pointsOf(this.#options.brain);
    return count(this.#client, this.collection, filter, long(signal));
  }

  countMemories(query: PointsQuery, signal: AbortSignal): Promise<number> {
    const passing = pointsThatPass(this.#options.brain, query);
    const filter = { ...passing, must: [...passing.must, FIRST_CHUNK] };
    return count(this.#client, this.collection, filter, this.#short(signal));
  }

  nearest(query: NearQuery, signal: AbortSignal): Promise<readonly NearPoint[]> {
    const { brain, isQuantised } = this.#options;
    const quantization = { rescore: true, oversampling: OVERSAMPLING };
    return this.#client.ask(Hits, this.#short(signal), (api, init) => {
      return api.queryPoints({
        collection_name: this.collection,
        query: numbersOf(query.vector),
        filter: pointsThatPass(brain, query),
        limit: query.limit,
        offset: query.offset,
        with_payload: ["memory_id", "content_hash"],
        ...(isQuantised ? { params: { quantization } } : {}),
      }, init);
    });
  }

  upsert(entries: readonly PointsEntry[], signal: AbortSignal): Promise<void> {
    return this.#carryOut(upserts(this.#options.brain, entries), signal);
  }

  setFields(entries: readonly Restamped[], signal: AbortSignal): Promise<void> {
    return this.#carryOut(restamps(this.#options.brain, entries), signal);
  }

  async deleteMemories(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const { brain } = this.#options;
    for (const some of slices(ids)) {
      await this.#delete(this.collection, pointsOf(brain, [ofMemories(some)]), signal);
    }
  }

  async deletePoints(points: readonly string[], signal: AbortSignal): Promise<void> {
    const { brain } = this.#options;
    for (const some of slices(points)) {
      await this.#delete(this.collection, pointsOf(brain, [ofPoints(some)]), signal);
    }
  }

  async forgetFormer(living: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    await unlessRefused(async () => {
      const names = await this.#client.ask(Names, long(signal), (api, init) => {
        return api.getCollections({}, init);
      });
      for (const name of names.filter(isNameOfOurs)) {
        if (name === this.collection || living.has(name)) continue;
        await unlessRefused(() => this.#leave(name, signal));
      }
    });
  }

  /** The collection stays: another brain may be about to use it. */
  async #leave(collection: string, signal: AbortSignal): Promise<void> {
    const own = pointsOf(this.#options.brain);
    if (await count(this.#client, collection, own, long(signal)) === 0) return;
    await this.#delete(collection, own, signal);
  }

  async #carryOut(requests: AsyncIterable<Operation[]>, signal: AbortSignal): Promise<void> {
    for await (const operations of requests) {
      await this.#client.ask(AllCompleted, long(signal), (api, init) => {
        return api.batchUpdate(
          { collection_name: this.collection, wait: true, operations },
          init,
        );
      });
    }
  }

  async #delete(collection: string, filter: Filter, signal: AbortSignal): Promise<void> {
    await this.#client.ask(Completed, long(signal), (api, init) => {
      return api.deletePoints({ collection_name: collection, wait: true, filter }, init);
    });
  }

  #short(signal: AbortSignal): Limits {
    return { signal, timeoutMs: this.#options.timeoutMs };
  }
}

function long(signal: AbortSignal): Limits {
  return { signal, timeoutMs: LONG_TIMEOUT_MS };
}

function* slices(ids: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < ids.length; at += MAX_IDS) yield ids.slice(at, at + MAX_IDS);
}

/** What is away or busy is an error all the same. */
async function unlessRefused(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isRefused = error instanceof QdrantError &&
      ["denied", "missing", "rejected"].includes(error.fault);
    if (!isRefused) throw error;
  }
}
