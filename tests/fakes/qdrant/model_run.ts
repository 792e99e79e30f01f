/** One run of the model test: what happens to a brain and to its Qdrant, step by step. */
import assert from "node:assert/strict";
import type { Brain } from "../../../src/brain.ts";
import type { MemoryPatch } from "../../../src/memories/fields.ts";
import type { Memory } from "../../../src/memory.ts";
import type { SearchRequest, SearchResult } from "../../../src/search.ts";
import { importLines } from "../housed_brain.ts";
import { below, randomOf, TIME } from "../store_kit.ts";
import type { Collection } from "./collection.ts";
import { type FaultKind, type Route, WRITES } from "./faults.ts";
import { Inventions } from "./inventions.ts";
import { Lives } from "./lives.ts";
import { cosineOf, meaningOf, vectorsOf } from "./meaning_embedder.ts";
import { Meddler } from "./meddler.ts";

const KINDS: readonly FaultKind[] = [
  "hang",
  "slow",
  "drip",
  "cut",
  "late",
  "lost",
  "not_json",
  "cut_json",
  "disk_full",
  "storage_limit",
  "out_of_memory",
  "panicked",
  "unavailable",
  "too_many",
];
const ROUTES: readonly Route[] = [...WRITES, "query", "scroll", "count"];
/** Longer than that nobody waits for a search while Qdrant answers nothing. */
const MOST_SEARCH_MS = 1_000;
const MOST_WRITE_MS = 100;
const MINUTE_MS = 60_000;
/** What is written reaches Qdrant within this time where nothing is in the way. */
const CLEAR_MS = 5_000;
/** Longer than that Qdrant does not put off what it was asked for; nobody waits for so long. */
const MOST_LATE_MS = 80_000;

/**
 * - `clear`: nothing goes wrong.
 * - `stormy`: Qdrant fails in every way in which it tells the truth, and goes and comes back.
 * - `wild`: it also lies and comes back with other data, and others change what it holds.
 */
export type Weather = "clear" | "stormy" | "wild";

export class Run {
  /** What the memories are, as every write was answered. */
  readonly known = new Map<string, Memory>();
  /** The points of others: they are nobody's business here. */
  strangers = 0;
  readonly lives: Lives;
  readonly #random: () => number;
  readonly #invented: Inventions;
  readonly #meddler: Meddler;
  /** Points may say that they are what they are not. */
  #isHaunted = false;

  private constructor(random: () => number, lives: Lives) {
    this.#random = random;
    this.#invented = new Inventions(random, lives.embedder.dimensions);
    this.#meddler = new Meddler(random, lives, this.#invented);
    this.lives = lives;
  }

  static async begin(seed: number): Promise<Run> {
    const random = randomOf(seed);
    const run = new Run(random, await Lives.begin(random));
    // Nobody connects to Qdrant before there is something to look for.
    await run.#create();
    await run.lives.clock.advance(CLEAR_MS);
    return run;
  }

  get collection(): Collection | undefined {
    return this.lives.standIn.collections.get(this.lives.collectionName);
  }

  async step(weather: Weather): Promise<void> {
    const dice = this.#random();
    if (dice < 0.2) await this.#create();
    else if (dice < 0.37) await this.#edit();
    else if (dice < 0.47) await this.#delete();
    else if (dice < 0.51) await this.#import();
    else if (dice < 0.65) await this.#searchMeanwhile(weather);
    else if (weather === "clear" || dice > 0.88) await this.#pass();
    else if (dice < 0.69) await this.#searchBehind(weather);
    else if (dice < 0.76) this.#fault(weather);
    else if (dice < 0.78) this.#embedderFault();
    else if (dice < 0.81) await this.#goOrCome();
    else if (dice < 0.85) this.lives.standIn.faults.clear();
    else if (dice < 0.86) await this.lives.restart();
    else if (weather === "wild") this.#tamper();
  }

  /** All is well again and stays so: for as long as it takes, and with a comparison of everything
   * where nothing else could show what happened. */
  async quiet(weather: Weather): Promise<void> {
    const { standIn, embedder, clock } = this.lives;
    standIn.faults.clear();
    if (standIn.isDown) await standIn.resume();
    embedder.isAway = false;
    if (weather === "wild") await this.#compared();
    this.lives.brain.indexer.retryFailed();
    await clock.advance(weather === "clear" ? CLEAR_MS : 12 * MINUTE_MS);
    await clock.until(this.lives.brain.indexer.idle());
    this.#isHaunted = false;
  }

  async #compared(): Promise<void> {
    const { standIn, embedder, clock, collectionName } = this.lives;
    const { collection } = this;
    if (collection?.length !== embedder.dimensions && !collection?.indexes.has("brain")) {
      standIn.collections.delete(collectionName);
    }
    await clock.advance(MINUTE_MS);
    if (this.#random() < 0.5) await this.lives.restart();
    else await clock.until(this.lives.brain.reindexing.run());
  }

  /** A question and how it is to be narrowed, of any kind. */
  question(): SearchRequest {
    const own = this.#random() < 0.2;
    return {
      queries: own ? [] : [this.#invented.text(1 + below(this.#random, 3))],
      ...own ? { embedding: this.#invented.vector() } : {},
      mode: own
        ? "semantic"
        : this.#invented.pick(["semantic", "semantic", "hybrid", "auto"] as const),
      filter: this.#random() < 0.5 ? {} : this.#invented.filter(() => this.#someTime()),
      limit: 1 + below(this.#random, 8),
      offset: this.#random() < 0.3 ? below(this.#random, 8) : 0,
      minScore: 0,
      weights: { importance: 0, recency: 0 },
      highlight: false,
    };
  }

  async search(brain: Brain, request: SearchRequest): Promise<SearchResult> {
    const asked = brain.search.run(request);
    await this.lives.clock.until(asked);
    return await asked;
  }

  async #create(): Promise<void> {
    const { brain } = this.lives;
    await this.#written(brain.memories.create({
      content: this.#invented.content(),
      ...this.#invented.fields(),
      ...this.#random() < 0.15 ? { embedding: this.#invented.vector() } : {},
    }));
  }

  async #edit(): Promise<void> {
    const id = this.#anyId();
    if (id === undefined) return;
    const dice = this.#random();
    let change: MemoryPatch = this.#invented.fields();
    if (dice < 0.35) change = { content: this.#invented.content() };
    else if (dice < 0.5) change = { embedding: dice < 0.42 ? null : this.#invented.vector() };
    await this.#written(this.lives.brain.memories.patch(id, change, () => true));
  }

  async #delete(): Promise<void> {
    const id = this.#anyId();
    if (id === undefined) return;
    await this.#soon(this.lives.brain.memories.delete(id, () => true));
    this.known.delete(id);
  }

  /** New ones, and some in the place of others. */
  async #import(): Promise<void> {
    const { brain } = this.lives;
    const records = Array.from({ length: 1 + below(this.#random, 4) }, (_, at) => ({
      id: this.#random() < 0.4
        ? this.#anyId() ?? idOfImport(at)
        : idOfImport(below(this.#random, 20)),
      content: this.#invented.content(),
      ...this.#invented.fields(),
    }));
    const once = [...new Map(records.map((record) => [record.id, record])).values()];
    const report = importLines(brain, once, "overwrite");
    await this.#soon(report);
    assert.equal((await report).skipped, 0);
    for (const { id } of once) this.known.set(id, brain.memories.peek(id).memory);
  }

  /** Whatever goes on: it is answered, in time, with what is there, and scored as it is now. */
  async #searchMeanwhile(weather: Weather): Promise<void> {
    await this.#checkSearch(this.question(), weather);
  }

  /** Qdrant still has what was edited or deleted just now. */
  async #searchBehind(weather: Weather): Promise<void> {
    const { faults } = this.lives.standIn;
    const before = this.known.get(this.#anyId() ?? "");
    if (before === undefined) return;
    const kind = this.#invented.pick(["hang", "slow", "panicked"] as const);
    faults.add({ kind, routes: WRITES, times: 2, ms: 2_000 });
    const { memories } = this.lives.brain;
    if (this.#random() < 0.3) {
      await this.#soon(memories.delete(before.id, () => true));
      this.known.delete(before.id);
    } else {
      const content = this.#invented.content();
      await this.#written(memories.patch(before.id, { content, embedding: null }, () => true));
    }
    // Time for the new vectors, of which Qdrant is to hear as little.
    if (this.#random() < 0.5) await this.lives.clock.advance(1_500);
    const { embedding, content } = before;
    const queries = embedding === undefined ? [content.split(" ").slice(0, 20).join(" ")] : [];
    const whole = { mode: "semantic", filter: {}, limit: 5, offset: 0 } as const;
    await this.#checkSearch({ ...this.question(), ...whole, queries, embedding }, weather);
  }

  async #checkSearch(request: SearchRequest, weather: Weather): Promise<void> {
    const search = this.lives.brain.search.run(request);
    const tookMs = await this.lives.timed(search);
    assert.ok(tookMs <= MOST_SEARCH_MS, `a search took ${tookMs} ms`);
    const { results, degraded } = await search;
    if (weather === "clear") assert.equal(degraded, null);
    const vector = request.embedding ?? meaningOf(request.queries.join(" "));
    for (const { memory, scores: { semantic } } of results) {
      assert.deepEqual(memory, this.known.get(memory.id), "found, but not as it is now");
      // What stands in for Qdrant has quantised vectors, and may be some seconds behind.
      if (semantic === null || degraded !== null || this.#isHaunted) continue;
      const cosine = Math.max(0, ...vectorsOf(memory).map((other) => cosineOf(other, vector)));
      assert.ok(Math.abs(semantic - cosine) < 1e-3, `scored ${semantic}, is ${cosine}`);
    }
  }

  #fault(weather: Weather): void {
    const kind = this.#invented.pick(KINDS);
    if (kind === "lost" && weather !== "wild") return;
    this.lives.standIn.faults.add({
      kind,
      ms: kind === "drip" ? 50 : below(this.#random, kind === "late" ? MOST_LATE_MS : 3_000),
      retryAfterSeconds: below(this.#random, 5),
      ...this.#random() < 0.6
        ? { routes: [this.#invented.pick(ROUTES), this.#invented.pick(ROUTES)] }
        : {},
      ...this.#random() < 0.7 ? { times: 1 + below(this.#random, 4) } : {},
    });
  }

  #embedderFault(): void {
    const { embedder } = this.lives;
    if (this.#random() < 0.5) embedder.isAway = !embedder.isAway;
    for (const text of [...embedder.kept.keys()]) {
      if (this.#random() < 0.2) embedder.kept.delete(text);
    }
  }

  async #goOrCome(): Promise<void> {
    const { standIn } = this.lives;
    if (standIn.isDown) await standIn.resume();
    else await standIn.pause();
  }

  #tamper(): void {
    const done = this.#meddler.meddle(this.#anyId());
    this.#isHaunted ||= done === "haunted";
    this.strangers = this.#meddler.strangers;
  }

  async #pass(): Promise<void> {
    await this.lives.clock.advance(this.#random() < 0.8 ? this.#random() * 3_000 : 2 * MINUTE_MS);
  }

  async #written(write: Promise<{ readonly memory: Memory }>): Promise<void> {
    await this.#soon(write);
    const { memory } = await write;
    this.known.set(memory.id, memory);
  }

  /** Nothing that is written waits for Qdrant. */
  async #soon(write: Promise<unknown>): Promise<void> {
    const tookMs = await this.lives.timed(write);
    assert.ok(tookMs <= MOST_WRITE_MS, `a write took ${tookMs} ms`);
    await write;
  }

  #anyId(): string | undefined {
    const ids = [...this.known.keys()];
    return ids[below(this.#random, ids.length)];
  }

  #someTime(): string {
    return this.known.get(this.#anyId() ?? "")?.created_at ?? TIME;
  }
}

function idOfImport(n: number): string {
  return `01990000-0000-7000-9000-${String(n).padStart(12, "0")}`;
}
