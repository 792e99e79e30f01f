/** Imports that meet what is there, and exports that come back as they went. */
import assert from "node:assert/strict";
import { KeepingFakeEmbedder } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type HttpApp, type Json, NOW, problemOf, withApp } from "./http_app.ts";

const NDJSON = "application/x-ndjson";
const OLD = "2025-01-01T00:00:00.000Z";
const NEW = "2027-01-01T00:00:00.000Z";

/** Content of each memory by the last digit of its id. */
async function held(app: HttpApp): Promise<string> {
  const { memories } = await app.done(200, "GET", "/memories?limit=100");
  return memories.map(({ id, content }: Json) => `${id.slice(-1)}:${content}`).toSorted().join(" ");
}

/** With 1 and 2 in it, both updated at NOW. */
function withTwo(test: (app: HttpApp) => Promise<void>): Promise<void> {
  return withApp(async (app) => {
    for (const n of [1, 2]) {
      await app.done(201, "POST", "/memories", { json: { content: "was", id: idOf(n) } });
    }
    await test(app);
  });
}

/** 1 older, 2 newer, 3 not there, and 3 again, newer. */
const FILE = [
  { id: idOf(1), content: "old", updated_at: OLD },
  { id: idOf(2), content: "new", updated_at: NEW },
  { id: idOf(3), content: "first", updated_at: OLD },
  { id: idOf(3), content: "second", updated_at: NEW },
];

const WAS = "1:was 2:was";
const taken = (...indexes: number[]) =>
  indexes.map((index) => ({ index, id: FILE[index]?.id, reason: "id is taken" }));

Deno.test("every way to meet what is there, with every way to take a fault", async () => {
  const bad = {
    index: 4,
    id: null,
    reason: "content Invalid input: expected string, received undefined",
  };
  /** on_conflict, with a bad record or not, counts, what is held after. */
  const table: [string, boolean, Json, string][] = [
    ["skip", false, { imported: 1, skipped: 3 }, "1:was 2:was 3:first"],
    ["overwrite", false, { imported: 1, updated: 2, skipped: 1 }, "1:old 2:new 3:second"],
    ["newest", false, { imported: 1, updated: 1, skipped: 2 }, "1:was 2:new 3:second"],
    ["error", false, { imported: 1, failed: 3, errors: taken(3, 0, 1) }, "1:was 2:was 3:first"],
    ["skip", true, { imported: 1, skipped: 3, failed: 1, errors: [bad] }, "1:was 2:was 3:first"],
    [
      "overwrite",
      true,
      { imported: 1, updated: 2, skipped: 1, failed: 1, errors: [bad] },
      "1:old 2:new 3:second",
    ],
    [
      "newest",
      true,
      { imported: 1, updated: 1, skipped: 2, failed: 1, errors: [bad] },
      "1:was 2:new 3:second",
    ],
    [
      "error",
      true,
      { imported: 1, failed: 4, errors: [...taken(3), bad, ...taken(0, 1)] },
      "1:was 2:was 3:first",
    ],
  ];
  for (const [conflict, withBad, counts, after] of table) {
    const records = withBad ? [...FILE, {}] : FILE;
    const sum = ["imported", "updated", "skipped", "failed"].reduce(
      (n, name) => n + (counts[name] ?? 0),
      0,
    );
    assert.equal(sum, records.length, "every record is counted once");
    const errors = (counts.errors ?? []).toSorted((a: Json, b: Json) => a.index - b.index);
    const report = { imported: 0, updated: 0, skipped: 0, failed: 0, ...counts, errors };
    for (const onError of ["abort", "skip"]) {
      for (const dryRun of [false, true]) {
        const which = `on_conflict=${conflict}&on_error=${onError}&dry_run=${dryRun}`;
        await withTwo(async (app) => {
          const { status, body } = await app.call("POST", `/import?${which}`, { json: records });
          const aborted = onError === "abort" && errors.length > 0;
          const told = aborted ? undefined : { ...report, dry_run: dryRun };
          const only = errors.every(({ reason }: Json) => reason === "id is taken");
          const wanted = aborted ? only ? 409 : 422 : 200;
          assert.deepEqual([which, status, aborted ? undefined : body], [which, wanted, told]);
          assert.equal(await held(app), aborted || dryRun ? WAS : after, which);
        });
      }
    }
  }
});

Deno.test("`newest` takes what is newer, and leaves what is as new", async () => {
  await withTwo(async (app) => {
    const json = [
      { id: idOf(1), content: "same", updated_at: NOW },
      { id: idOf(2), content: "newer", updated_at: "2026-01-31T12:00:00.001Z" },
      { id: idOf(2), content: "as new", updated_at: "2026-01-31T14:00:00.001+02:00" },
    ];
    const report = await app.done(200, "POST", "/import?on_conflict=newest", { json });
    assert.deepEqual([report.updated, report.skipped], [1, 2]);
    assert.equal(await held(app), "1:was 2:newer");
  });
});

Deno.test("an overwritten memory is replaced whole, but for when it was made where nobody says", async () => {
  await withTwo(async (app) => {
    await app.done(200, "PUT", `/memories/${idOf(1)}`, {
      json: { tags: ["a"], metadata: { a: 1 } },
    });
    await app.done(200, "GET", `/memories/${idOf(1)}`);
    await app.clock.advance(1000);
    const json = [{ id: idOf(1), content: "now" }, {
      id: idOf(2),
      content: "then",
      created_at: OLD,
    }];
    await app.done(200, "POST", "/import?on_conflict=overwrite", { json });
    const [first, second] = (await app.done(200, "GET", "/memories")).memories;
    const later = "2026-01-31T12:00:01.000Z";
    assert.deepEqual(
      [first.content, first.tags, first.metadata, first.created_at, first.updated_at],
      ["now", [], {}, NOW, later],
    );
    assert.deepEqual([second.created_at, second.updated_at], [OLD, OLD]);
  });
});

Deno.test("an import over a limit is 507 and leaves nothing behind", async () => {
  const limits = [{ memories: 3, bytes: 0 }, { memories: 0, bytes: 4000 }];
  const details = [
    "Cannot store more memories: 2 of 3 are there; delete some or raise MAX_MEMORIES",
    /^Cannot store more: \d+ of 4000 bytes are used; delete memories or exports, or raise STORAGE_QUOTA_BYTES$/,
  ];
  for (const [at, limit] of limits.entries()) {
    await withApp(async (app) => {
      for (const n of [1, 2]) {
        await app.done(201, "POST", "/memories", { json: { content: "was", id: idOf(n) } });
      }
      const big = { content: "x".repeat(2000) };
      const { detail, type } = await app.done(507, "POST", "/import", { json: [big, big] });
      assert.equal(type, "urn:second-brain:error:insufficient_storage");
      const wanted = details[at] ?? assert.fail();
      if (typeof wanted === "string") assert.equal(detail, wanted);
      else assert.match(detail, wanted);
      assert.equal(await held(app), WAS);
      // What does not grow goes on.
      const same = [{ id: idOf(1), content: "now" }];
      await app.done(200, "POST", "/import?on_conflict=overwrite", { json: same });
      await app.done(204, "DELETE", `/memories/${idOf(2)}`);
      await app.done(200, "POST", "/import", { json: [{ content: "x" }, { content: "y" }] });
    }, { limits: limit, firstId: 100 });
  }
});

Deno.test("imports at once, and writers beside them, end as if one came after the other", async () => {
  await withTwo(async (app) => {
    const file = (text: string) =>
      [1, 2].map((n) => ({ id: idOf(n), content: text, metadata: { [text]: 1 } }));
    const imports = ["a", "b", "c"].map((text) =>
      app.call("POST", "/import?on_conflict=overwrite", { json: file(text) })
    );
    const patches = Array.from(
      { length: 20 },
      (_, n) => app.call("PATCH", `/memories/${idOf(1)}`, { json: { metadata: { [`k${n}`]: 1 } } }),
    );
    const replies = await Promise.all([...imports, ...patches]);
    assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
    const { content, metadata } = await app.done(200, "GET", `/memories/${idOf(1)}`);
    // A patch that read the memory before an import must not bring that memory back.
    const texts = Object.keys(metadata).filter((key) => !key.startsWith("k"));
    assert.deepEqual(texts, [content]);
  });
});

const RICH = [
  { content: `${CANARY} \u2028 "\\ \u{1f600}`, tags: ["a", "b"], embedding: [0.1, -1e-7, 3.4e38] },
  {
    content: "two",
    memory_type: "procedural",
    importance_score: 1 / 3,
    created_at: OLD,
    metadata: { a: [1, { b: null }], "": 0 },
  },
  { content: "three", metadata: { "10": 1, "9": 2, thread_id: "t" } },
];

Deno.test("exported, wiped, imported and exported again, the bytes differ in their date only", async () => {
  for (const format of ["json", "ndjson"]) {
    for (const include_embeddings of [false, true]) {
      const asked = { json: { format, include_embeddings } };
      await withApp(async (app) => {
        for (const json of RICH) await app.done(201, "POST", "/memories", { json });
        const body = RICH.map((_, n) => `{"content":"own","metadata":{"__proto__":{"n":${n}}}}`)
          .join("\n");
        await app.done(200, "POST", "/import", { body, type: NDJSON });
        await app.done(200, "GET", `/memories/${idOf(2)}`);
        await app.clock.advance(60_000);
        await app.clock.until(app.brain.indexer.idle());
        const first = await app.call("POST", "/export", asked);
        assert.equal(first.text.includes('"embedding"'), include_embeddings);
        for (const id of await app.ids()) await app.done(204, "DELETE", `/memories/${id}`);
        await app.clock.until(app.brain.indexer.idle());
        const type = first.headers.get("content-type") ?? "";
        const report = await app.done(200, "POST", "/import", { body: first.text, type });
        assert.deepEqual([report.imported, report.failed], [6, 0]);
        await app.clock.advance(1000);
        const second = await app.call("POST", "/export", asked);
        const undated = (text: string) => text.replace(/"exported_at":"[^"]*"/, "");
        assert.equal(undated(second.text), undated(first.text));
        assert.equal(second.text === first.text, format === "ndjson");
        assert.equal((await app.ids()).length, 6);
      }, { embedder: Object.assign(new KeepingFakeEmbedder(), { length: 3 }) });
    }
  }
});

Deno.test("an export says how much it holds, and can leave out what a provider makes again", async () => {
  await withApp(async (app) => {
    for (const json of RICH) await app.done(201, "POST", "/memories", { json });
    await app.clock.until(app.brain.indexer.idle());
    const vectorsIn = async (include_embeddings: unknown) => {
      const asked = { json: { format: "ndjson", include_embeddings } };
      const { text, headers } = await app.call("POST", "/export", asked);
      assert.equal(headers.get("x-total-count"), "3");
      return text.trimEnd().split("\n").map((line) => line.includes('"embedding"'));
    };
    assert.deepEqual(await vectorsIn("own"), [true, false, false]);
    assert.deepEqual(await vectorsIn(true), [true, true, true]);
    assert.deepEqual(await vectorsIn(false), [false, false, false]);
    await app.done(422, "POST", "/export", { json: { include_embeddings: "all" } });
  }, { embedder: Object.assign(new KeepingFakeEmbedder(), { length: 3 }) });
});

Deno.test("an export has a safe name, and one to a file lies in the data folder as it would be sent", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: RICH[0] });
    const sent = await app.call("POST", "/export", { json: { format: "ndjson" } });
    const disposition = /^attachment; filename="export-20260131T120000000Z-\d{8}\.ndjson"$/;
    assert.match(sent.headers.get("content-disposition") ?? "", disposition);
    assert.equal(sent.headers.get("content-type"), NDJSON);
    const { status, body } = await app.call("POST", "/export", {
      json: { format: "ndjson", destination: "file" },
    });
    assert.equal(status, 201);
    const file = app.disk.files().get(`/data/${body.file}`) ?? assert.fail("no such file");
    assert.equal(new TextDecoder().decode(file), sent.text);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", file.slice())).toHex();
    assert.match(body.file, /^exports\/export-20260131T120000000Z-\d{8}\.ndjson$/);
    const { file: name } = body;
    assert.deepEqual(body, { file: name, bytes: file.length, sha256: hash, total_memories: 1 });
    const { storage } = await app.done(200, "GET", "/stats");
    assert.equal(storage.exports_bytes, file.length);
  });
});

Deno.test("an export holds the memories of the moment it began", async () => {
  await withApp(async (app) => {
    for (let n = 0; n < 3; n++) {
      await app.done(201, "POST", "/memories", { json: { content: `${n}` } });
    }
    const { pieces } = app.brain.exports.stream({ format: "ndjson", includeEmbeddings: false });
    await app.done(204, "DELETE", `/memories/${idOf(1)}`);
    await app.done(200, "PUT", `/memories/${idOf(2)}`, { json: { content: "late" } });
    await app.done(201, "POST", "/memories", { json: { content: "late" } });
    const text = new TextDecoder().decode((await Array.fromAsync(pieces))[0]);
    const contents = text.trimEnd().split("\n").map((line) => JSON.parse(line).content);
    assert.deepEqual(contents, ["0", "1", "2"]);
  });
});

Deno.test("an export to a file that the quota has no room for is 507 and leaves no file", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x".repeat(700) } });
    const { detail } = await app.done(507, "POST", "/export", { json: { destination: "file" } });
    assert.match(detail, /^Cannot store more: /);
    const left = [...app.disk.files().keys()].filter((path) => path.includes("exports"));
    assert.deepEqual(left, []);
    assert.deepEqual(
      await app.done(507, "POST", "/memories", { json: { content: "x".repeat(700) } }),
      problemOf("insufficient_storage", 507, detail),
    );
  }, { limits: { memories: 0, bytes: 1400 } });
});
