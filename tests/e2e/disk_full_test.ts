/** The real program on a real disk that is full, or that turns out to be when it is synced. */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";
import { Disk, Filler, withLoops, withMounts } from "./disk.ts";
import { Ledger } from "./ledger.ts";
import { Place, type Program } from "./program.ts";

const MIB = 1024 * 1024;
/** Of the looks for room, one every ten seconds. */
const LOOK_MS = 15_000;

/** Creates until that status comes; how many went through before. */
async function createUntil(status: number, program: Program, ledger: Ledger): Promise<number> {
  for (let count = 0; count < 5_000; count++) {
    const got = await ledger.create(program, 50_000);
    if (got === status) return count;
    assert.equal(got, 201);
  }
  assert.fail(`never answered ${status}`);
}

async function writesAgain(program: Program, ledger: Ledger): Promise<number> {
  const began = performance.now();
  await eventually(LOOK_MS, "writes are taken again", async () => {
    return await ledger.create(program) === 201 ? true : undefined;
  });
  return performance.now() - began;
}

async function reads(program: Program, ledger: Ledger): Promise<void> {
  const [id = assert.fail("nothing is stored")] = ledger.ids;
  await program.want(200, "GET", `/memories/${id}`);
  await program.want(200, "GET", "/memories");
  assert.notEqual((await program.want(200, "POST", "/search", { query: "note" })).at("total"), 0);
  await ledger.check(program);
}

Deno.test({
  name:
    `a full disk refuses what grows, reads and deletes go on, and room is used as soon as it is there${withMounts.suffix}`,
  ignore: withMounts.ignore,
  async fn() {
    await using place = new Place();
    await using disk = await Disk.tmpfs(place, 16);
    const ledger = new Ledger();
    const program = await place.serve(disk.env);
    assert.equal(await ledger.create(program), 201);
    await using filler = await Filler.leaving(2 * MIB, disk.folder);
    const stored = await createUntil(507, program, ledger);
    for (let i = 0; i < 5; i++) assert.equal(await ledger.create(program, 90_000), 507);
    assert.equal(await ledger.update(program, ledger.ids[0] ?? "", "y".repeat(90_000)), 507);
    await reads(program, ledger);
    assert.equal((await program.want(200, "GET", "/health")).at("status"), "degraded");
    for (const id of ledger.ids.slice(0, 10)) assert.equal(await ledger.remove(program, id), 204);
    await ledger.check(program);
    await program.crash();

    // Also a start needs room, and deletes after it.
    const next = await place.serve(disk.env);
    assert.equal(next.event("ready")?.["integrity"], "ok", next.out);
    await reads(next, ledger);
    await createUntil(507, next, ledger);
    for (const id of ledger.ids.slice(0, 10)) assert.equal(await ledger.remove(next, id), 204);
    await filler[Symbol.asyncDispose]();
    const ms = await writesAgain(next, ledger);
    console.log(
      `${stored} memories of 50 kB fitted; writes again ${ms.toFixed()} ms after there was room`,
    );
    assert.equal((await next.want(200, "GET", "/health")).at("status"), "ok");
    assert.equal(await ledger.create(next, 50_000), 201);
    await next.crash();
    const last = await place.serve(disk.env);
    await ledger.check(last);
    assert.equal((await last.stop()).code, 0);
    for (const { err } of [program, next, last]) assert.equal(err, "");
  },
});

Deno.test({
  name:
    `a disk that is full for a new snapshot keeps the old one, and writes go on${withMounts.suffix}`,
  ignore: withMounts.ignore,
  async fn() {
    await using place = new Place();
    await using disk = await Disk.tmpfs(place, 10);
    const ledger = new Ledger();
    const first = await place.serve(disk.env);
    for (let i = 0; i < 10; i++) assert.equal(await ledger.create(first, 50_000), 201);
    assert.equal((await first.stop()).code, 0);
    const path = `${disk.folder}/memories.json`;
    const snapshot = await Deno.readTextFile(path);

    const program = await place.serve(disk.env);
    while (program.event("compaction_failed") === undefined) {
      const status = await ledger.create(program, 50_000);
      assert.ok(status === 201 || status === 507, String(status));
      assert.ok(ledger.acknowledged < 100, "it was to fail by now");
    }
    assert.equal(program.event("compaction_failed")?.["error"], "ENOSPC");
    console.log(`${ledger.refused} of ${ledger.acknowledged} writes refused meanwhile`);
    assert.equal(await Deno.readTextFile(path), snapshot);
    await assert.rejects(Deno.stat(`${path}.tmp`), Deno.errors.NotFound);
    await writesAgain(program, ledger);
    await ledger.check(program);
    await program.crash();
    const next = await place.serve(disk.env);
    assert.equal(next.event("ready")?.["integrity"], "ok", next.out);
    await ledger.check(next);
    assert.equal((await next.stop()).code, 0);
  },
});

Deno.test({
  name:
    `a disk that turns out to be full when it is synced costs nothing that was answered${withLoops.suffix}`,
  ignore: withLoops.ignore,
  async fn() {
    await using place = new Place();
    await using disk = await Disk.thin(place, 32, 5);
    const ledger = new Ledger();
    const program = await place.serve(disk.env);
    const stored = await createUntil(503, program, ledger);
    // Its line may come after its reply.
    const failed = await eventually(LOOK_MS, "it says why", () => program.event("disk_failed"));
    assert.equal(failed["error"], "ENOSPC", program.out);
    assert.equal(ledger.unknown, 1);
    await reads(program, ledger);
    await disk.enlarge(64);
    const ms = await writesAgain(program, ledger);
    console.log(
      `${stored} memories of 50 kB until the sync failed; healed after ${ms.toFixed()} ms`,
    );
    for (let i = 0; i < 20; i++) assert.equal(await ledger.create(program, 50_000), 201);
    await program.crash();
    await disk.remount(); // What only the page cache holds is gone now, as after a power cut.
    const next = await place.serve(disk.env);
    assert.equal(next.event("ready")?.["integrity"], "ok", next.out);
    await ledger.check(next);
    await ledger.settle(next);
    await ledger.check(next);
    assert.equal((await next.stop()).code, 0);
    assert.equal(program.err + next.err, "");
  },
});
