/** The state against a Map that does the obvious thing. */
import assert from "node:assert/strict";
import { type Access, type Change, NEVER_ACCESSED, type Receipt } from "../src/memory.ts";
import { RECEIPT_HOURS, State } from "../src/state.ts";
import {
  below,
  contentsOf,
  deleteOf,
  idOf,
  memoryOf,
  printOf,
  putOf,
  randomChange,
  randomOf,
  receiptOf,
  seed,
  stateOf,
  TIME,
} from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

interface Model {
  readonly memories: Map<string, unknown>;
  readonly accesses: Map<string, Access>;
  readonly receipts: Map<string, Receipt>;
}

function applyTo({ memories, accesses, receipts }: Model, change: Change): void {
  if (change.op === "put") {
    memories.set(change.memory.id, change.memory);
    if (change.access !== undefined) accesses.set(change.memory.id, change.access);
  }
  if (change.op === "delete") {
    memories.delete(change.id);
    accesses.delete(change.id);
    for (const [key, receipt] of receipts) {
      const { reply } = receipt;
      if (reply === null || !("memory" in reply) || reply.memory.id !== change.id) continue;
      receipts.set(key, { ...receipt, reply: { deleted: change.id } });
    }
  }
  if (change.op === "access") {
    for (const [id, access] of change.accesses) if (memories.has(id)) accesses.set(id, access);
  }
  if ("receipt" in change && change.receipt !== undefined) {
    receipts.delete(change.receipt.key);
    receipts.set(change.receipt.key, change.receipt);
  }
}

function recount(state: State) {
  const byType = new Map<string, number>(), byTag = new Map<string, number>();
  for (const { memory_type, tags } of state.memories()) {
    byType.set(memory_type, (byType.get(memory_type) ?? 0) + 1);
    for (const tag of tags) byTag.set(tag, (byTag.get(tag) ?? 0) + 1);
  }
  return { byType, byTag };
}

Deno.test(`random changes: as a Map would have it (TEST_SEED=${seed})`, () => {
  const random = randomOf(seed);
  for (let round = 0; round < 100; round++) {
    const state = new State();
    const model: Model = { memories: new Map(), accesses: new Map(), receipts: new Map() };
    for (let n = 0; n < 60; n++) {
      const change = randomChange(random, n);
      state.apply(change);
      applyTo(model, change);
      assert.deepEqual(contentsOf(state), {
        entries: [...model.memories].map(([id, memory]) => ({
          memory,
          access: model.accesses.get(id) ?? NEVER_ACCESSED,
        })),
        receipts: [...model.receipts.values()],
      });
    }
    assert.equal(state.size, model.memories.size);
    const { byType, byTag } = recount(state);
    assert.deepEqual(new Map(state.countByType), byType);
    assert.deepEqual(new Map(state.countByTag), byTag);
    for (const id of [0, 1, 2, 3].map(idOf)) {
      assert.equal(state.get(id), model.memories.get(id));
    }
  }
});

Deno.test("a change applied twice is a change applied once", () => {
  const random = randomOf(seed);
  const once = new State(), twice = new State();
  for (let n = 0; n < 2_000; n++) {
    const change = randomChange(random, n);
    once.apply(change);
    twice.apply(change);
    twice.apply(change);
    if (n % 50 === 0) assert.deepEqual(contentsOf(twice), contentsOf(once));
  }
  assert.deepEqual(contentsOf(twice), contentsOf(once));
});

Deno.test("history replayed from any point over a later state gives the same state", () => {
  const random = randomOf(seed);
  for (let round = 0; round < 300; round++) {
    const changes = Array.from({ length: 40 }, (_, n) => randomChange(random, n));
    const from = below(random, 40), to = from + below(random, 40 - from);
    // As where a snapshot holds more than it says: `to` changes, with records from `from` on.
    const entries = contentsOf(stateOf(changes.slice(0, to)));
    const again = new State();
    for (const entry of entries.entries) again.apply({ op: "put", ...entry });
    for (const receipt of entries.receipts) again.apply({ op: "receipt", receipt });
    for (const change of changes.slice(from)) again.apply(change);
    const straight = stateOf(changes);
    assert.deepEqual(
      new Map([...again.entries()].map((entry) => [entry.memory.id, entry])),
      new Map([...straight.entries()].map((entry) => [entry.memory.id, entry])),
    );
    assert.deepEqual(new Map(again.countByTag), new Map(straight.countByTag));
  }
});

Deno.test("what a state hands out makes an equal state", () => {
  const random = randomOf(seed);
  const state = stateOf(Array.from({ length: 500 }, (_, n) => randomChange(random, n)));
  const copy = new State();
  for (const entry of state.entries()) copy.apply({ op: "put", ...entry });
  for (const receipt of state.receipts(TIME)) copy.apply({ op: "receipt", receipt });
  assert.equal(printOf(copy), printOf(state));
  assert.deepEqual(new Map(copy.countByTag), new Map(state.countByTag));
});

Deno.test("entries may be walked while changes are applied", () => {
  const state = stateOf([putOf(1), putOf(2), putOf(3)]);
  const seen: string[] = [];
  for (const { memory } of state.entries()) {
    seen.push(memory.id);
    if (memory.id === idOf(1)) [deleteOf(2), putOf(4), putOf(1)].forEach((c) => state.apply(c));
  }
  assert.deepEqual(seen, [1, 3, 4].map(idOf));
});

Deno.test("readings are counted, and forgotten with their memory", () => {
  const state = stateOf([putOf(1)]);
  assert.deepEqual(state.touch(idOf(1), TIME), { access_count: 1, last_accessed_at: TIME });
  assert.deepEqual(state.touch(idOf(1), TIME), { access_count: 2, last_accessed_at: TIME });
  state.touch(idOf(2), TIME);
  state.apply({ op: "put", memory: memoryOf(1, { content: "an update" }) });
  assert.deepEqual(state.access(idOf(1)), { access_count: 2, last_accessed_at: TIME });
  state.apply(deleteOf(1));
  state.apply(putOf(2));
  assert.deepEqual([state.access(idOf(1)), state.access(idOf(2))], [
    NEVER_ACCESSED,
    NEVER_ACCESSED,
  ]);
});

Deno.test("receipts are kept for a day, by the time of the newest", () => {
  const at = (hours: number) => new Date(Date.parse(TIME) + hours * 3_600_000).toISOString();
  const state = new State();
  for (const hours of [0, 1, 24, 25.5]) {
    state.apply({ op: "receipt", receipt: { ...receiptOf(hours * 2), at: at(hours) } });
  }
  assert.equal(RECEIPT_HOURS, 24);
  const kept = [0, 1, 24, 25.5].map((hours) => state.receipt(receiptOf(hours * 2).key)?.at);
  assert.deepEqual(kept, [undefined, undefined, at(24), at(25.5)]);
});

Deno.test("receipts are bounded by their replies' size, and those of yesterday are not written", () => {
  const state = new State();
  const day = (n: number) => `2026-02-0${n}T00:00:00.000Z`;
  const content = "x".repeat(100_000);
  for (let n = 0; n < 500; n++) {
    const entry = { memory: memoryOf(n, { content }), access: NEVER_ACCESSED };
    state.apply({ op: "receipt", receipt: { ...receiptOf(n, entry), at: day(1) } });
  }
  const kept = [...state.receipts(day(1))];
  assert.ok(kept.length > 300 && kept.length < 340, `${kept.length} are kept`);
  assert.equal(kept.at(-1)?.key, receiptOf(499).key);
  assert.deepEqual([...state.receipts(day(3))], []);
});

Deno.test("whose text was written waits to be told to be embedded: no longer than it is there, and once a text", () => {
  const state = new State(), waiting = () => [...state.unembedded()];
  for (const n of [1, 2, 3]) state.apply(putOf(n));
  state.apply({ op: "put", memory: memoryOf(3, { tags: ["b"] }) });
  state.apply({ op: "embedded", ids: [idOf(2)] });
  state.apply({ op: "put", memory: memoryOf(2, { tags: ["b"] }) });
  assert.deepEqual(waiting(), [idOf(1), idOf(3)]);
  state.apply({ op: "put", memory: memoryOf(2, { content: "other" }), reworded: true });
  state.apply(deleteOf(1));
  assert.deepEqual(waiting(), [idOf(3), idOf(2)]);
});

Deno.test("the length of clients' vectors is known as long as there is one", () => {
  const state = new State();
  assert.equal(state.vectorLength, undefined);
  state.apply(putOf(1, { embedding: Float32Array.of(1, 2, 3) }));
  state.apply(putOf(2));
  assert.equal(state.vectorLength, 3);
  state.apply(putOf(1));
  assert.equal(state.vectorLength, undefined);
  state.apply(putOf(1, { embedding: Float32Array.of(1, 2) }));
  state.apply(deleteOf(1));
  assert.equal(state.vectorLength, undefined);
});

Deno.test("a memory that was imported as read as often as can be counted may be read again", () => {
  const state = new State();
  const most = { access_count: Number.MAX_SAFE_INTEGER, last_accessed_at: TIME };
  state.apply({ op: "put", memory: memoryOf(1), access: most });
  assert.deepEqual(state.touch(idOf(1), TIME), most);
});
