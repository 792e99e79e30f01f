/** The parts of the loop: its queue, its watch, and when a backup is due. */
import assert from "node:assert/strict";
import { isBackupDue, shareOf } from "../src/manager/reconciler/due.ts";
import { covers } from "../src/manager/reconciler/drift.ts";
import { Queue } from "../src/manager/reconciler/queue.ts";
import { watching } from "../src/manager/reconciler/watching.ts";
import type { UserRecord } from "../src/manager/record.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";
import { recordOf, signedUp, waited, world } from "./manager/kit.ts";
import { Reconciler } from "../src/manager/reconciler.ts";

const HOUR_MS = 3_600_000;
const random = () => 0.5;

async function record(): Promise<UserRecord> {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  return await recordOf(program) ?? assert.fail();
}

Deno.test("nobody is looked at twice at the same time, nor by more than there are places", async () => {
  const clock = new FakeClock();
  const chance = randomOf(seed);
  const running = new Set<string>();
  const looks = new Map<string, number>();
  let most = 0;
  const queue = new Queue({
    clock,
    random: chance,
    most: 3,
    look: async (slug) => {
      assert.ok(!running.has(slug), `seed ${seed}`);
      running.add(slug);
      most = Math.max(most, running.size);
      looks.set(slug, (looks.get(slug) ?? 0) + 1);
      await new Promise<void>((resolve) => clock.after(below(chance, 500), resolve));
      running.delete(slug);
      return chance() < 0.7;
    },
  });
  for (let n = 0; n < 300; n++) {
    queue.add(`u${below(chance, 20)}`, below(chance, 3) * 100);
    if (n % 10 === 0) await clock.advance(50);
  }
  await clock.advance(60 * 60_000);
  assert.deepEqual([queue.waiting, queue.running, most, looks.size], [0, 0, 3, 20], `seed ${seed}`);
  await queue.stop();
  assert.equal(clock.waiting, 0);
});

Deno.test("who came while he was looked at is looked at once more", async () => {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  let looks = 0;
  const look = async () => {
    if (looks++ === 0) await gate.promise;
    return true;
  };
  const queue = new Queue({ clock, random, most: 3, look });
  for (let n = 0; n < 5; n++) queue.add("ada");
  gate.resolve();
  await queue.idle();
  assert.equal(looks, 2);
});

Deno.test("a look that fails waits up to ten minutes, and is forgotten once one is good", async () => {
  const clock = new FakeClock();
  const times: number[] = [];
  let isBroken = true;
  const look = () => {
    times.push(clock.now());
    return Promise.resolve(!isBroken);
  };
  const queue = new Queue({ clock, random: () => 1, most: 1, look });
  queue.add("ada");
  await clock.advance(HOUR_MS);
  // What is told of him meanwhile does not shorten his wait.
  queue.add("ada");
  const waits = times.slice(1).map((time, n) => time - (times[n] ?? 0));
  assert.deepEqual(waits.slice(0, 4), [1_000, 2_000, 4_000, 8_000]);
  assert.equal(Math.max(...waits), 600_000);
  isBroken = false;
  await clock.advance(600_000);
  const before = times.length;
  queue.add("ada");
  await queue.idle();
  assert.equal(times.length, before + 1);
  await queue.stop();
});

Deno.test("everybody has a backup once in his interval, at a time of his own", async () => {
  const one = await record();
  const createdAt = new Date(0).toISOString();
  const hours = new Array<number>(24).fill(0);
  for (let user = 0; user < 1_000; user++) {
    const his: UserRecord = { ...one, slug: `user${user}`, createdAt, lastBackup: null };
    let due = 0, last = his;
    for (let hour = 1; hour <= 72; hour++) {
      const now = hour * HOUR_MS;
      if (!isBackupDue(last, now)) continue;
      due++;
      hours[hour % 24]!++;
      const at = new Date(now).toISOString();
      last = { ...last, lastBackup: { id: "b", at, bytes: 1, memories: 1 } };
    }
    assert.ok(due === 3 || due === 2, `${his.slug}: ${due}`);
  }
  assert.ok(Math.max(...hours) < 3 * 1_000 / 24 * 1.5, String(hours));
});

Deno.test("a failed backup is tried again half an hour later, and none of the suspended", async () => {
  const now = 100 * 24 * HOUR_MS;
  const one: UserRecord = { ...await record(), createdAt: new Date(0).toISOString() };
  const failed = (minutesAgo: number): UserRecord => ({
    ...one,
    lastOperation: {
      id: "1",
      verb: "backup",
      outcome: "failed",
      failure: { code: "backup_failed", message: "" },
      endedAt: new Date(now - minutesAgo * 60_000).toISOString(),
    },
  });
  assert.deepEqual(
    [one, failed(29), failed(30), { ...one, state: "suspended" as const }]
      .map((record) => isBackupDue(record, now)),
    [true, false, true, false],
  );
});

Deno.test("shares of slugs are spread evenly", () => {
  const tenths = new Array<number>(10).fill(0);
  for (let user = 0; user < 10_000; user++) tenths[Math.floor(shareOf(`user-${user}`) * 10)]!++;
  assert.ok(Math.max(...tenths) < 1_200 && Math.min(...tenths) > 800, String(tenths));
});

Deno.test("only what is wanted is compared", () => {
  const present = { a: 1, list: [{ name: "x", more: true }], more: {} };
  for (
    const [wanted, isCovered] of [
      [{ a: 1 }, true],
      [{ a: 2 }, false],
      [{ list: [{ name: "x" }] }, true],
      [{ list: [] }, false],
      [{ missing: {} }, true],
      [{ missing: { b: 1 } }, false],
      [{ missing: "" }, true],
      [{ missing: [] }, true],
      [{ missing: [1] }, false],
      [{ missing: false }, false],
      [{ toString: 1 }, false],
    ] as const
  ) {
    assert.equal(covers(present, wanted), isCovered, JSON.stringify(wanted));
  }
});

Deno.test("a watch goes on where it broke, and begins anew where too much happened", async () => {
  const here = await world();
  const kind = { apiVersion: "v1", kind: "ConfigMap" } as const;
  const stopping = new AbortController();
  const seen: string[] = [];
  const faults: unknown[] = [];
  const put = async (name: string) => {
    await here.cluster.create({ ...kind, metadata: { name, namespace: "default" } });
    await here.clock.advance(5_000);
  };
  await put("a");
  const over = watching({
    cluster: here.cluster,
    kind,
    selection: { namespace: "default" },
    clock: here.clock,
    random,
    signal: stopping.signal,
    changed: ({ metadata: { name } }, how) => seen.push(`${how} ${name}`),
    failed: (error) => faults.push(error),
  });
  await put("b");
  here.cluster.breakWatches();
  await put("c");
  assert.deepEqual(seen, ["listed a", "put b", "put c"]);
  assert.equal(faults.length, 1);
  here.cluster.breakWatches();
  await here.cluster.create({ ...kind, metadata: { name: "d", namespace: "default" } });
  here.cluster.forgetHistory();
  await here.clock.advance(120_000);
  assert.deepEqual(seen.slice(3), ["listed a", "listed b", "listed c", "listed d"]);
  stopping.abort();
  await over;
});

Deno.test("two loops on one register do each thing once", async () => {
  const here = await world();
  const programs = [here.start("one"), here.start("two")];
  const [one = assert.fail()] = programs;
  for (const id of ["ada", "eve", "joe"]) await signedUp(here, one, id);
  const loops = programs.map((program) =>
    new Reconciler({
      ...program,
      settings: here.settings,
      clock: here.clock,
      random,
      log: () => {},
    })
  );
  for (const loop of loops) loop.start();
  here.cluster.remove({ apiVersion: "v1", kind: "Namespace", name: "user-eve" });
  await here.clock.advance(25 * HOUR_MS);
  for (const loop of loops) await loop.stop();
  for (const program of programs) await waited(here, program.operations.stop());
  const { signal } = new AbortController();
  for (const id of ["ada", "eve", "joe"]) {
    assert.notEqual(here.brains.running(`user-${id}`), undefined, id);
    const { backups } = await one.manager.listBackups(id, signal);
    assert.ok(backups.length === 1 || backups.length === 2, `${id}: ${backups.length}`);
  }
  assert.deepEqual(here.cluster.violations, []);
});
