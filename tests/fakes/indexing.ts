/** Simulated twins of what the indexer stands on: a clock turned by hand, an embedder that obeys
 * the test, and a vector index that is a Map. */
import assert from "node:assert/strict";
import type { Clock, Timer } from "../../src/clock.ts";
import {
  type Embedder,
  EmbedderError,
  type EmbedOptions,
  type KeepingEmbedder,
} from "../../src/embedder.ts";
import { AppError } from "../../src/errors.ts";
import { chunksOf } from "../../src/indexer/chunks.ts";
import type { Memory } from "../../src/memory.ts";
import {
  type VectorEntry,
  type VectorIndex,
  VectorIndexUnavailable,
  type VectorResult,
} from "../../src/vector_index.ts";
import { givesWay } from "../../src/pace.ts";
import { noted } from "../noted.ts";

export class FakeClock implements Clock {
  readonly #drain: () => Promise<void>;
  #now = 0;
  #timers: { at: number; run: () => void }[] = [];

  /** `drained` lets everything that waits for no timer of the clock run to its end. */
  constructor(drained: () => Promise<void> = drain) {
    this.#drain = drained;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return { cancel: () => this.#timers = this.#timers.filter((other) => other !== timer) };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  /** Moves on, running every timer that falls due, and all that follows from it, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#drain();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await this.#drain();
    }
    this.#now = end;
  }

  /** Moves on at one go, as for a machine that slept: what fell due runs once, at the end. */
  async leap(ms: number): Promise<void> {
    await this.#drain();
    this.#now += ms;
    await this.advance(0);
  }

  /** Moves on, timer by timer, until the promise is settled. */
  async until(promise: Promise<unknown>): Promise<void> {
    let settled = false;
    promise.finally(() => settled = true).catch(() => {});
    await this.#drain();
    for (let steps = 0; !settled; steps++) {
      // On a machine that is slow just now, work may give way many times before it sets a timer.
      for (let turns = 0; !settled && this.#timers.length === 0; turns++) {
        assert.ok(turns < 100, "it stands still");
        await this.#drain();
      }
      if (settled) return;
      assert.ok(steps < 10_000, "it stands still");
      await this.advance(Math.max(0, Math.min(...this.#timers.map(({ at }) => at)) - this.#now));
    }
  }
}

/** Lets everything that waits for no timer of the clock run to its end: also what reads from the
 * disk, and what gives way for a moment (`Pace`) because the machine is slow just now. */
export async function drain(): Promise<void> {
  do {
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 0));
    await new Promise((resolve) => setImmediate(resolve));
  } while (givesWay());
}

/** What the fake embedder does with a call: nothing special, an error, or an answer in time. */
export type Plan = (texts: readonly string[]) => EmbedderError | Promise<void> | undefined;

export class FakeEmbedder implements Embedder {
  readonly provider = "fake";
  model = "fake-1";
  dimensions: number | undefined = undefined;
  length = 4;
  /** Set before a text, so that two models say different things of it. */
  accent = "";
  plan: Plan = () => undefined;
  readonly calls: string[][] = [];
  /** The texts whose vectors were handed over. */
  readonly answered: string[] = [];
  /** How many calls were under way at the same time, at most. */
  mostAtOnce = 0;
  #atOnce = 0;

  get texts(): string[] {
    return this.calls.flat();
  }

  async embed(texts: readonly string[], { signal }: EmbedOptions): Promise<Float32Array[]> {
    this.calls.push([...texts]);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    try {
      const planned = this.plan(texts);
      if (planned instanceof EmbedderError) throw planned;
      await planned;
      if (signal.aborted) throw new EmbedderError("retry", "given up");
      this.answered.push(...texts);
      return texts.map((text) => vectorOf(this.accent + text, this.length));
    } finally {
      this.#atOnce--;
    }
  }
}

/** One that remembers in memory, as the cache does on disk. */
export class KeepingFakeEmbedder extends FakeEmbedder implements KeepingEmbedder {
  readonly kept = new Map<string, Float32Array>();

  recall(texts: readonly string[]): Promise<(Float32Array | undefined)[]> {
    return Promise.resolve(texts.map((text) => this.kept.get(text)));
  }

  use(_texts: readonly string[]): Promise<void> {
    return Promise.resolve();
  }

  ask(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]> {
    return super.embed(texts, options);
  }

  override async embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]> {
    const vectors = await super.embed(texts, options);
    for (const [at, text] of texts.entries()) {
      const vector = vectors[at];
      if (vector !== undefined) this.kept.set(text, vector);
    }
    return vectors;
  }
}

/** Tells texts apart, which is all that these tests ask of a vector. */
export function vectorOf(text: string, length = 4): Float32Array {
  const vector = new Float32Array(length).fill(1);
  for (let at = 0; at < text.length; at++) {
    const slot = at % length;
    vector[slot] = ((vector[slot] ?? 0) * 31 + text.charCodeAt(at)) % 65_521;
  }
  return vector;
}

/** What the provider says of a text: a vector for each of its chunks. */
export function vectorsOf(text: string, length = 4): Float32Array[] {
  return chunksOf(text).map((chunk) => vectorOf(chunk, length));
}

/** The port as the simplest thing that keeps its word; `away` takes it out of reach. */
export class MapVectorIndex implements VectorIndex {
  readonly kind = "memory";
  readonly bytes = 0;
  away = false;
  /** How long a write takes. */
  pause: () => Promise<void> = () => Promise.resolve();
  /** Everything that was ever written, in order. */
  readonly written: VectorEntry[] = [];
  readonly vectors = new Map<string, readonly Float32Array[]>();

  get dimensions(): number | undefined {
    return this.vectors.values().next().value?.[0]?.length;
  }

  get size(): number {
    return this.vectors.size;
  }

  has(id: string): boolean {
    return this.vectors.has(id);
  }

  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    await this.#reach();
    const length = this.dimensions ?? entries[0]?.vectors[0]?.length;
    if (entries.some(({ vectors }) => vectors.some((vector) => vector.length !== length))) {
      throw new AppError("invalid", "Cannot index: another length");
    }
    this.written.push(...entries);
    for (const { id, vectors } of entries) this.vectors.set(id, vectors);
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this.#reach();
    for (const id of ids) this.vectors.delete(id);
  }

  search(): Promise<VectorResult> {
    throw new Error("no test of the indexer searches");
  }

  nearPairs(): Promise<never> {
    throw new Error("no test of the indexer asks for pairs");
  }

  /** A write takes a moment, in which something else may happen. */
  async #reach(): Promise<void> {
    await this.pause();
    if (this.away) throw new VectorIndexUnavailable("away");
  }
}

export function memoryOf(id: string, content: string, more: Partial<Memory> = {}): Memory {
  const at = "2026-01-01T00:00:00.000Z";
  return noted(id, content, { created_at: at, updated_at: at, ...more });
}
