/** Long lists of hits: what a page of them costs, and how long it holds up everybody else. */
import assert from "node:assert/strict";
import { Retrieval } from "../src/retrieval.ts";
import type { Asked } from "../src/retrieval/asked.ts";
import { State } from "../src/state.ts";
import type { TextQuery, TextResult } from "../src/text_index.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";
import { withPauses } from "./pauses.ts";

/** Above what a slice takes, for the garbage that is collected meanwhile; in one piece all would take
 * several times as long. */
const MOST_MS = 50;

/** Finds every memory, all with the same score. */
class EveryMemory extends Bm25Index {
  readonly windows: number[] = [];
  readonly #hits: TextResult["hits"];
  readonly #busyMs: number;

  constructor(count: number, busyMs = 0) {
    super();
    this.#hits = Array.from({ length: count }, (_, n) => ({ id: idOf(n), score: 0.5 }));
    this.#busyMs = busyMs;
  }

  override search({ limit }: TextQuery): TextResult {
    const began = performance.now();
    while (performance.now() - began < this.#busyMs);
    this.windows.push(limit);
    return { hits: this.#hits.slice(0, limit), total: this.#hits.length };
  }
}

const ASKED: Asked = {
  questions: [{ text: "fence", vectors: [] }],
  mode: "keyword",
  vectorIndex: new FloatScan(),
  filter: {},
  limit: 10,
  offset: 0,
  minScore: 0,
  weights: { importance: 0.1, recency: 0.1 },
};

function retrievalOf(textIndex: Bm25Index, count: number): Retrieval {
  const state = new State();
  for (let n = 0; n < count; n++) state.apply({ op: "put", memory: memoryOf(n) });
  const clock = new FakeClock();
  return new Retrieval({ state, textIndex, wordsReady: Promise.resolve(), clock });
}

Deno.test("where all score alike, the third look is at all, and nobody waits for it", async () => {
  const count = 100_000;
  const textIndex = new EveryMemory(count);
  const retrieval = retrievalOf(textIndex, count);
  const { result, longestMs } = await withPauses(() => retrieval.ask(ASKED));
  assert.deepEqual([result.page.length, result.total], [10, count]);
  const [first, second, third = 0, ...more] = textIndex.windows;
  assert.deepEqual([first, second, third > count, more], [200, 1_600, true, []]);
  assert.ok(longestMs < MOST_MS, `${longestMs}`);
  for (const asked of [{ offset: 90_000 }, { minScore: 0.001 }]) {
    const { result, longestMs } = await withPauses(() => retrieval.ask({ ...ASKED, ...asked }));
    assert.deepEqual([result.page.length, result.total], [10, count]);
    assert.ok(longestMs < MOST_MS, `${JSON.stringify(asked)} ${longestMs}`);
  }
});

Deno.test("searches that come together are answered one in each turn", async () => {
  const retrieval = retrievalOf(new EveryMemory(10, 15), 10);
  const { longestMs } = await withPauses(() =>
    Promise.all(Array.from({ length: 6 }, () => retrieval.ask(ASKED)))
  );
  assert.ok(longestMs < MOST_MS, `${longestMs}`);
});

Deno.test("weights tip meanings that lie close together by one look at the best, on every page", async () => {
  const count = 900;
  const windows: number[] = [];
  class Watched extends FloatScan {
    override search(query: Parameters<FloatScan["search"]>[0]) {
      windows.push(query.limit);
      return super.search(query);
    }
  }
  const vectorIndex = new Watched();
  await vectorIndex.upsert(Array.from({ length: count }, (_, n) => (
    { id: idOf(n), vectors: [Float32Array.of(1, n / 10_000)] }
  )));
  const retrieval = retrievalOf(new Bm25Index(), count);
  const questions = [{ vectors: [Float32Array.of(1, 0)] }];
  const asked: Asked = { ...ASKED, questions, mode: "semantic", vectorIndex };
  const first = await retrieval.ask(asked);
  assert.deepEqual([windows, first.page.length, first.total], [[200], 10, count]);
  const walked = [];
  for (let offset = 0; offset < count; offset += 90) {
    const { page, total, mode } = await retrieval.ask({ ...asked, offset, limit: 90 });
    assert.deepEqual([total, mode], [count, "semantic"]);
    walked.push(...page);
  }
  assert.equal(new Set(walked.map(({ memory }) => memory.id)).size, count);
  const scores = walked.map(({ score }) => score);
  assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
});

Deno.test("a test beside the filter narrows words and meanings before the best are chosen", async () => {
  const count = 900;
  const odd = idOf(count - 1);
  const vectorIndex = new FloatScan();
  await vectorIndex.upsert(Array.from({ length: count }, (_, n) => (
    { id: idOf(n), vectors: [Float32Array.of(1, n / 10_000)] }
  )));
  const textIndex = new Bm25Index();
  for (let n = 0; n < count; n++) textIndex.put(memoryOf(n, { content: "A fence." }));
  const retrieval = retrievalOf(textIndex, count);
  const questions = [{ text: "fence", vectors: [Float32Array.of(1, 0)] }];
  for (const mode of ["keyword", "semantic", "hybrid"] as const) {
    const matches = ({ id }: { readonly id: string }) => id === odd;
    const asked = { ...ASKED, questions, mode, vectorIndex, matches };
    const { page, total } = await retrieval.ask(asked);
    assert.deepEqual([mode, page.map(({ memory }) => memory.id), total], [mode, [odd], 1]);
  }
});
