/** The service about itself; and what it says while the disk is full, failing, or at its limit. */
import assert from "node:assert/strict";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type Json, KEY, problemOf, VERSION, withApp } from "./http_app.ts";

const HEALTHY = {
  status: "ok",
  version: VERSION,
  uptime_seconds: 0,
  checks: {
    service: "ready",
    storage: "ok",
    disk: "ok",
    integrity: "ok",
    embeddings: "off",
    vector_store: "ok",
    backup: "off",
  },
};

const NO_STATS = {
  total_memories: 0,
  memories_by_type: { semantic: 0, episodic: 0, procedural: 0 },
  average_importance: null,
  top_tags: [],
  integrity: { status: "ok", damage: [] },
  backups: { last_at: null, last_file: null, kept: 0 },
  embeddings: {
    provider: "fake",
    model: "fake-1",
    dimensions: null,
    indexed: 0,
    pending: 0,
    failed: 0,
    cache_full: false,
    reindexing: null,
  },
  vector_store: { kind: "memory", status: "ok", pending: 0, detail: null },
  created_first_at: null,
  created_last_at: null,
  uptime_seconds: 0,
  version: VERSION,
};

const storageOf = (journal_bytes: number) => ({
  memories_bytes: 0,
  journal_bytes,
  embeddings_bytes: 0,
  exports_bytes: 0,
  quota_bytes: 1_000_000,
});

Deno.test("the stats of an empty brain, and of one with memories, are these", async () => {
  await withApp(async (app) => {
    const empty = await app.done(200, "GET", "/stats");
    const before = empty.storage.journal_bytes;
    assert.deepEqual(empty, { ...NO_STATS, storage: storageOf(before) });
    const tags = Array.from({ length: 25 }, (_, n) => `t${String(n).padStart(2, "0")}`);
    const first = "2020-01-01T00:00:00.000Z", last = "2030-01-01T00:00:00.000Z";
    for (
      const json of [
        { content: "a", importance_score: 0.1, tags, created_at: last },
        { content: "b", importance_score: 0.2, tags: ["t24"], memory_type: "episodic" },
        { content: "c", importance_score: 0.2, tags: ["__proto__"], created_at: first },
        { content: "d", id: idOf(9), tags: ["t24"] },
      ]
    ) await app.done(201, "POST", "/memories", { json });
    await app.done(204, "DELETE", `/memories/${idOf(9)}`);
    await app.clock.advance(61_999);
    const full = await app.done(200, "GET", "/stats");
    assert.deepEqual(full, {
      ...NO_STATS,
      total_memories: 3,
      memories_by_type: { semantic: 2, episodic: 1, procedural: 0 },
      average_importance: 0.166667,
      top_tags: [
        { tag: "t24", count: 2 },
        { tag: "__proto__", count: 1 },
        ...tags.slice(0, 18).map((tag) => ({ tag, count: 1 })),
      ],
      storage: storageOf(full.storage.journal_bytes),
      embeddings: { ...NO_STATS.embeddings, dimensions: 4, indexed: 3 },
      created_first_at: first,
      created_last_at: last,
      uptime_seconds: 61,
    });
    assert.ok(full.storage.journal_bytes > before);
  }, { embedder: new FakeEmbedder(), limits: { memories: 0, bytes: 1_000_000 } });
});

Deno.test("health and its probes say in words how it is", async () => {
  await withApp(async (app) => {
    assert.deepEqual(await app.done(200, "GET", "/health", { key: null }), HEALTHY);
    assert.deepEqual(await app.done(200, "GET", "/health/live", { key: null }), { status: "ok" });
    assert.deepEqual(await app.done(200, "GET", "/health/ready", { key: null }), { status: "ok" });
  });
});

Deno.test("metrics count requests by route and status, and name no id, method or path of a client", async () => {
  await withApp(async (app) => {
    const { id } = await app.done(201, "POST", "/memories", { json: { content: CANARY } });
    for (let n = 0; n < 3; n++) await app.done(200, "GET", `/memories/${id}`);
    await app.done(404, "GET", `/memories/${idOf(77)}`);
    await app.done(404, "GET", `/${CANARY}`);
    await app.done(405, CANARY, "/memories");
    const { text, headers } = await app.call("GET", "/metrics");
    assert.match(headers.get("content-type") ?? "", /^text\/plain/);
    const lines = text.split("\n");
    for (
      const line of [
        'second_brain_http_requests_total{method="POST",route="/memories",status="201"} 1',
        'second_brain_http_requests_total{method="GET",route="/memories/{id}",status="200"} 3',
        'second_brain_http_requests_total{method="GET",route="/memories/{id}",status="404"} 1',
        'second_brain_http_requests_total{method="GET",route="none",status="404"} 1',
        'second_brain_http_requests_total{method="OTHER",route="/memories",status="405"} 1',
        'second_brain_http_request_duration_seconds_count{method="POST",route="/memories"} 1',
        "second_brain_memories 1",
        "second_brain_read_only 0",
      ]
    ) assert.ok(lines.includes(line), `${line}\n${text}`);
    assert.ok(!text.includes(CANARY) && !text.includes(id));
    for (const line of lines.filter((line) => line !== "" && !line.startsWith("#"))) {
      assert.match(line, /^second_brain_[a-z_]+(\{[^}]*(\{id\}[^}]*)*\})? -?[\d.e+]+$/);
    }
  });
});

Deno.test("the document and the page are served as what they are", async () => {
  await withApp(async (app) => {
    const { openapi, info } = await app.done(200, "GET", "/openapi.json");
    assert.deepEqual([openapi, info.version], ["3.1.0", VERSION]);
    const { text, headers } = await app.call("GET", "/docs", { key: null });
    assert.ok(text.startsWith("<!doctype html>") && !text.includes(KEY));
    assert.equal(headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(headers.get("content-security-policy") ?? "", /script-src 'sha256-/);
  });
});

const WRITES: readonly [string, string, Json][] = [
  ["POST", "/memories", { content: "x" }],
  ["PUT", `/memories/${idOf(1)}`, { content: "y" }],
  ["PATCH", `/memories/${idOf(1)}`, { content: "y" }],
  ["POST", "/import", [{ content: "x" }]],
];

Deno.test("at the most memories no more are taken, and the others go on", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x" } });
    const detail =
      "Cannot store more memories: 1 of 1 are there; delete some or raise MAX_MEMORIES";
    const wanted = problemOf("insufficient_storage", 507, detail);
    const json = { content: "y" };
    assert.deepEqual(await app.done(507, "POST", "/memories", { json }), wanted);
    assert.deepEqual(await app.done(507, "POST", "/import", { json: [json] }), wanted);
    await app.done(200, "PUT", `/memories/${idOf(1)}`, { json: { content: "longer than it was" } });
    await app.done(204, "DELETE", `/memories/${idOf(1)}`);
    const many = await Promise.all(
      Array.from({ length: 20 }, () => app.call("POST", "/memories", { json })),
    );
    assert.equal(many.filter(({ status }) => status === 201).length, 1);
    assert.equal((await app.ids()).length, 1);
  }, { limits: { memories: 1, bytes: 0 } });
});

Deno.test("a full disk is 507 and changes nothing; reading and searching go on", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "fence" } });
    app.fs.faults = [{ at: 0, code: "ENOSPC", sticky: true, only: (kind) => kind === "write" }];
    for (const [method, path, json] of WRITES) {
      const { type } = await app.done(507, method, path, { json });
      assert.equal(type, "urn:second-brain:error:insufficient_storage");
    }
    // Documented too, which every reply in these tests is held against.
    await app.done(507, "DELETE", `/memories/${idOf(1)}`);
    assert.equal((await app.done(200, "GET", `/memories/${idOf(1)}`)).content, "fence");
    assert.equal((await app.done(200, "POST", "/search", { json: { query: "fence" } })).total, 1);
    app.fs.faults = [];
    await app.clock.advance(10_000);
    await app.done(200, "PUT", `/memories/${idOf(1)}`, { json: { content: "river" } });
    assert.deepEqual(await app.ids(), [idOf(1)]);
  });
});

Deno.test("a failed disk is 503 with the wait: unknown once, then read-only, then well by itself", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "fence" } });
    app.fs.faults = [{ at: 0, code: "EIO", sticky: true }];
    const headers = { "idempotency-key": "again" };
    const asked = { json: { content: CANARY }, headers };
    const unknown = await app.call("POST", "/memories", asked);
    assert.deepEqual([unknown.status, unknown.body.type], [
      503,
      "urn:second-brain:error:storage_failed",
    ]);
    assert.match(unknown.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    for (const [method, path, json] of WRITES) {
      const refused = await app.call(method, path, { json });
      assert.deepEqual(
        refused.body,
        problemOf("read_only", 503, "Cannot write: the disk failed and is being recovered"),
      );
      assert.equal(refused.headers.get("retry-after"), "5");
    }
    const { status, checks } = await app.done(200, "GET", "/health", { key: null });
    assert.deepEqual([status, checks.storage], ["degraded", "read_only"]);
    assert.equal((await app.done(200, "GET", `/memories/${idOf(1)}`)).content, "fence");
    assert.match((await app.call("GET", "/metrics")).text, /^second_brain_read_only 1$/m);
    app.fs.faults = [];
    await app.clock.advance(10 * 60_000);
    assert.equal((await app.done(200, "GET", "/health", { key: null })).status, "ok");
    const made = await app.done(201, "POST", "/memories", asked);
    assert.deepEqual(await app.done(201, "POST", "/memories", asked), made);
    assert.deepEqual((await app.ids()).length, 2);
  });
});
