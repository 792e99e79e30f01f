/** What every store promises, as tests that are run against each adapter. */
import assert from "node:assert/strict";
import { AppError } from "../src/errors.ts";
import type { Change } from "../src/memory.ts";
import { State } from "../src/state.ts";
import type { Recovery, Store } from "../src/store.ts";
import { FakeClock } from "./fakes/indexing.ts";
import {
  below,
  contentsOf,
  deleteOf,
  idOf,
  memoryOf,
  putOf,
  randomChange,
  randomOf,
  receiptOf,
  seed,
  stateOf,
  TIME,
} from "./fakes/store_kit.ts";

export interface StoreMaker {
  /** Undefined where restarts lose nothing; else why they do. */
  readonly forgets?: string;
  /** A new, empty place; `make` gives stores on it, one after the other, in time that is turned. */
  place(): { make(clock: FakeClock): Store; remove(): void };
}

interface Running {
  readonly store: Store;
  readonly state: State;
  readonly recovery: Recovery;
}

/** Closes a store whose import does not come to its end. */
async function closeInTime(store: Store, clock: FakeClock): Promise<void> {
  const closing = store.close();
  await clock.advance(60_000);
  await closing;
}

export function storeContract(name: string, { forgets, place }: StoreMaker): void {
  const test = (
    what: string,
    run: (start: () => Promise<Running>, clock: FakeClock) => Promise<void>,
    durable = false,
  ) => {
    const skipped = durable && forgets !== undefined;
    Deno.test({
      name: `${name}: ${what}${skipped ? ` (skipped: ${forgets})` : ""}`,
      ignore: skipped,
      async fn() {
        const here = place(), clock = new FakeClock();
        const started: Store[] = [];
        try {
          await run(async () => {
            const store = here.make(clock), state = new State();
            const recovery = await store.open(state);
            started.push(store);
            return { store, state, recovery };
          }, clock);
        } finally {
          for (const store of started) await store.close();
          here.remove();
        }
      },
    });
  };
  const durable = (what: string, run: Parameters<typeof test>[1]) => test(what, run, true);

  test("starts empty and well", async (start) => {
    const { store, state, recovery } = await start();
    assert.deepEqual(recovery, { integrity: "ok", notes: [] });
    assert.deepEqual(contentsOf(state), { entries: [], receipts: [] });
    const { memoriesBytes: _, journalBytes: __, ...rest } = store.status();
    assert.deepEqual(rest, {
      mode: "ok",
      disk: "ok",
      isStuck: false,
      integrity: "ok",
      damage: [],
      queued: 0,
    });
  });

  test("where nothing is damaged there is nothing to acknowledge, which is no error", async (start) => {
    const { store } = await start();
    await store.acknowledgeDamage();
    const { integrity, damage } = store.status();
    assert.deepEqual({ integrity, damage }, { integrity: "ok", damage: [] });
    await store.append(putOf(1));
  });

  test("a change can be read as soon as it is answered, in order", async (start) => {
    const { store, state } = await start();
    const changes = [putOf(1), putOf(2), putOf(1, { content: "again" }), deleteOf(2), putOf(3)];
    for (const [i, change] of changes.entries()) {
      await store.append(change);
      assert.deepEqual(contentsOf(state), contentsOf(stateOf(changes.slice(0, i + 1))));
    }
    assert.equal(store.status().queued, 0);
  });

  test("changes sent at once are applied in the order they were sent", async (start) => {
    const { store, state } = await start();
    const changes = Array.from({ length: 300 }, (_, i) => putOf(i % 7, { content: `${i}` }));
    const answered: number[] = [];
    await Promise.all(
      changes.map((change, i) => store.append(change).then(() => answered.push(i))),
    );
    assert.deepEqual(answered, [...changes.keys()]);
    assert.deepEqual(contentsOf(state), contentsOf(stateOf(changes)));
  });

  test("a second import at once is refused, and one after the other is not", async (start) => {
    const { store } = await start();
    const first = await store.beginImport();
    const isConflict = (error: unknown) => error instanceof AppError && error.code === "conflict";
    await assert.rejects(store.beginImport(), isConflict);
    first.finish();
    const second = await store.beginImport();
    first.finish(); // A second time, which must not end the one that runs now.
    await assert.rejects(store.beginImport(), isConflict);
    second.finish();
  });

  test("writes go on during an import and after it", async (start) => {
    const { store, state } = await start();
    const unit = await store.beginImport();
    await unit.stage([putOf(1), putOf(2)]);
    await store.append(putOf(3));
    unit.finish();
    await store.append(putOf(4));
    assert.deepEqual(contentsOf(state), contentsOf(stateOf([putOf(3), putOf(4)])));
  });

  test("after closing, writes and imports are refused", async (start) => {
    const { store, state } = await start();
    await store.append(putOf(1));
    await store.close();
    const isRefused = (error: unknown) => error instanceof AppError && error.code === "not_ready";
    await assert.rejects(store.append(putOf(2)), isRefused);
    await assert.rejects(store.beginImport(), isRefused);
    assert.deepEqual(contentsOf(state), contentsOf(stateOf([putOf(1)])));
  });

  durable("a restart brings back everything, exactly", async (start) => {
    const first = await start();
    const strange = memoryOf(9, {
      content: '\u0000 \u2028 🙂 "\\\n \ud7ff',
      memory_type: "procedural",
      importance_score: 0.1 + 0.2,
      tags: ["ünï", "__proto__"],
      metadata: JSON.parse(
        '{"__proto__":{"a":[1,{"b":null}]},"big":1e300,"whole":12345678901234567000,"e":1e16}',
      ),
      embedding: Float32Array.of(0.1, -0, 3.4e38, 1.4e-45),
    });
    const changes: Change[] = [
      putOf(1),
      putOf(2),
      { op: "put", memory: strange, access: { access_count: 3, last_accessed_at: TIME } },
      { op: "access", accesses: [[idOf(1), { access_count: 7, last_accessed_at: TIME }]] },
      { ...deleteOf(2), receipt: receiptOf(1) },
      { op: "receipt", receipt: receiptOf(2, { json: { imported: 3 } }) },
      { op: "put", memory: memoryOf(1, { content: "updated" }), receipt: receiptOf(3) },
      {
        op: "put",
        memory: memoryOf(4),
        receipt: receiptOf(4, {
          memory: strange,
          access: { access_count: 0, last_accessed_at: null },
        }),
      },
    ];
    for (const change of changes) await first.store.append(change);
    const expected = contentsOf(stateOf(changes));
    assert.deepEqual(contentsOf(first.state), expected);
    await first.store.close();
    for (let restarts = 0; restarts < 3; restarts++) {
      const again = await start();
      assert.deepEqual(again.recovery, { integrity: "ok", notes: [] });
      assert.deepEqual(contentsOf(again.state), expected);
      await again.store.close();
    }
  });

  durable("what was deleted stays deleted", async (start) => {
    const first = await start();
    await first.store.append(putOf(1));
    await first.store.compact();
    await first.store.append(deleteOf(1));
    await first.store.close();
    const second = await start();
    await second.store.compact();
    await second.store.close();
    assert.deepEqual(contentsOf((await start()).state).entries, []);
  });

  durable("an import without its commit never was; with it, it is there", async (start) => {
    const first = await start();
    const lost = await first.store.beginImport();
    await lost.stage([putOf(1)]);
    lost.finish();
    const kept = await first.store.beginImport();
    await kept.stage([putOf(2)]);
    await kept.stage([putOf(3), deleteOf(2), putOf(4)]);
    await kept.commit();
    for (const change of [putOf(2), putOf(3), deleteOf(2), putOf(4)]) first.state.apply(change);
    kept.finish();
    await first.store.close();
    const second = await start();
    assert.deepEqual(contentsOf(second.state), contentsOf(stateOf([putOf(3), putOf(4)])));
  });

  durable("an import stays whole, however much is written beside it", async (start, clock) => {
    const first = await start();
    const unit = await first.store.beginImport();
    await unit.stage([putOf(1)]);
    const beside = Array.from({ length: 12 }, (_, n) => {
      return putOf(10 + n, { content: "x".repeat(500_000) });
    });
    for (const change of beside) await first.store.append(change);
    await unit.stage([putOf(2)]);
    await unit.commit();
    await closeInTime(first.store, clock);
    unit.finish();
    const second = await start();
    assert.deepEqual(second.recovery, { integrity: "ok", notes: [] });
    const expected = stateOf([...beside, putOf(1), putOf(2)]);
    assert.deepEqual(contentsOf(second.state), contentsOf(expected));
  });

  durable(
    "a close between an import's commit and its end loses nothing of it",
    async (start, clock) => {
      const first = await start();
      await first.store.append(putOf(1));
      const unit = await first.store.beginImport();
      await unit.stage([putOf(2), putOf(3)]);
      await unit.commit();
      first.state.apply(putOf(2));
      await closeInTime(first.store, clock);
      unit.finish();
      const second = await start();
      assert.deepEqual(
        contentsOf(second.state),
        contentsOf(stateOf([putOf(1), putOf(2), putOf(3)])),
      );
    },
  );

  durable(`random changes, compactions and restarts (TEST_SEED=${seed})`, async (start) => {
    const random = randomOf(seed);
    const model = new State();
    let running = await start();
    for (let n = 0; n < 200; n++) {
      const changes = Array.from({ length: 1 + below(random, 4) }, () => randomChange(random, n));
      await Promise.all(changes.map((change) => running.store.append(change)));
      for (const change of changes) model.apply(change);
      const chance = random();
      if (chance < 0.1) await running.store.compact();
      if (chance > 0.93) {
        await running.store.close();
        running = await start();
        assert.deepEqual(running.recovery, { integrity: "ok", notes: [] });
      }
      assert.deepEqual(contentsOf(running.state), contentsOf(model));
    }
  });
}
