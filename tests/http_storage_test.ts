/** What clients and orchestrators see of the disk and of damage, and what they can do about it. */
import assert from "node:assert/strict";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { everythingSurvives } from "./fakes/inode.ts";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type HttpApp, NOW, problemOf, withApp } from "./http_app.ts";

const JOURNAL = "/data/journal/000001.log";
const ACK = "/admin/integrity/ack";

async function health(app: HttpApp) {
  const { status, checks } = await app.done(200, "GET", "/health", { key: null });
  return { status, storage: checks.storage, disk: checks.disk, integrity: checks.integrity };
}

/** What a crash left of two memories, with one byte of the first changed. */
async function damagedDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "garden fence" } });
    await app.done(201, "POST", "/memories", { json: { content: "winter coat" } });
    app.fs.kill();
    app.brain.close = () => Promise.resolve();
  }, { disk });
  const after = disk.afterPowerCut(everythingSurvives);
  const text = new TextDecoder().decode(after.files().get(JOURNAL));
  after.put(JOURNAL, text.replace("garden", "gardem"));
  return after;
}

const DAMAGE = {
  file: "journal/000001.log",
  detail: /^unreadable bytes from offset \d+ to \d+; record 2 follows 0 at offset \d+$/,
  quarantine: /^quarantine\/20260131T120000000Z-journal-000001\.log\.[0-9a-f]{8}\.damage$/,
  at: NOW,
};

Deno.test("damage stays reported over restarts until it is acknowledged; reading goes on", async () => {
  const disk = await damagedDisk();
  for (const restart of [0, 1, 2]) {
    await withApp(async (app) => {
      assert.deepEqual(await health(app), {
        status: "degraded",
        storage: "ok",
        disk: "ok",
        integrity: "degraded",
      });
      await app.done(200, "GET", "/health/ready", { key: null });
      const { integrity } = await app.done(200, "GET", "/stats");
      const [{ file, detail, quarantine, at }, ...more] = integrity.damage;
      assert.deepEqual([integrity.status, file, at, more], ["degraded", DAMAGE.file, NOW, []]);
      assert.match(detail, DAMAGE.detail);
      assert.match(quarantine, DAMAGE.quarantine);
      assert.ok(disk.files().has(`/data/${quarantine}`));
      assert.match((await app.call("GET", "/metrics")).text, /^second_brain_damaged 1$/m);
      assert.deepEqual(await app.ids(), [idOf(2)]);
      await app.done(201, "POST", "/memories", { json: { content: `later ${restart}` } });
      await app.done(204, "DELETE", `/memories/${idOf(10 * restart + 11)}`);
    }, { disk, firstId: 10 * restart + 10 });
  }
  await withApp(async (app) => {
    const none = { status: "ok", damage: [] };
    await app.done(401, "POST", ACK, { key: null });
    assert.equal((await health(app)).integrity, "degraded");
    assert.deepEqual(await app.done(200, "POST", ACK), none);
    assert.deepEqual(await app.done(200, "POST", ACK), none, "may be repeated");
    assert.equal((await health(app)).status, "ok");
    assert.deepEqual((await app.done(200, "GET", "/stats")).integrity, none);
  }, { disk });
  await withApp(async (app) => assert.equal((await health(app)).status, "ok"), { disk });
  const kept = [...disk.files().keys()].filter((path) => path.startsWith("/data/quarantine/"));
  assert.deepEqual(kept.map((path) => path.replace(/^.*\.damage/, "damage")), [
    "damage",
    "damage.acknowledged.json",
  ]);
});

Deno.test("with ON_CORRUPTION=readonly nothing is written until the damage is acknowledged", async () => {
  const disk = await damagedDisk();
  await withApp(async (app) => {
    const before = new Map(disk.files());
    const detail = "Cannot write: something in the data is damaged; see /stats, then acknowledge " +
      "it with POST /admin/integrity/ack";
    for (
      const [method, path, json] of [
        ["POST", "/memories", { content: CANARY }],
        ["PUT", `/memories/${idOf(2)}`, { content: "y" }],
        ["DELETE", `/memories/${idOf(2)}`, undefined],
        ["POST", "/import", [{ content: "x" }]],
      ] as const
    ) {
      const asked = json === undefined ? {} : { json };
      assert.deepEqual(
        await app.done(503, method, path, asked),
        problemOf("read_only", 503, detail),
      );
    }
    assert.equal((await app.done(200, "GET", `/memories/${idOf(2)}`)).content, "winter coat");
    assert.deepEqual((await health(app)).storage, "read_only");
    await app.clock.advance(60_000);
    assert.deepEqual(disk.files(), before);
    await app.done(200, "POST", ACK);
    assert.deepEqual(await health(app), {
      status: "ok",
      storage: "ok",
      disk: "ok",
      integrity: "ok",
    });
    await app.done(201, "POST", "/memories", { json: { content: "again" } });
  }, { disk, firstId: 10, store: { onCorruption: "readonly" } });
});

Deno.test("a disk that cannot be recovered for ten minutes asks for a new start, until it is", async () => {
  await withApp(async (app) => {
    const live = async () => (await app.call("GET", "/health/live", { key: null })).status;
    app.fs.faults = [{ at: 0, code: "EIO", sticky: true }];
    await app.done(503, "POST", "/memories", { json: { content: CANARY } });
    assert.deepEqual(await health(app), {
      status: "degraded",
      storage: "read_only",
      disk: "failed",
      integrity: "ok",
    });
    await app.clock.advance(599_999);
    assert.equal(await live(), 200);
    await app.clock.advance(1);
    assert.equal(await live(), 503);
    assert.deepEqual(await app.done(503, "GET", "/health/live", { key: null }), {
      status: "storage_failed",
    });
    await app.done(200, "GET", "/health/ready", { key: null });
    await app.done(200, "GET", "/memories");
    app.fs.faults = [];
    await app.clock.advance(300_000);
    assert.equal(await live(), 200);
    assert.equal((await health(app)).status, "ok");
  });
});

Deno.test("little room is 507 with the wait for what grows, and shows in health", async () => {
  const disk = new SimulatedDisk();
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "fence" } });
    disk.capacityBytes = 500_000;
    await app.clock.advance(10_000);
    assert.deepEqual(await health(app), {
      status: "degraded",
      storage: "ok",
      disk: "low",
      integrity: "ok",
    });
    const refused = await app.call("POST", "/memories", { json: { content: CANARY } });
    assert.deepEqual(
      refused.body,
      problemOf(
        "insufficient_storage",
        507,
        "Cannot store the change: less than 1000000 bytes are free on the disk; make room on it, " +
          "enlarge the volume, or lower MIN_FREE_BYTES",
      ),
    );
    assert.equal(refused.headers.get("retry-after"), "10");
    assert.equal((await app.done(200, "GET", `/memories/${idOf(1)}`)).access_count, 1);
    await app.done(204, "DELETE", `/memories/${idOf(1)}`);
    disk.capacityBytes = undefined;
    await app.clock.advance(10_000);
    assert.equal((await health(app)).status, "ok");
    await app.done(201, "POST", "/memories", { json: { content: "river" } });
  }, { disk, store: { minFreeBytes: 1_000_000 } });
});

Deno.test("on a full disk a DELETE is 204, and its retry too; an export is still to be had", async () => {
  const disk = new SimulatedDisk();
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "fence" } });
    await app.done(201, "POST", "/memories", { json: { content: "coat" } });
    disk.capacityBytes = [...disk.files().values()].reduce((sum, { length }) => sum + length, 20);
    const headers = { "idempotency-key": "once" };
    for (let tries = 0; tries < 3; tries++) {
      await app.done(204, "DELETE", `/memories/${idOf(1)}`, { headers });
    }
    assert.equal((await health(app)).disk, "full");
    const refused = await app.call("PATCH", `/memories/${idOf(2)}`, { json: { tags: [CANARY] } });
    assert.deepEqual(
      refused.body,
      problemOf(
        "insufficient_storage",
        507,
        "Cannot store the change: the disk is full; make room on it or enlarge the volume",
      ),
    );
    await app.done(507, "POST", "/export", { json: { destination: "file" } });
    const { text } = await app.call("POST", "/export", { json: { format: "ndjson" } });
    assert.equal(JSON.parse(text).content, "coat");
    disk.capacityBytes = undefined;
    await app.clock.advance(10_000);
    await app.done(200, "PATCH", `/memories/${idOf(2)}`, { json: { tags: ["warm"] } });
    assert.equal((await health(app)).status, "ok");
  }, { disk });
});

Deno.test("while an fsync hangs, reading goes on, and health says that the disk is slow", async () => {
  const disk = new SimulatedDisk();
  const hung = Promise.withResolvers<void>();
  let isHanging = false;
  const gate = (kind: string) => isHanging && kind === "sync" ? hung.promise : undefined;
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "fence" } });
    isHanging = true;
    const write = app.call("POST", "/memories", { json: { content: "coat" } });
    await app.clock.advance(5_000);
    assert.equal((await health(app)).disk, "ok");
    await app.clock.advance(1);
    assert.deepEqual(await health(app), {
      status: "degraded",
      storage: "ok",
      disk: "slow",
      integrity: "ok",
    });
    assert.deepEqual(await app.ids(), [idOf(1)]);
    assert.equal((await app.done(200, "POST", "/search", { json: { query: "fence" } })).total, 1);
    const waiting = Array.from({ length: 5_000 }, () => {
      return app.call("POST", "/memories", { json: { content: "x" } });
    });
    await app.clock.advance(60_000);
    const over = await app.call("POST", "/memories", { json: { content: "one more" } });
    assert.deepEqual([over.status, over.headers.get("retry-after")], [503, "1"]);
    assert.equal(over.body.type, "urn:second-brain:error:overloaded");
    isHanging = false;
    hung.resolve();
    assert.equal((await write).status, 201);
    for (const reply of await Promise.all(waiting)) assert.equal(reply.status, 201);
    assert.equal((await health(app)).status, "ok");
  }, { disk, simulated: { gate } });
});
