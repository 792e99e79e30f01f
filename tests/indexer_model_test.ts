/**
 * The indexer with the real cache, under random puts, edits, deletes, outages of the provider and
 * of the index, and restarts: in the end the index must hold what the state holds, and no text was
 * embedded twice. A failing run prints its seed; `SEED=n` repeats it.
 */
import assert from "node:assert/strict";
import { cachedEmbedder } from "../src/embedder/cached.ts";
import { EmbeddingCache } from "../src/embedder/cache.ts";
import { EmbedderError } from "../src/embedder.ts";
import { Indexer } from "../src/indexer.ts";
import type { Memory } from "../src/memory.ts";
import { FakeClock, FakeEmbedder, MapVectorIndex, memoryOf, vectorOf } from "./fakes/indexing.ts";

const RUNS = 40;
const STEPS = 120;

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A brain that lives through one run; `restart` keeps the state and the cache only. */
class Run {
  readonly random: () => number;
  readonly clock = new FakeClock();
  readonly state = new Map<string, Memory>();
  readonly provider = new FakeEmbedder();
  /** The provider's own timers, which a caller that gave up does not stop. */
  slowAnswers = 0;
  index: MapVectorIndex;
  indexer: Indexer;

  constructor(seed: number, readonly cache: EmbeddingCache) {
    this.random = randomOf(seed);
    this.index = this.newIndex();
    this.indexer = this.start();
  }

  /** Its writes take their time, so that they would overtake each other if they could. */
  newIndex(): MapVectorIndex {
    const index = new MapVectorIndex();
    index.pause = () => {
      if (this.random() < 0.5) return Promise.resolve();
      return new Promise((resolve) => this.clock.after(this.random() * 60, resolve));
    };
    return index;
  }

  start(): Indexer {
    const embedder = cachedEmbedder(this.provider, this.cache);
    return new Indexer({
      embedder,
      recall: embedder.recall,
      newVectorIndex: () => this.index,
      memory: (id) => this.state.get(id),
      clock: this.clock,
      random: this.random,
    });
  }

  async restart(): Promise<void> {
    await this.clock.until(this.indexer.stop());
    this.index = this.newIndex();
    this.indexer = this.start();
    await this.clock.until(this.indexer.start([...this.state.values()]));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.random() * from.length)];
    assert.ok(picked !== undefined);
    return picked;
  }

  /** Few ids and few texts, so that they meet. */
  put(): void {
    const id = this.pick(["a", "b", "c", "d", "e", "f", "g", "h"]);
    const content = `text ${Math.floor(this.random() * 12)}`;
    const own = this.random() < 0.15;
    const embedding = vectorOf(`own ${this.random()}`);
    const memory = memoryOf(id, content, own ? { embedding } : {});
    this.state.set(id, memory);
    this.indexer.put(memory);
  }

  delete(): void {
    const id = this.pick(["a", "b", "c", "d", "e", "f", "g", "h"]);
    this.state.delete(id);
    this.indexer.delete(id);
  }

  /** How the provider behaves from here on. */
  weather(): void {
    const fault = this.pick(["retry", "config"] as const);
    const down = this.random() < 0.5;
    const slow = this.random() < 0.5;
    this.provider.plan = () => {
      if (down) return new EmbedderError(fault, "Cannot embed: away");
      if (!slow) return undefined;
      this.slowAnswers++;
      return new Promise((resolve) =>
        this.clock.after(100, () => {
          this.slowAnswers--;
          resolve();
        })
      );
    };
  }

  async step(): Promise<void> {
    const dice = this.random();
    if (dice < 0.45) this.put();
    else if (dice < 0.6) this.delete();
    else if (dice < 0.7) this.weather();
    else if (dice < 0.75) this.index.away = !this.index.away;
    else if (dice < 0.78) await this.restart();
    else if (dice < 0.8) this.indexer.retryFailed();
    else if (dice < 0.9) await this.clock.advance(0);
    else await this.clock.advance(this.random() * 2_000);
  }

  async settle(): Promise<void> {
    this.index.away = false;
    this.provider.plan = () => undefined;
    // What was refused in the old weather is heard of before trying again.
    await this.clock.advance(0);
    this.indexer.retryFailed();
    await this.clock.until(this.indexer.idle());
  }

  check(): void {
    const wanted = new Map(
      [...this.state.values()].map((memory) => [
        memory.id,
        [memory.embedding ?? vectorOf(memory.content)],
      ]),
    );
    assert.deepEqual(this.index.vectors, wanted);
    const { indexed, pending, failed } = this.indexer.stats();
    assert.deepEqual({ indexed, pending, failed }, { indexed: wanted.size, pending: 0, failed: 0 });
    const { answered } = this.provider;
    assert.deepEqual(answered, [...new Set(answered)], "a text was embedded twice");
  }
}

Deno.test("whatever happens, the index ends up as the state, and no text is embedded twice", async () => {
  const folder = await Deno.makeTempDir();
  const first = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
  const runs = Deno.env.has("SEED") ? 1 : RUNS;
  try {
    for (let seed = first; seed < first + runs; seed++) {
      const cache = new EmbeddingCache({
        path: `${folder}/${seed}.db`,
        quarantineFolder: `${folder}/quarantine`,
        maxBytes: 1024 ** 3,
      });
      const run = new Run(seed, cache);
      try {
        for (let step = 0; step < STEPS; step++) await run.step();
        await run.settle();
        run.check();
      } catch (error) {
        console.error(`SEED=${seed}`);
        throw error;
      } finally {
        await run.clock.until(run.indexer.stop());
        cache.close();
      }
      assert.equal(run.clock.waiting, run.slowAnswers, "a timer outlived the indexer");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
