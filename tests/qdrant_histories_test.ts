/** Whatever happens to Qdrant, to the process, or to a request: it ends as the state has it. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { QdrantError, type QdrantFault } from "../src/vector_index/qdrant/points.ts";
import { QdrantPlace } from "./fakes/qdrant/index_place.ts";
import type { Plan } from "./fakes/qdrant/points_in_memory.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

const HISTORIES = 40, STEPS = 60, MEMORIES = 12;
const FAULTS: readonly QdrantFault[] = [
  "busy",
  "busy",
  "busy",
  "busy",
  "away",
  "denied",
  "missing",
];

class History {
  readonly place: QdrantPlace;
  readonly #random: () => number;
  /** How often a call goes wrong. */
  #trouble = 0;
  /** What waits, to be let go. */
  #waiting: (() => void)[] = [];

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.place = new QdrantPlace({ random: this.#random, pageSize: 3 });
    this.place.plan = () => this.#plan();
  }

  #below(limit: number): number {
    return below(this.#random, limit);
  }

  #plan(): Plan | undefined {
    const luck = this.#random();
    const wait = luck < 0.6 ? undefined : new Promise<void>((go) => this.#waiting.push(go));
    if (this.#random() >= this.#trouble) return wait && { wait };
    const fault = FAULTS[this.#below(FAULTS.length)] ?? "busy";
    const done = (["all", "half", "late", undefined] as const)[this.#below(4)];
    const error = new QdrantError(fault, `Cannot: ${fault}`);
    return { error, ...wait && { wait }, ...done && { done } };
  }

  async run(): Promise<void> {
    const { place } = this;
    this.#listen();
    for (let step = 0; step < STEPS; step++) await this.#step();
    this.#trouble = 0;
    this.#letGo();
    place.plan = () => undefined;
    for (const points of place.points) points.late();
    await place.quiet();
    await this.#check();
  }

  /** As the indexer does. */
  #listen(): void {
    const { elsewhere } = this.place.index;
    elsewhere.whenLost((ids) => this.#takeAgain(ids));
    elsewhere.whenFound((ids) => {
      void elsewhere.adopt(ids.flatMap((id) => this.place.state.get(id) ?? []));
    });
  }

  #takeAgain(ids: readonly string[]): void {
    for (const id of ids) {
      const n = Number(id.slice(-12)), content = this.place.state.get(id)?.content;
      if (content === undefined || this.place.index.has(id)) continue;
      this.place.forgotten.delete(content);
      void this.place.put(n, content, this.place.state.get(id));
    }
  }

  #letGo(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  async #step(): Promise<void> {
    const { place } = this;
    const n = this.#below(MEMORIES), luck = this.#random();
    if (luck < 0.4) void place.put(n, this.#text(n), { importance_score: this.#below(3) / 2 });
    else if (luck < 0.55) void place.delete(n);
    else if (luck < 0.65) this.#trouble = [0, 0, 0.1, 0.5, 1][this.#below(5)] ?? 0;
    else if (luck < 0.75) this.#letGo();
    else if (luck < 0.85) {
      const ms = [10, 1_000, 30_000, 700_000][this.#below(4)] ?? 0;
      // A write that failed is carried out within a minute, or not at all.
      if (ms > 1_000) { for (const points of place.points) points.late(); }
      await place.clock.advance(ms);
    } else if (luck < 0.88) place.points.at(-1)?.late();
    else if (luck < 0.91) this.#lose();
    else if (luck < 0.94) void place.index.elsewhere.converge().catch(isUnavailable);
    else if (luck < 0.96) place.forgotten.add(this.#text(n));
    else if (luck < 0.98) await this.#search();
    else await this.#restart();
  }

  #text(n: number): string {
    return ["short", "long|longer", "a|b|c"][this.#below(3)] + ` ${n}`;
  }

  #lose(): void {
    const points = [...this.place.stored.keys()];
    for (const point of points) if (this.#random() < 0.3) this.place.stored.delete(point);
  }

  async #restart(): Promise<void> {
    const { place } = this;
    await place.restart();
    this.#listen();
    if (this.#random() < 0.5) this.#letGo();
    const adopting = place.index.elsewhere.adopt([...place.state.values()]);
    for (let turns = 0; turns < 2; turns++) await place.clock.advance(1_000);
    if (this.#random() < 0.5) this.#letGo();
    void adopting.then(() => {
      for (const { id, content } of place.state.values()) {
        if (!place.index.has(id)) {
          void place.put(Number(id.slice(-12)), content, place.state.get(id));
        }
      }
    });
  }

  /** What was deleted or edited is never found, whatever goes wrong. */
  async #search(): Promise<void> {
    const { place } = this;
    const search = place.ids().catch(isUnavailable);
    await place.clock.advance(0);
    this.#letGo();
    await place.clock.advance(1_000);
    for (const id of await search ?? []) assert.ok(place.index.has(id), `${id} is not held`);
  }

  async #check(): Promise<void> {
    const { place } = this;
    assert.equal(place.status, "ok, well, 0 pending");
    assert.deepEqual([...place.index.elsewhere.ids()].sort(), [...place.state.keys()].sort());
    assert.deepEqual(place.prints(), place.wanted());
    for (const limit of [1, 3, 100]) {
      const query = { vector: Float32Array.of(1, 2, this.#below(5), 1), limit };
      const [found, truth] = [await place.index.search(query), await place.truth(query)];
      assert.deepEqual(found.hits.map(({ id }) => id), truth.hits.map(({ id }) => id));
      assert.equal(found.total, truth.total);
    }
    await place.index.elsewhere.close();
    assert.equal(place.clock.waiting, 0, "a timer outlived the index");
  }
}

function isUnavailable(error: unknown): undefined {
  assert.ok(error instanceof VectorIndexUnavailable, `${error}`);
}

Deno.test(`after any history and a quiet time Qdrant has what the state has (seed ${seed})`, async () => {
  for (let n = 0; n < HISTORIES; n++) {
    try {
      await new History(seed + n).run();
    } catch (error) {
      throw new Error(`TEST_SEED=${seed + n}`, { cause: error });
    }
  }
});
