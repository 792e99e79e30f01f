/** What every vector index promises: run against each adapter. The checks speak of memories by short
 * names; the adapter sees UUIDs, which are in the same order. */
import assert from "node:assert/strict";
import { AppError } from "../src/errors.ts";
import { matcher, type Memory, type MemoryFilter } from "../src/memory.ts";
import type { VectorIndex } from "../src/vector_index.ts";
import { noted } from "./noted.ts";

/** An empty index, and what to do when the test is over. */
export interface MadeVectorIndex {
  readonly index: VectorIndex;
  readonly close?: () => Promise<void>;
}

const NORTH = Float32Array.of(0, 1, 0);
const EAST = Float32Array.of(1, 0, 0);
const NORTH_EAST = Float32Array.of(3, 4, 0);

export function vectorIndexContract(
  name: string,
  make: () => Promise<MadeVectorIndex>,
  options: Pick<Deno.TestDefinition, "ignore"> = {},
): void {
  for (const [promise, check] of [...KEEPING, ...SEARCHING, ...REFUSING]) {
    Deno.test(`${name}: ${promise}`, options, async () => {
      const { index, close } = await make();
      try {
        await check(byName(index));
      } finally {
        await close?.();
      }
    });
  }
}

/** The memory of an id as the checks take it to be: what an adapter that keeps fields must know. */
export function contractMemory(id: string): Memory {
  const name = nameOf(id);
  return noted(id, `what ${name} says`, { tags: [name], metadata: { name } });
}

/** At most 13 letters: their codes as a UUID of random kind. */
function idOf(name: string): string {
  const hex = [...name].map((letter) => letter.charCodeAt(0).toString(16)).join("").padEnd(26, "0");
  const [first, second, third] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 14)];
  return `${first}-${second}-40${third}-8000-${hex.slice(14)}`;
}

function nameOf(id: string): string {
  const hex = id.replaceAll("-", "");
  const codes = (hex.slice(0, 12) + hex.slice(14, 16) + hex.slice(20)).match(/../g) ?? [];
  return codes.map((code) => String.fromCharCode(parseInt(code, 16))).join("").replaceAll("\0", "");
}

/** The index as one that takes and gives names. */
function byName(index: VectorIndex): VectorIndex {
  return {
    kind: index.kind,
    get dimensions() {
      return index.dimensions;
    },
    get size() {
      return index.size;
    },
    get bytes() {
      return index.bytes;
    },
    has: (name) => index.has(idOf(name)),
    upsert: (entries) => index.upsert(entries.map((entry) => ({ ...entry, id: idOf(entry.id) }))),
    delete: (names) => index.delete(names.map(idOf)),
    search: async (query) => {
      const found = await index.search(query);
      return { ...found, hits: found.hits.map((hit) => ({ ...hit, id: nameOf(hit.id) })) };
    },
    nearPairs: async (query) => {
      const found = await index.nearPairs(query);
      const pairs = found.pairs.map(({ a, b, score }) => ({ a: nameOf(a), b: nameOf(b), score }));
      return { ...found, pairs };
    },
  };
}

/** Both ways to say it. */
function narrowed(filter: MemoryFilter, except?: string) {
  const matches = matcher(filter);
  const left = except === undefined ? undefined : idOf(except);
  const accept = (id: string) => id !== left && matches(contractMemory(id));
  return { filter, except: left, accept };
}

type Check = readonly [string, (index: VectorIndex) => Promise<void>];

/** All memories, best first, to four places. */
async function scores(index: VectorIndex, vector: Float32Array): Promise<[string, number][]> {
  const { hits } = await index.search({ vector, limit: index.size });
  return hits.map(({ id, score }) => [id, rounded(score)]);
}

function rounded(score: number): number {
  return Math.round(score * 1e4) / 1e4;
}

const KEEPING: readonly Check[] = [
  ["an empty index has no length and finds nothing", async (index) => {
    assert.deepEqual([index.dimensions, index.size, index.has("a")], [undefined, 0, false]);
    assert.deepEqual(await index.search({ vector: NORTH, limit: 5 }), { hits: [], total: 0 });
    const pairs = await index.nearPairs({ minScore: 0, limit: 5 });
    assert.deepEqual(pairs, { pairs: [], isComplete: true });
  }],
  ["what was given is copied", async (index) => {
    const vector = EAST.slice();
    await index.upsert([{ id: "a", vectors: [vector] }]);
    vector.set(NORTH);
    assert.deepEqual(await scores(index, EAST), [["a", 1]]);
  }],
  ["the same id replaces, also within one batch", async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST] }]);
    await index.upsert([{ id: "a", vectors: [NORTH_EAST] }, { id: "a", vectors: [NORTH] }]);
    assert.deepEqual([index.dimensions, index.size, index.has("a")], [3, 1, true]);
    assert.deepEqual(await scores(index, NORTH), [["a", 1]]);
  }],
  ["deleting forgets, and an unknown id is no error", async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST] }, { id: "b", vectors: [NORTH] }]);
    await index.delete(["a", "nobody", "a"]);
    assert.deepEqual([index.size, index.has("a"), index.has("b")], [1, false, true]);
    assert.deepEqual(await index.search({ vector: NORTH, limit: 5 }), {
      hits: [{ id: "b", score: 1 }],
      total: 1,
    });
  }],
  ["an index that is empty again takes another length", async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST] }]);
    await index.delete(["a"]);
    assert.equal(index.dimensions, undefined);
    await index.upsert([{ id: "a", vectors: [Float32Array.of(1, 1)] }]);
    assert.equal(index.dimensions, 2);
  }],
];

const SEARCHING: readonly Check[] = [
  ["the nearest direction comes first, whatever the lengths", async (index) => {
    await index.upsert([
      { id: "east", vectors: [Float32Array.of(100, 0, 0)] },
      { id: "south", vectors: [Float32Array.of(0, -2, 0)] },
      { id: "north-east", vectors: [NORTH_EAST] },
    ]);
    const { hits, total } = await index.search({ vector: NORTH, limit: 5 });
    assert.deepEqual(hits.map(({ id }) => id), ["north-east", "east", "south"]);
    assert.deepEqual(hits.map(({ score }) => rounded(score)), [0.8, 0, -1]);
    assert.equal(total, 3);
  }],
  ["equal scores are ordered by id, whatever came first", async (index) => {
    await index.upsert(["c", "a", "d", "b"].map((id) => ({ id, vectors: [EAST] })));
    const { hits } = await index.search({ vector: EAST, limit: 3 });
    assert.deepEqual(hits.map(({ id }) => id), ["a", "b", "c"]);
  }],
  [
    "the filter holds before the best are chosen, and total counts what it let through",
    async (index) => {
      await index.upsert([
        { id: "a", vectors: [EAST] },
        { id: "b", vectors: [NORTH_EAST] },
        { id: "c", vectors: [NORTH] },
      ]);
      const asked: [MemoryFilter, string | undefined][] = [
        [{ tags_any: ["b", "c"] }, undefined],
        [{}, "a"],
        [{ tags_any: ["a", "b", "c"] }, "a"],
      ];
      for (const [filter, except] of asked) {
        const found = await index.search({ vector: EAST, limit: 1, ...narrowed(filter, except) });
        assert.deepEqual([found.hits.map(({ id }) => id), found.total], [["b"], 2]);
      }
      const none = await index.search({ vector: EAST, limit: 1, ...narrowed({ tags: ["d"] }) });
      assert.deepEqual(none, { hits: [], total: 0 });
      const named = await index.search({
        vector: EAST,
        limit: 5,
        ...narrowed({ metadata: { name: "c" } }),
      });
      assert.deepEqual(named, { hits: [{ id: "c", score: 0 }], total: 1 });
    },
  ],
  ["a memory is as near as the nearest of its vectors, and counts once", async (index) => {
    await index.upsert([
      { id: "long", vectors: [EAST, NORTH, NORTH_EAST] },
      { id: "short", vectors: [NORTH_EAST] },
    ]);
    assert.equal(index.size, 2);
    assert.deepEqual(await scores(index, NORTH), [["long", 1], ["short", 0.8]]);
    const { hits, total } = await index.search({ vector: NORTH, limit: 1 });
    assert.deepEqual([hits.map(({ id }) => id), total], [["long"], 2]);
  }],
  ["a memory with fewer vectors than before is not found by those that went", async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST, NORTH] }, { id: "b", vectors: [NORTH_EAST] }]);
    await index.upsert([{ id: "a", vectors: [EAST] }]);
    assert.deepEqual(await scores(index, NORTH), [["b", 0.8], ["a", 0]]);
    await index.delete(["a"]);
    assert.deepEqual(await scores(index, NORTH), [["b", 0.8]]);
  }],
  ["near pairs are the pairs with the score, best first", async (index) => {
    await index.upsert([
      { id: "c", vectors: [EAST] },
      { id: "a", vectors: [NORTH_EAST] },
      { id: "b", vectors: [Float32Array.of(4, 5, 0)] },
      { id: "d", vectors: [Float32Array.of(2, 0, 0)] },
    ]);
    const { pairs, isComplete } = await index.nearPairs({ minScore: 0.9, limit: 5 });
    const seen = pairs.map(({ a, b, score }) => [a, b, rounded(score)]);
    assert.deepEqual([seen, isComplete], [[["c", "d", 1], ["a", "b", 0.9995]], true]);
    const all = await index.nearPairs({ minScore: 0.9, limit: 2 });
    assert.deepEqual([all.pairs.length, all.isComplete], [2, true]);
    const first = await index.nearPairs({ minScore: 0.9, limit: 1 });
    assert.deepEqual(first.pairs.map(({ a, b }) => [a, b]), [["c", "d"]]);
    assert.equal(first.isComplete, false);
  }],
  [
    "of equal memories the first is paired with each of the others, they with nothing",
    async (index) => {
      const copies = ["e", "b", "d", "c"].map((id) => ({ id, vectors: [EAST] }));
      const near = { id: "f", vectors: [Float32Array.of(10, 1, 0)] };
      await index.upsert([near, ...copies, { id: "long", vectors: [EAST, NORTH] }]);
      const { pairs, isComplete } = await index.nearPairs({ minScore: 0.9, limit: 9 });
      assert.deepEqual(pairs.map(({ a, b }) => a + b).sort(), ["bc", "bd", "be", "bf"]);
      assert.equal(isComplete, true);
    },
  ],
  ["a long memory is near another by the one that is matched worse", async (index) => {
    await index.upsert([
      { id: "a", vectors: [EAST, NORTH] },
      { id: "b", vectors: [EAST] },
      { id: "c", vectors: [NORTH, EAST] },
    ]);
    const { pairs } = await index.nearPairs({ minScore: 0.4, limit: 5 });
    const seen = pairs.map(({ a, b, score }) => [a, b, rounded(score)]);
    assert.deepEqual(seen, [["a", "c", 1], ["a", "b", 0.5], ["b", "c", 0.5]]);
  }],
  ["a score is never outside -1 to 1", async (index) => {
    const vector = Float32Array.from({ length: 7 }, (_, at) => 0.1 + at / 3);
    await index.upsert([{ id: "a", vectors: [vector] }, {
      id: "b",
      vectors: [vector.map((x) => -x)],
    }]);
    const { hits } = await index.search({ vector, limit: 2 });
    for (const { score } of hits) assert.ok(Math.abs(score) <= 1, `${score}`);
  }],
  ["an aborted search rejects with the reason", async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST] }]);
    const reason = new Error("the client left");
    const search = index.search({ vector: EAST, limit: 1, signal: AbortSignal.abort(reason) });
    await assert.rejects(search, reason);
  }],
];

const BAD_VECTORS: readonly (readonly [string, Float32Array])[] = [
  ["another length", Float32Array.of(1, 2)],
  ["no numbers", Float32Array.of()],
  ["all zeros", Float32Array.of(0, 0, 0)],
  ["NaN", Float32Array.of(0, NaN, 0)],
  ["infinity", Float32Array.of(0, 1, -Infinity)],
];

const REFUSING: readonly Check[] = BAD_VECTORS.flatMap(([what, bad]) => [
  [`a batch with one vector of ${what} is refused as a whole`, async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST] }]);
    const batch = [{ id: "a", vectors: [NORTH] }, { id: "b", vectors: [bad] }];
    await assert.rejects(index.upsert(batch), isRefusal);
    assert.deepEqual([index.size, index.has("b")], [1, false]);
    assert.deepEqual(await scores(index, EAST), [["a", 1]]);
  }],
  [`a search with ${what} is refused`, async (index) => {
    await index.upsert([{ id: "a", vectors: [EAST] }]);
    await assert.rejects(index.search({ vector: bad, limit: 1 }), isRefusal);
  }],
]);

function isRefusal(error: unknown): boolean {
  assert.ok(error instanceof AppError);
  assert.equal(error.code, "invalid");
  assert.match(error.message, /^Cannot .+: /);
  return true;
}
