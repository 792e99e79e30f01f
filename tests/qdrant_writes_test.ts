/** Writes to a Qdrant that takes its time, takes nothing, or not everything. */
import assert from "node:assert/strict";
import { QdrantVectorIndex } from "../src/vector_index/qdrant.ts";
import { StandbyVectorIndex } from "../src/vector_index/standby.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import { eventually } from "./e2e/conditions.ts";
import { Brain } from "./fakes/brain.ts";
import { drain, KeepingFakeEmbedder, vectorOf } from "./fakes/indexing.ts";
import { callsOf, MINUTE_MS, type QdrantPlace, withPlace } from "./fakes/qdrant/index_place.ts";
import { type Call, type Plan, PointsInMemory } from "./fakes/qdrant/points_in_memory.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";

const WRITES: readonly Call[] = ["upsert", "setFields", "deleteMemories", "deletePoints"];
const NO_WRITES = "Cannot search: Qdrant takes no writes, and lacks what has changed since";
const HANGS = { wait: new Promise<void>(() => {}) };
const LATE = new QdrantError("busy", "Cannot: too late");

/** Calls end after half a minute, as those of the client do. */
function late({ clock }: Pick<QdrantPlace, "clock">): Plan {
  const { promise: wait, resolve } = Promise.withResolvers<void>();
  clock.after(30_000, resolve);
  return { wait, error: LATE };
}

Deno.test("nobody waits longer than two seconds for a write, nor at all until one succeeds", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.plan = (call) => WRITES.includes(call) ? late(place) : undefined;
    let waiting = 2;
    for (const n of [2, 3]) void place.put(n).then(() => waiting--);
    await place.clock.advance(1_999);
    assert.deepEqual([waiting, place.status], [2, "ok, well, 2 pending"]);
    await place.clock.advance(1);
    assert.equal(waiting, 0);
    await place.put(4);
    await place.delete(1);
    assert.deepEqual([place.status, callsOf(place, "upsert")], ["ok, well, 4 pending", 2]);
    place.plan = () => undefined;
    await place.advance(MINUTE_MS);
    assert.deepEqual([place.status, place.prints()], ["ok, well, 0 pending", place.wanted()]);
  });
});

Deno.test("what waited in vain for its turn is not written over what is newer", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    const gate = Promise.withResolvers<void>();
    place.plan = (call) => call === "upsert" ? { wait: gate.promise } : undefined;
    const writes = [place.put(1, "hangs"), place.put(2, "former")];
    await place.clock.advance(2_000);
    await Promise.all(writes);
    await place.put(2, "newer");
    place.plan = () => undefined;
    gate.resolve();
    await place.advance(0);
    assert.deepEqual([place.status, place.prints()], ["ok, well, 0 pending", place.wanted()]);
  });
});

Deno.test("where nothing is written for ten seconds it is out of reach until something is", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.fail("busy", "upsert");
    await place.put(2);
    await place.advance(10_000);
    assert.equal(place.status, "ok, well, 1 pending");
    await place.advance(1);
    assert.equal(place.status, `unavailable, ${NO_WRITES}, 1 pending`);
    // As with a full disk: what is deleted says nothing of what is to be added.
    await place.delete(1);
    assert.equal(place.status, `unavailable, ${NO_WRITES}, 1 pending`);
    place.plan = () => undefined;
    await place.advance(30_000);
    assert.deepEqual([place.status, await place.ids()], ["ok, well, 0 pending", [idOf(2)]]);
  });
});

Deno.test("a point that Qdrant rejects costs only its own memory", async () => {
  await withPlace(async (place) => {
    await place.put(0);
    const points = place.points[0] ?? assert.fail();
    const upsert = points.upsert.bind(points);
    points.upsert = async (entries, signal) => {
      const isBad = entries.some(({ memory }) => memory.id === idOf(5));
      if (isBad) throw new QdrantError("rejected", "Cannot: rejected");
      await upsert(entries, signal);
    };
    for (let n = 1; n < 9; n++) place.state.set(idOf(n), memoryOf(n, { content: `text ${n}` }));
    await place.index.upsert([...place.state.keys()].map((id) => {
      return { id, vectors: [Float32Array.of(1, 2, 3, 4)] };
    }));
    const others = [0, 1, 2, 3, 4, 6, 7, 8].map(idOf);
    assert.deepEqual([(await place.ids()).sort(), place.status], [others, "ok, well, 1 pending"]);
    place.stored.clear();
    await assert.rejects(place.index.elsewhere.converge());
    await place.advance(MINUTE_MS);
    assert.deepEqual([(await place.ids()).sort(), place.status], [others, "ok, well, 1 pending"]);
    points.upsert = upsert;
    await place.advance(MINUTE_MS);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("once it is known to be away nobody waits for what is under way", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.plan = (call) => call === "scroll" ? late(place) : undefined;
    const converging = place.index.elsewhere.converge().catch(() => {});
    await drain();
    let isWaiting = true;
    const writing = place.put(2).then(() => isWaiting = false);
    place.fail("away", "nearest");
    await place.ids().catch(() => {});
    await drain();
    assert.ok(!isWaiting);
    await Promise.all([converging, writing]);
    await place.quiet();
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("a write that hangs does not keep it from coming back", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.plan = (call) => call === "upsert" ? HANGS : undefined;
    const writing = place.put(2);
    await drain();
    place.fail("away", "nearest");
    await place.ids().catch(() => {});
    place.plan = () => undefined;
    await place.advance(1_000);
    assert.deepEqual([place.status, place.prints()], ["ok, well, 0 pending", place.wanted()]);
    await writing;
  });
});

Deno.test("of a write that is rejected, nothing is written over what is newer by then", async () => {
  await withPlace(async (place) => {
    await place.put(0);
    const gate = Promise.withResolvers<void>();
    const rejected = { error: new QdrantError("rejected", "Cannot: rejected") };
    const plans: Plan[] = [rejected, { wait: gate.promise }];
    place.plan = (call) => call === "upsert" ? plans.shift() : undefined;
    for (const n of [1, 2]) place.state.set(idOf(n), memoryOf(n, { content: "former" }));
    const writing = place.index.upsert([1, 2].map((n) => {
      return { id: idOf(n), vectors: [Float32Array.of(1, 2, 3, 4)] };
    }));
    await place.clock.advance(2_000);
    await writing;
    for (const n of [1, 2]) await place.put(n, "newer");
    gate.resolve();
    await place.advance(0);
    assert.deepEqual([place.status, place.prints()], ["ok, well, 0 pending", place.wanted()]);
  });
});

Deno.test("closing does not wait for a collection of another length that Qdrant is slow to leave", async () => {
  await withPlace(async (place) => {
    place.length = undefined;
    await place.put(1, "x", { embedding: Float32Array.of(1, 2, 3) });
    place.plan = () => HANGS;
    void place.index.elsewhere.converge().catch(() => {});
    await drain();
    void place.delete(1);
    const embedding = Float32Array.of(1, 2, 3, 4);
    void place.put(2, "y", { embedding });
    await drain();
    assert.equal(place.points.length, 2);
    let isClosed = false;
    void place.index.elsewhere.close().then(() => isClosed = true);
    await drain();
    assert.ok(isClosed);
  });
});

Deno.test("while writes hang and searches are answered, all that is written is found soon", async () => {
  const embedder = new KeepingFakeEmbedder();
  let plan: (call: Call) => Plan | undefined = () => undefined;
  const brain: Brain = new Brain({
    embedder,
    newVectorIndex: (kind) => {
      const clock = {
        now: () => brain.clock.now(),
        after: (ms: number, run: () => void) => brain.clock.after(ms, run),
      };
      const remote = new QdrantVectorIndex({
        kind,
        newPoints: (length) => new PointsInMemory({ length, plan: (call) => plan(call) }),
        clock,
        random: () => 0.5,
        log: () => {},
      });
      return new StandbyVectorIndex({ remote, vectors: kind, clock, log: () => {} });
    },
  });
  brain.put(idOf(1), "text 1");
  await brain.idle();
  plan = (call) => WRITES.includes(call) ? late(brain) : undefined;
  for (let n = 2; n <= 12; n++) {
    brain.put(idOf(n), `text ${n}`);
    await brain.clock.advance(10_000);
    const { vectorIndex } = brain.indexer.serving;
    const search = () => vectorIndex.search({ vector: vectorOf("x"), limit: 100 });
    const found = () => search().then(({ hits }) => hits.length, () => undefined);
    // What stands in is read from the disk, which takes a moment.
    if (n > 2) assert.equal(await eventually(2_000, "an answer", found), n, `after ${n}`);
  }
  plan = () => undefined;
  await brain.clock.advance(MINUTE_MS);
  assert.equal(brain.indexer.vectorStore().status, "ok");
  await brain.clock.until(brain.indexer.stop());
});
