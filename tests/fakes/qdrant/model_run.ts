/** One run of the model test: what happens to a brain and to its Qdrant, step by step. */
import assert from "node:assert/strict";
import type { Brain } from "../../../src/brain.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { MemoryPatch } from "../../../src/memories/fields.ts";
import type { Memory } from "../../../src/memory.ts";
import type { SearchRequest, SearchResult } from "../../../src/search.ts";
import { importLines } from "../housed_brain.ts";
import { below, randomOf, TIME } from "../store_kit.ts";
import type { Collection } from "./collection.ts";
import type { Fault, FaultKind, Route } from "./faults.ts";
import { Inventions } from "./inventions.ts";
import { BRAIN_ID, Lives } from "./lives.ts";

const KINDS: readonly FaultKind[] = [
  "hang",
  "slow",
  "drip",
  "cut",
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
const ROUTES: readonly Route[] = [
  "upsert",
  "delete",
  "payload",
  "batch",
  "query",
  "scroll",
  "count",
];
/** Longer than that nobody waits for a search while Qdrant answers nothing. */
const MOST_SEARCH_MS = 1_000;
const MINUTE_MS = 60_000;

export class Run {
  /** What the memories are, as every write was answered. */
  readonly known = new Map<string, Memory>();
  /** The points of others: they are nobody's business here. */
  strangers = 0;
  readonly lives: Lives;
  readonly #random: () => number;
  readonly #invented: Inventions;
  #backup: Map<string, Collection> | undefined;
  /** Something happened in Qdrant that only a comparison of everything can show. */
  #isTampered = false;

  private constructor(random: () => number, lives: Lives) {
    this.#random = random;
    this.#invented = new Inventions(random, lives.embedder.dimensions);
    this.lives = lives;
  }

  static async begin(seed: number): Promise<Run> {
    const random = randomOf(seed);
    return new Run(random, await Lives.begin(random));
  }

  get collection(): Collection | undefined {
    return this.lives.standIn.collections.get(this.lives.collectionName);
  }

  async step(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.2) await this.#create();
    else if (dice < 0.37) await this.#edit();
    else if (dice < 0.47) await this.#delete();
    else if (dice < 0.51) await this.#import();
    else if (dice < 0.63) await this.#searchMeanwhile();
    else if (dice < 0.76) this.#fault();
    else if (dice < 0.8) this.lives.standIn.faults.clear();
    else if (dice < 0.85) await this.#tamper();
    else if (dice < 0.87) await this.lives.restart();
    else if (dice < 0.89) this.#embedderFault();
    else await this.#pass();
  }

  /** Everything is well again and stays so for a while. */
  async quiet(): Promise<void> {
    const { standIn, embedder, clock } = this.lives;
    standIn.faults.clear();
    if (standIn.isDown) await standIn.resume();
    const { collection } = this;
    if (collection?.length !== embedder.dimensions && !collection?.indexes.has("brain")) {
      standIn.collections.delete(this.lives.collectionName);
    }
    embedder.isAway = false;
    await clock.advance(MINUTE_MS);
    const way = this.#random();
    if (way < 0.3) await this.lives.restart();
    else if (this.#isTampered || way < 0.6) {
      await clock.until(this.lives.brain.reindexing.run());
    }
    this.#isTampered = false;
    this.lives.brain.indexer.retryFailed();
    await clock.advance(12 * MINUTE_MS);
    await clock.until(this.lives.brain.indexer.idle());
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

  /** Whatever goes on: it is answered, in time, and with what is there. */
  async #searchMeanwhile(): Promise<void> {
    const { clock, brain } = this.lives;
    const began = clock.now();
    const { results } = await this.search(brain, this.question());
    const tookMs = clock.now() - began;
    assert.ok(tookMs <= MOST_SEARCH_MS, `a search took ${tookMs} ms`);
    for (const { memory } of results) {
      assert.deepEqual(memory, this.known.get(memory.id), "found, but not as it is now");
    }
  }

  #fault(): void {
    const kind = this.#invented.pick(KINDS);
    const fault: Fault = {
      kind,
      ms: kind === "drip" ? 50 : below(this.#random, 3_000),
      retryAfterSeconds: below(this.#random, 5),
      ...this.#random() < 0.6
        ? { routes: [this.#invented.pick(ROUTES), this.#invented.pick(ROUTES)] }
        : {},
      ...this.#random() < 0.7 ? { times: 1 + below(this.#random, 4) } : {},
    };
    this.lives.standIn.faults.add(fault);
    if (kind === "lost") this.#isTampered = true;
  }

  #embedderFault(): void {
    const { embedder } = this.lives;
    if (this.#random() < 0.5) embedder.isAway = !embedder.isAway;
    for (const text of [...embedder.kept.keys()]) {
      if (this.#random() < 0.2) embedder.kept.delete(text);
    }
  }

  /** Somebody else does something to Qdrant, or it comes back other than it went. */
  async #tamper(): Promise<void> {
    const { standIn, collectionName: name } = this.lives;
    const dice = this.#random();
    if (dice < 0.25) {
      if (!standIn.isDown) await standIn.pause();
      else await standIn.resume();
      return;
    }
    if (dice < 0.35) this.#backup = standIn.backup();
    else if (dice < 0.5 && this.#backup !== undefined) standIn.restore(this.#backup);
    else if (dice < 0.6) standIn.collections.delete(name);
    else if (dice < 0.65) standIn.restore(new Map());
    else if (dice < 0.7 && this.#strangersIn(this.collection) === 0) {
      standIn.collections.delete(name);
      standIn.make(name, 5);
      // As a process of ours would have left it; or somebody else's, and then an operator must act.
      if (this.#random() < 0.5) this.collection?.indexes.set("brain", { type: "keyword" });
    } else if (dice < 0.8) this.#stranger();
    else this.#meddle();
    this.#isTampered = true;
    this.strangers = this.#strangersIn(this.collection);
  }

  #stranger(): void {
    const id = `02990000-0000-7000-8000-${String(below(this.#random, 1e6)).padStart(12, "0")}`;
    const { collection } = this;
    const vector = [...this.#invented.vector()];
    const payload = { brain: "another", memory_id: this.#anyId() ?? id, chunk: 0, chunks: 1 };
    if (collection?.length === vector.length) collection.upsert([{ id, vector, payload }]);
  }

  /** Of our points some go, some are others', and some come that nobody wrote. */
  #meddle(): void {
    const { collection } = this;
    for (const { id, payload } of collection?.inOrder(undefined) ?? []) {
      if (payload["brain"] !== BRAIN_ID || this.#random() > 0.3) continue;
      const dice = this.#random();
      if (dice < 0.4) collection?.delete([id]);
      else if (dice < 0.7) {
        const changed: JsonObject = { tags: ["wrong"], fields_hash: "0" };
        collection?.setPayload([id], (payload) => ({ ...payload, ...changed }));
      } else {
        const ghost = `03990000-0000-7000-8000-${
          String(below(this.#random, 1e6)).padStart(12, "0")
        }`;
        const vector = [...this.#invented.vector()];
        if (collection?.length !== vector.length) continue;
        const own = this.#random() < 0.5 ? {} : { memory_id: ghost };
        collection.upsert([{ id: ghost, vector, payload: { ...payload, ...own } }]);
      }
    }
  }

  #strangersIn(collection: Collection | undefined): number {
    return [...collection?.matching((_, { brain }) => brain !== BRAIN_ID) ?? []].length;
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
    const { clock } = this.lives;
    const began = clock.now();
    await clock.until(write);
    await write;
    const tookMs = clock.now() - began;
    assert.ok(tookMs <= 100, `a write took ${tookMs} ms`);
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
