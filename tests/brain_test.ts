/** A brain that opens: ready with its data, while the words are still being derived from it. */
import assert from "node:assert/strict";
import { Brain, type BrainOptions } from "../src/brain.ts";
import { systemClock } from "../src/clock.ts";
import type { Memory } from "../src/memory.ts";
import type { DurableState, Recovery } from "../src/store.ts";
import { ExportFiles } from "../src/store/export_files.ts";
import { RamStore } from "../src/store/ram.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { idOf } from "./fakes/store_kit.ts";
import { noted } from "./noted.ts";

const MEMORIES = 3_000;
const REQUEST = {
  highlight: false,
  mode: "keyword",
  filter: {},
  limit: 10,
  offset: 0,
  minScore: 0,
  weights: { importance: 0, recency: 0 },
} as const;

/** A store whose history is so many memories, each with a word of its own and one of all. */
class FilledStore extends RamStore {
  override async open(state: DurableState): Promise<Recovery> {
    const recovery = await super.open(state);
    for (let n = 0; n < MEMORIES; n++) {
      state.apply({ op: "put", memory: noted(idOf(n), `everywhere only${n}here`) });
    }
    return recovery;
  }
}

async function withBrain(
  work: (brain: Brain, textIndex: Bm25Index) => Promise<void>,
  { textIndex = new Bm25Index(), log = () => {} }: {
    readonly textIndex?: Bm25Index;
    readonly log?: BrainOptions["log"];
  } = {},
) {
  let ids = MEMORIES;
  const options: BrainOptions = {
    store: new FilledStore(),
    textIndex,
    newVectorIndex: () => new FloatScan(),
    exportFolder: new ExportFiles(new SimulatedFileSystem(new SimulatedDisk()), "/exports"),
    embeddingsBytes: () => 0,
    limits: { memories: 0, bytes: 0 },
    heap: { isShort: false, isFull: false },
    clock: systemClock,
    newId: () => idOf(++ids),
    run: "run",
    random: Math.random,
    version: "0",
    log,
  };
  const brain = new Brain(options);
  try {
    await work(brain, textIndex);
  } finally {
    await brain.close();
  }
}

Deno.test("a brain is ready before its words are, and a search waits for all of them", async () => {
  await withBrain(async (brain, textIndex) => {
    await brain.open();
    assert.equal(brain.phase, "ready");
    assert.ok(textIndex.size < MEMORIES, "the words were there at once: nothing to wait for");
    const found = await brain.search.run({ ...REQUEST, queries: ["everywhere"] });
    assert.deepEqual([found.total, textIndex.size], [MEMORIES, MEMORIES]);
  });
});

Deno.test("what is written while the words are derived is found as it is in the end", async () => {
  await withBrain(async (brain, textIndex) => {
    await brain.open();
    const last = MEMORIES - 1;
    const always = () => true;
    await brain.memories.replaceFields(idOf(last), { content: "rewritten" }, always);
    await brain.memories.delete(idOf(last - 1), always);
    await brain.memories.create({ content: "everywhere created" });
    assert.ok(textIndex.size < MEMORIES, "the words were there at once: nothing to race with");
    const contents = async (query: string) => {
      const { results } = await brain.search.run({ ...REQUEST, queries: [query] });
      return results.map(({ memory }) => memory.content);
    };
    assert.deepEqual(await contents("rewritten"), ["rewritten"]);
    assert.deepEqual(await contents("created"), ["everywhere created"]);
    assert.deepEqual(await contents(`only${last}here`), []);
    assert.deepEqual(await contents(`only${last - 1}here`), []);
    assert.equal(textIndex.size, MEMORIES);
  });
});

Deno.test("a brain that is closed while its words are derived stops deriving", async () => {
  let size = 0;
  let index: Bm25Index | undefined;
  await withBrain(async (brain, textIndex) => {
    await brain.open();
    index = textIndex;
  });
  size = index?.size ?? MEMORIES;
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.ok(size < MEMORIES && index?.size === size, `${size} of ${MEMORIES}, then ${index?.size}`);
});

Deno.test("a memory whose words cannot be read is told of, and all others are found", async () => {
  class StumblingIndex extends Bm25Index {
    override put(memory: Memory): void {
      if (memory.id === idOf(7)) throw new RangeError("for the test");
      super.put(memory);
    }
  }
  const log: unknown[] = [];
  await withBrain(async (brain) => {
    await brain.open();
    await brain.wordsReady;
    const { total } = await brain.search.run({ ...REQUEST, queries: ["everywhere"] });
    assert.equal(total, MEMORIES - 1);
    assert.deepEqual(log, [["words_left_out", { memories: 1, error: "RangeError" }]]);
  }, { textIndex: new StumblingIndex(), log: (...line) => log.push(line) });
});
