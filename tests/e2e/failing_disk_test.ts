/**
 * The real program on a disk that fails: whatever call fails, what was acknowledged stays, what was
 * refused never appears, and the service heals by itself. FAULT_ROUNDS=500 makes it a long evening,
 * TEST_SEED repeats the faults of a run (though not the moment of each).
 */
import assert from "node:assert/strict";
import { below, randomOf, seed } from "../fakes/store_kit.ts";
import { eventually } from "./conditions.ts";
import { FailingDisk, type Fault, onFailingDisk, withFaults } from "./failing_disk.ts";
import { Ledger } from "./ledger.ts";
import { Place, type Program } from "./program.ts";

const { ignore, suffix } = withFaults;
const ROUNDS = Number(Deno.env.get("FAULT_ROUNDS") ?? 6);
const journal = "/journal/";
const snapshot = "/memories.json$",
  previous = "/memories.prev.json$",
  fresh = "/memories.json.tmp$";

/** What may fail while a memory is written: the answer to it, and whether the service must heal. */
const WRITES: Readonly<Record<string, readonly [number, readonly Fault[]]>> = {
  "a sync fails and loses what was written": [503, [
    { call: "sync", part: journal, times: 1, does: "lose" },
  ]],
  "a sync finds the disk full": [503, [
    { call: "sync", part: journal, times: 1, does: "ENOSPC" },
  ]],
  "a write fails": [503, [{ call: "write", part: journal, times: 1, does: "EIO" }]],
  "the disk turns read-only": [503, [{ call: "write", part: journal, times: 1, does: "EROFS" }]],
  "a write ends half-way, and then fails": [503, [
    { call: "write", part: journal, times: 1, does: { shortBytes: 33 } },
    { call: "write", part: journal, times: 1, does: "EIO" },
  ]],
  "the disk is full, and what was written cannot be cut off": [503, [
    { call: "write", part: journal, times: 1, does: { shortBytes: 33 } },
    { call: "write", part: journal, times: 1, does: "ENOSPC" },
    { call: "truncate", part: journal, times: 1, does: "EIO" },
  ]],
  "the disk is full, and the cut cannot be synced": [503, [
    { call: "write", part: journal, times: 1, does: { shortBytes: 33 } },
    { call: "write", part: journal, times: 1, does: "ENOSPC" },
    { call: "sync", part: journal, times: 1, does: "EIO" },
  ]],
  "the disk is full": [507, [{ call: "write", part: journal, times: 1, does: "ENOSPC" }]],
  "the quota of the disk is used up": [507, [
    { call: "write", part: journal, times: 1, does: "EDQUOT" },
  ]],
  "the disk is full half-way": [507, [
    { call: "write", part: journal, times: 1, does: { shortBytes: 33 } },
    { call: "write", part: journal, times: 1, does: "ENOSPC" },
  ]],
  "each write does seven bytes": [201, [
    { call: "write", part: journal, does: { shortBytes: 7 } },
  ]],
};

/** While it is read-only: reads are answered, writes are refused with the wait until it heals. */
async function readsOnly(program: Program, ledger: Ledger): Promise<void> {
  const [id = assert.fail("nothing is stored")] = ledger.ids;
  await program.want(200, "GET", `/memories/${id}`);
  await program.want(200, "GET", "/memories");
  await program.want(200, "POST", "/search", { query: "note" });
  await program.want(200, "GET", "/health/ready");
  assert.equal((await program.want(200, "GET", "/health")).at("status"), "degraded");
  const refused = await program.want(503, "POST", "/memories", { content: "refused" });
  assert.ok(Number(refused.headers.get("Retry-After")) >= 1);
  assert.equal(await ledger.remove(program, id), 503);
}

async function healed(program: Program): Promise<number> {
  const began = performance.now();
  await eventually(30_000, "it heals", async () => {
    return (await program.ask("GET", "/health")).at("status") === "ok" ? true : undefined;
  });
  return performance.now() - began;
}

/** After kill -9, on a disk that is well. */
async function isSoundAfterCrash(place: Place, program: Program, ledger: Ledger): Promise<void> {
  await program.crash();
  const next = await place.serve();
  assert.equal(next.event("ready")?.["integrity"], "ok", next.out);
  await ledger.check(next);
  await ledger.settle(next);
  await ledger.check(next);
  assert.equal((await next.stop()).code, 0);
  const { memories } = JSON.parse(await Deno.readTextFile(place.memories));
  ledger.compare(memories);
}

/** All at once: they wait for what takes its time. */
async function each<T>(
  cases: Readonly<Record<string, T>>,
  run: (one: T, name: string) => Promise<void>,
): Promise<void> {
  const names = Object.keys(cases);
  const runs = await Promise.allSettled(
    Object.entries(cases).map(([name, one]) => run(one, name)),
  );
  for (const [i, one] of runs.entries()) {
    if (one.status === "fulfilled") continue;
    const { reason: cause } = one;
    throw new Error(`${names[i]}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

Deno.test({
  name:
    `whatever fails while a memory is written, nothing acknowledged is lost, and it heals${suffix}`,
  ignore,
  fn: () =>
    each(WRITES, ([status, faults], name) =>
      onFailingDisk(async (place, disk, program, ledger) => {
        await disk.set(...faults);
        assert.equal(await ledger.create(program), status);
        assert.notDeepEqual(await disk.hits(), [], "the fault was met");
        if (status === 503) await readsOnly(program, ledger);
        if (status !== 201) {
          console.log(`${name}: healed after ${(await healed(program)).toFixed()} ms`);
        }
        for (let i = 0; i < 5; i++) assert.equal(await ledger.create(program), 201);
        const [id = ""] = ledger.ids;
        assert.equal(await ledger.remove(program, id), 204);
        await ledger.check(program);
        assert.equal(program.err, "");
        await isSoundAfterCrash(place, program, ledger);
      })),
});

/** What may fail while a snapshot is replaced, beside the writes that go on. */
const COMPACTIONS: Readonly<Record<string, readonly Fault[]>> = {
  "no more descriptors for a new journal": [{ call: "open", part: journal, does: "EMFILE" }],
  "no room for a new journal": [{ call: "write", part: "/000004.log", does: "ENOSPC" }],
  "a new journal cannot be synced": [{ call: "sync", part: "/000004.log", does: "EIO" }],
  "the journal's folder cannot be synced": [{ call: "sync", part: "/journal$", does: "EIO" }],
  "no room for the snapshot": [
    { call: "write", part: fresh, skip: 3, times: 1, does: { shortBytes: 1000 } },
    { call: "write", part: fresh, skip: 3, does: "ENOSPC" },
  ],
  "the snapshot cannot be synced": [{ call: "sync", part: fresh, does: "lose" }],
  "the snapshot cannot be read back": [{ call: "open", part: fresh, skip: 1, does: "EIO" }],
  "the snapshot before cannot be kept": [{ call: "rename", part: previous, does: "EIO" }],
  "the snapshot cannot be renamed": [{ call: "rename", part: snapshot, does: "EIO" }],
  "the folder cannot be synced": [{ call: "sync", part: "/$", does: "EIO" }],
  "old journals cannot be removed": [{ call: "remove", part: journal, does: "EIO" }],
};

/** Six of them, others in each run; in a long one all. */
function someCompactions(): Readonly<Record<string, readonly Fault[]>> {
  const all = Object.entries(COMPACTIONS);
  const first = below(randomOf(seed), all.length);
  const from = [...all.slice(first), ...all.slice(0, first)];
  return Object.fromEntries(from.slice(0, ROUNDS));
}

/** More journal than snapshot, and than the least that is worth one. */
async function outgrow(program: Program, ledger: Ledger): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const ten = Array.from({ length: 10 }, () => ledger.create(program, 95_000));
    assert.deepEqual(await Promise.all(ten), Array(10).fill(201));
  }
}

Deno.test({
  name: `whatever fails while a snapshot is replaced, writes go on and nothing is lost${suffix}`,
  ignore,
  fn: () =>
    each(someCompactions(), (faults) =>
      onFailingDisk(async (place, disk, program, ledger) => {
        assert.equal((await program.stop()).code, 0); // Leaves a snapshot to be kept.
        const again = place.launch(disk.env);
        await again.ready();
        await disk.set(...faults);
        await outgrow(again, ledger);
        await eventually(10_000, "the snapshot fails", () => again.event("compaction_failed"));
        assert.notDeepEqual(await disk.hits(), [], "the fault was met");
        for (let i = 0; i < 5; i++) assert.equal(await ledger.create(again), 201);
        await ledger.check(again);
        assert.equal(again.err, "");
        await isSoundAfterCrash(place, again, ledger);
      })),
});

type Random = () => number;

function oneOf<const T extends readonly unknown[]>(random: Random, ...from: T): T[number] {
  return from[below(random, from.length)];
}

/** Any call on any file, now or soon, once or from then on. */
function anyFault(random: Random): Fault {
  const call = oneOf(random, "write", "sync", "truncate", "open", "rename", "link", "remove");
  const shortBytes = 1 + below(random, 2000);
  const does = {
    write: oneOf(random, "ENOSPC", "EIO", "EDQUOT", "EROFS", { shortBytes }),
    sync: oneOf(random, "EIO", "lose", "ENOSPC"),
  };
  return {
    call,
    part: oneOf(random, "/", "/journal/", ".tmp$"),
    skip: below(random, 40),
    times: oneOf(random, 1, 2, 3, 1e9),
    does: call === "write" || call === "sync" ? does[call] : oneOf(random, "EIO", "EMFILE"),
  };
}

/** Creates, updates and deletes, whatever the answers. */
async function write(program: Program, ledger: Ledger, random: Random): Promise<void> {
  const isLarge = random() < 0.3;
  for (let i = 0; i < 20; i++) {
    const { ids } = ledger;
    const id = ids[below(random, ids.length)];
    const kind = random();
    if (id === undefined || kind < 0.6) await ledger.create(program, isLarge ? 95_000 : 20);
    else if (kind < 0.8) await ledger.update(program, id, `update ${random()}`);
    else await ledger.remove(program, id);
  }
}

Deno.test({
  name: `however the disk fails, again and again, what was answered is true${suffix}`,
  ignore,
  async fn() {
    const random = randomOf(seed);
    const ledger = new Ledger();
    let starts = 0;
    await using place = new Place();
    await using disk = await FailingDisk.under(place);
    console.log(`seed ${seed}, ${ROUNDS} rounds`);
    for (let round = 0; round < ROUNDS; round++) {
      const program = await place.serve(disk.env);
      assert.equal(program.event("ready")?.["integrity"], "ok", program.out);
      await ledger.check(program);
      if (random() < 0.5) await ledger.settle(program);
      await disk.set(...Array.from({ length: 1 + below(random, 3) }, () => anyFault(random)));
      await Promise.all(Array.from({ length: 4 }, () => write(program, ledger, random)));
      await ledger.check(program);
      if (random() < 0.5) await program.crash();
      else assert.equal((await program.stop()).code, 0);
      assert.equal(program.err, "");
      if (random() < 0.5) starts += await startsBadly(place, disk);
      await disk.set();
    }
    const last = await place.serve();
    await ledger.settle(last);
    await ledger.check(last);
    const { acknowledged, refused, unknown } = ledger;
    const hits = (await disk.hits()).length;
    console.log(JSON.stringify({ hits, acknowledged, refused, unknown, failedStarts: starts }));
  },
});

/** A start on the disk as it is: it may fail, and says so in one line. */
async function startsBadly(place: Place, disk: FailingDisk): Promise<number> {
  const program = place.launch(disk.env);
  const isReady = await program.ready().then(() => true, () => false);
  if (isReady) await program.crash();
  const { code, err } = await program.ended;
  if (!isReady) {
    assert.match(err, /^Cannot [^\n]+\n$/);
    assert.ok([73, 74].includes(code), `${code}: ${err}`);
  }
  return isReady ? 0 : 1;
}
