/** The index in a Qdrant and the built-in one, fed the same: what they find can be compared. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { matcher, type Memory, type MemoryFilter } from "../../src/memory.ts";
import type { VectorsKind } from "../../src/vector_index.ts";
import { QdrantVectorIndex } from "../../src/vector_index/qdrant.ts";
import { QuantisedVectorIndex } from "../../src/vector_index/quantised.ts";
import { eventually } from "../e2e/conditions.ts";
import { Inventions } from "../fakes/qdrant/inventions.ts";
import { restPoints } from "../fakes/qdrant/rest_points_kit.ts";
import { below, memoryOf, randomOf } from "../fakes/store_kit.ts";

const LENGTH = 16;
const MEMORIES = 60;

export class Twins implements AsyncDisposable {
  readonly there: QdrantVectorIndex;
  readonly collection = `second-brain-twins-${crypto.randomUUID()}`;
  readonly #here: QuantisedVectorIndex;
  readonly #memories = new Map<string, Memory>();
  readonly #kept = new Map<string, readonly Float32Array[]>();
  readonly #random: () => number;
  readonly #invented: Inventions;
  readonly #url: string;
  /** Some of the memories mean the very same. */
  readonly #shared: readonly Float32Array[];
  #version = 0;

  constructor(url: string, seed: number) {
    this.#url = url;
    this.#random = randomOf(seed);
    this.#invented = new Inventions(this.#random, LENGTH);
    this.#shared = Array.from({ length: 3 }, () => this.#invented.vector());
    const kept = (ids: readonly string[]) => Promise.resolve(ids.map((id) => this.#kept.get(id)));
    const kind: VectorsKind = {
      fullVectors: kept,
      allVectors: kept,
      memory: (id) => this.#memories.get(id),
      sourceOf: ({ content }) => content,
      model: "test",
      length: () => LENGTH,
      isFormer: false,
    };
    this.#here = new QuantisedVectorIndex({ fullVectors: kept });
    this.there = new QdrantVectorIndex({
      kind,
      newPoints: (length) => restPoints(url, { length, collection: this.collection }),
      clock: systemClock,
      random: this.#random,
      log: () => {},
      timeoutMs: 5_000,
    });
  }

  /** With something in it, so that there is a collection to connect to. */
  async begin(): Promise<void> {
    await this.#upsert();
    await this.connected();
  }

  async connected(): Promise<void> {
    const { elsewhere } = this.there;
    await eventually(30_000, "connected, with all that was written", () => {
      const { state, pending } = elsewhere.status;
      return state === "ok" && pending === 0 ? true : undefined;
    });
  }

  async step(): Promise<void> {
    if (this.#random() < 0.8) await this.write();
    else await this.compare();
  }

  async write(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.6) await this.#upsert();
    else if (dice < 0.8) await this.#delete();
    else await this.#edit();
  }

  /** A question that both are asked. */
  async compare(): Promise<void> {
    const filter = this.#random() < 0.4 ? {} : this.#invented.filter(() => this.#time());
    const except = this.#random() < 0.3 ? this.#anyId() : undefined;
    const vector = this.#vector();
    const limit = 1 + below(this.#random, 12);
    const query = { vector, limit, accept: this.#accept(filter, except) };
    const here = await this.#here.search(query);
    const there = await this.there.search({ ...query, filter, except });
    const about = JSON.stringify({ filter, except, limit, here, there });
    assert.deepEqual(there.hits.map(({ id }) => id), here.hits.map(({ id }) => id), about);
    assert.equal(there.total, here.total, about);
    there.hits.forEach(({ score }, at) => {
      const other = here.hits[at]?.score ?? NaN;
      assert.ok(Math.abs(score - other) <= 1e-3, `${about}: ${score} for ${other}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.there.elsewhere.close();
    const address = `${this.#url}/collections/${this.collection}`;
    const removed = await fetch(address, { method: "DELETE" });
    await removed.body?.cancel();
  }

  async #upsert(): Promise<void> {
    const memories = Array.from({ length: 1 + below(this.#random, 5) }, () => {
      const content = `version ${++this.#version}`;
      const fields = { ...this.#invented.fields(), content, created_at: this.#time() };
      return memoryOf(below(this.#random, MEMORIES), fields);
    });
    const once = [...new Map(memories.map((memory) => [memory.id, memory])).values()];
    const entries = once.map(({ id }) => {
      const chunks = this.#random() < 0.2 ? 1 + below(this.#random, 4) : 1;
      return { id, vectors: Array.from({ length: chunks }, () => this.#vector()) };
    });
    for (const memory of once) this.#memories.set(memory.id, memory);
    for (const { id, vectors } of entries) this.#kept.set(id, vectors);
    await this.#here.upsert(entries);
    await this.there.upsert(entries);
  }

  async #delete(): Promise<void> {
    const ids = [this.#anyId(), this.#anyId()].filter((id) => id !== undefined);
    for (const id of ids) {
      this.#memories.delete(id);
      this.#kept.delete(id);
    }
    await this.#here.delete(ids);
    await this.there.delete(ids);
  }

  /** Its vectors stay. */
  async #edit(): Promise<void> {
    const memory = this.#memories.get(this.#anyId() ?? "");
    if (memory === undefined) return;
    this.#memories.set(memory.id, { ...memory, ...this.#invented.fields() });
    await this.there.elsewhere.refresh([memory.id]);
  }

  #accept(filter: MemoryFilter, except: string | undefined): (id: string) => boolean {
    const matches = matcher(filter);
    return (id) => {
      const memory = this.#memories.get(id);
      return memory !== undefined && id !== except && matches(memory);
    };
  }

  #vector(): Float32Array {
    return this.#random() < 0.4 ? this.#invented.pick(this.#shared) : this.#invented.vector();
  }

  #time(): string {
    return `2026-01-01T00:00:00.00${below(this.#random, 10)}Z`;
  }

  #anyId(): string | undefined {
    const ids = [...this.#memories.keys()];
    return ids[below(this.#random, ids.length)];
  }
}
