/** Whether Qdrant is there: when that ends, how it comes back, and who waits for it. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import {
  awayFrom,
  callsOf,
  MINUTE_MS,
  type QdrantPlace,
  withPlace,
} from "./fakes/qdrant/index_place.ts";
import { drain } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";

const NO_WRITES = "Cannot search: Qdrant takes no writes, and lacks what has changed since";
const STALLED = { wait: new Promise<void>(() => {}) };

async function fails(place: QdrantPlace, times = 1): Promise<void> {
  for (let n = 0; n < times; n++) await assert.rejects(place.ids(), VectorIndexUnavailable);
}

Deno.test("three failures in a row end it, and a success in between does not let them add up", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.fail("busy", "nearest");
    await fails(place, 2);
    place.plan = () => undefined;
    assert.deepEqual(await place.ids(), [idOf(1)]);
    place.fail("busy", "nearest");
    await fails(place, 2);
    assert.equal(place.status, "ok, well, 0 pending");
    await fails(place);
    assert.equal(place.status, "unavailable, Cannot: busy, 0 pending");
  });
});

for (const fault of ["away", "denied", "missing", "unfit"] as const) {
  Deno.test(`one failure ends it where the next call would fail as well: ${fault}`, async () => {
    await withPlace(async (place) => {
      await place.put(1);
      place.fail(fault);
      await fails(place);
      assert.equal(place.status, `unavailable, Cannot: ${fault}, 0 pending`);
    });
  });
}

Deno.test("a request that Qdrant rejects says nothing of the next one", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.fail("rejected", "upsert");
    await place.put(2);
    assert.equal(place.status, "ok, well, 1 pending");
    place.plan = () => undefined;
    assert.deepEqual(await place.ids(), [idOf(1)]);
  });
});

Deno.test("while it takes no writes it is searched for ten seconds, and not compared time and again", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2]) await place.put(n);
    await place.advance(5 * MINUTE_MS);
    place.fail("busy", "upsert");
    await place.put(1, "edited");
    const before = callsOf(place, "scroll");
    await place.advance(10_000);
    assert.equal(place.status, "ok, well, 1 pending");
    assert.deepEqual(await place.ids(), [idOf(2)]);
    await place.advance(30 * MINUTE_MS);
    assert.equal(place.status, `unavailable, ${NO_WRITES}, 1 pending`);
    await assert.rejects(place.ids(), new VectorIndexUnavailable(NO_WRITES));
    assert.ok(callsOf(place, "scroll") - before <= 4, `${callsOf(place, "scroll") - before}`);
    place.plan = () => undefined;
    await place.advance(MINUTE_MS);
    assert.deepEqual([place.prints(), place.status], [place.wanted(), "ok, well, 0 pending"]);
  });
});

Deno.test("what waited for a better time is sent as soon as it is there again", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.fail("busy", "upsert");
    await place.put(1, "edited");
    await place.advance(10 * MINUTE_MS);
    place.fail("away");
    await place.put(1, "edited again");
    assert.equal(place.status, "unavailable, Cannot: away, 1 pending");
    place.plan = () => undefined;
    await place.advance(500);
    assert.deepEqual(place.prints(), place.wanted());
  }, { random: () => 0.999 });
});

Deno.test("while it is away nobody waits for it, and no user's search asks it", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.fail("away");
    await fails(place);
    place.plan = () => STALLED;
    const calls = place.points.flatMap(({ calls }) => calls).length;
    await fails(place);
    await place.put(2);
    await place.put(1, "text 1", { importance_score: 1 });
    await place.delete(1);
    assert.equal(place.points.flatMap(({ calls }) => calls).length, calls);
    assert.equal(place.status, "unavailable, Cannot: away, 1 pending");
    assert.deepEqual([place.index.has(idOf(1)), place.index.has(idOf(2))], [false, true]);
  });
});

Deno.test("it comes back by itself, in line, at most half a minute after it can be reached", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.fail("away");
    await fails(place);
    await place.delete(1);
    await place.put(2);
    await place.advance(60 * MINUTE_MS);
    assert.equal(place.status, "unavailable, Cannot: away, 1 pending");
    place.plan = () => undefined;
    await place.advance(30_000);
    assert.equal(place.status, "ok, well, 0 pending");
    assert.deepEqual(place.prints(), place.wanted());
    assert.deepEqual(place.logged, [
      "info: Qdrant is in use",
      "warn: Cannot: away; it is tried again by itself",
      "info: Qdrant is in use",
    ]);
  });
});

Deno.test("one that comes and goes is asked ever less often", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    for (let times = 0; times < 8; times++) {
      place.fail("away", "nearest");
      await fails(place);
      await place.advance(15_000);
    }
    assert.equal(place.status.slice(0, 11), "unavailable");
    const scrolls = place.points[0]?.calls.filter((call) => call === "scroll").length;
    assert.ok(scrolls !== undefined && scrolls <= 10, `${scrolls}`);
  }, { random: () => 0.999 });
});

Deno.test("where it does not say in eight seconds what it holds, the start goes on without it", async () => {
  await withPlace(async (place) => {
    place.plan = (call) => call === "scroll" ? STALLED : undefined;
    const adopting = place.index.elsewhere.adopt([]);
    const writing = place.put(1);
    let waiting = ["start", "write"];
    void writing.then(() => waiting = waiting.filter((who) => who !== "write"));
    void adopting.then(() => waiting = waiting.filter((who) => who !== "start"));
    await place.advance(1_999);
    assert.deepEqual(waiting, ["start", "write"]);
    await place.advance(1);
    assert.deepEqual(waiting, ["start"]);
    await place.advance(5_999);
    assert.deepEqual(waiting, ["start"]);
    await fails(place);
    await place.advance(1);
    assert.deepEqual([...await adopting], []);
    await writing;
    assert.equal(
      place.status,
      "unavailable, Cannot use Qdrant: it does not say in time what it holds, 1 pending",
    );
    await place.quiet();
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("nothing is left of it when it is closed, whatever it is in the middle of", async () => {
  for (const call of ["ensure", "scroll", "upsert", "deleteMemories", "nearest"] as const) {
    await withPlace(async (place) => {
      const stall = () => place.plan = (made) => made === call ? STALLED : undefined;
      if (call === "ensure" || call === "scroll") stall();
      else await place.put(9);
      stall();
      const under = [place.put(1), place.put(2), place.delete(1)];
      const converging = place.index.elsewhere.converge().catch(() => {});
      const search = place.ids().catch(() => {});
      await drain();
      await place.index.elsewhere.close();
      await Promise.all([...under, converging, search]);
      await place.put(3);
      await assert.rejects(place.ids(), VectorIndexUnavailable);
      await place.advance(20 * MINUTE_MS);
      assert.equal(place.clock.waiting, 0, call);
    });
  }
});

Deno.test("with too much that it does not have yet it is said to be out of reach", async () => {
  await withPlace(async (place) => {
    for (let n = 0; n < 150; n++) await place.put(n);
    place.stored.clear();
    place.fail("busy", "upsert");
    await assert.rejects(place.index.elsewhere.converge(), VectorIndexUnavailable);
    const detail = "Cannot search: Qdrant does not have 150 memories yet as they are now";
    assert.equal(place.status, `unavailable, ${detail}, 150 pending`);
    await assert.rejects(place.ids(), new VectorIndexUnavailable(detail));
    await place.quiet();
    assert.equal((await place.ids()).length, 150);
  });
});

Deno.test("whoever tries it at whatever moment, it is tried again", async () => {
  for (let moments = 0; moments < 40; moments++) {
    await withPlace(async (place) => {
      await place.put(1);
      await awayFrom(place);
      const tries = [place.index.elsewhere.converge()];
      for (let moment = 0; moment < moments; moment++) await Promise.resolve();
      tries.push(place.index.elsewhere.converge());
      await Promise.allSettled(tries);
      place.plan = () => undefined;
      await place.advance(30_000);
      assert.equal(place.status, "ok, well, 0 pending", `after ${moments}`);
    });
  }
});
