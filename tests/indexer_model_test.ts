/**
 * The indexer with the real cache, under random puts, edits, deletes, outages of the provider and
 * of the index, restarts and changes of the model: in the end searches must go to what the state
 * holds by the model that is set, and no text was paid for twice. A failing run prints its seed;
 * `TEST_SEED=n` repeats it.
 */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { vectorOf } from "./fakes/indexing.ts";
import { Lives, type Model, MODELS } from "./fakes/lives.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";

const RUNS = 30;
const STEPS = 120;
const IDS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const NAMES: readonly Model[] = ["old", "new", "twin"];

class Run {
  readonly random: () => number;
  readonly lives: Lives;
  /** The provider's own timers, which a caller that gave up does not stop. */
  slowAnswers = 0;
  model: Model = "old";

  constructor(seed: number) {
    this.random = randomOf(seed);
    // Writes take their time, so that they would overtake each other if they could.
    this.lives = new Lives(() => {
      if (this.random() < 0.5) return Promise.resolve();
      return new Promise((resolve) => this.lives.clock.after(this.random() * 60, resolve));
    });
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.random() * from.length)];
    assert.ok(picked !== undefined);
    return picked;
  }

  /** Few ids and few texts, so that they meet; some of them long. */
  put(): void {
    const id = this.pick(IDS);
    const n = Math.floor(this.random() * 12);
    const content = n < 3 ? `part ${n}, `.repeat(200) : `text ${n}`;
    const length = this.pick([MODELS.old, MODELS.new]);
    const embedding = vectorOf(`own ${this.random()}`, length);
    this.lives.put(id, content, this.random() < 0.15 ? { embedding } : {});
  }

  /** How a provider behaves from here on. */
  weather(): void {
    const provider = this.lives.providers[this.pick(NAMES)];
    const fault = this.pick(["retry", "config"] as const);
    const down = this.random() < 0.5;
    const slow = this.random() < 0.5;
    provider.plan = () => {
      if (down) return new EmbedderError(fault, "Cannot embed: away");
      if (!slow) return undefined;
      this.slowAnswers++;
      return new Promise((resolve) =>
        this.lives.clock.after(100, () => {
          this.slowAnswers--;
          resolve();
        })
      );
    };
  }

  async restart(): Promise<void> {
    if (this.random() < 0.5) this.model = this.pick(NAMES);
    await this.lives.begin(this.model, this.random);
  }

  async search(): Promise<void> {
    const { vectorIndex, embedQuery } = this.lives.indexer.serving;
    const asked = embedQuery(`query ${Math.floor(this.random() * 3)}`).then(
      (vector) => assert.equal(vector.length, vectorIndex.dimensions ?? vector.length),
      (error) => {
        assert.ok(error instanceof EmbedderError);
        if (error.fault !== "retry") this.lives.refusedSearches++;
      },
    );
    await this.lives.clock.until(asked);
    await asked;
  }

  async step(): Promise<void> {
    const { lives } = this;
    const dice = this.random();
    if (dice < 0.45) this.put();
    else if (dice < 0.57) lives.delete(this.pick(IDS));
    else if (dice < 0.67) this.weather();
    else if (dice < 0.72) {
      const index = this.pick(lives.indexes);
      index.away = !index.away;
    } else if (dice < 0.76) await this.restart();
    else if (dice < 0.78) lives.indexer.retryFailed();
    else if (dice < 0.84) await this.search();
    else if (dice < 0.92) await lives.clock.advance(0);
    else await lives.clock.advance(this.random() * 2_000);
  }

  async settle(): Promise<void> {
    const { lives } = this;
    for (const index of lives.indexes) index.away = false;
    for (const provider of Object.values(lives.providers)) provider.plan = () => undefined;
    // What was refused in the old weather is heard of before trying again.
    await lives.clock.advance(0);
    lives.indexer.retryFailed();
    await lives.idle();
  }

  check(): void {
    const { lives, model } = this;
    assert.deepEqual(lives.served(), lives.wanted(model));
    const { indexed, pending, failed, ...stats } = lives.indexer.stats();
    assert.deepEqual({ indexed, pending, failed }, {
      indexed: lives.state.size,
      pending: 0,
      failed: 0,
    });
    assert.deepEqual([stats.model, stats.reindexing], [model, null]);
    for (const name of NAMES) lives.checkPayments(name);
  }
}

Deno.test("whatever happens, searches end up with what the state holds, and nothing is paid twice", async () => {
  const runs = Deno.env.has("TEST_SEED") ? 1 : RUNS;
  for (let at = seed; at < seed + runs; at++) {
    const run = new Run(at);
    try {
      await run.lives.begin(run.model, run.random);
      for (let step = 0; step < STEPS; step++) await run.step();
      await run.settle();
      run.check();
    } catch (error) {
      console.error(`TEST_SEED=${at}`);
      throw error;
    } finally {
      await run.lives[Symbol.asyncDispose]();
    }
    assert.equal(run.lives.clock.waiting, run.slowAnswers, "a timer outlived the indexer");
  }
});
