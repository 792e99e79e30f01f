/**
 * What went wrong in other memory services and vector stores, by the names under which it became
 * known: each must not happen here. What concerns assistants is in `mcp_others_mistakes_test.ts`;
 * what concerns Qdrant's filters waits.
 */
import assert from "node:assert/strict";
import { loadConfig } from "../src/config.ts";
import { embeddingKey } from "../src/embedder/cache_row.ts";
import { byKey, door } from "../src/http/auth.ts";
import { FailedAttempts } from "../src/http/failed_attempts.ts";
import { ExportFiles } from "../src/store/export_files.ts";
import { DataFolder } from "../src/store/folder.ts";
import { realFileSystem } from "../src/store/fs.ts";
import { Place } from "./fakes/cache_place.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { type HttpApp, type Json, KEY, withApp } from "./http_app.ts";

const ID = "01990000-0000-7000-8000-000000000001";
const OPEN = ["/health", "/health/live", "/health/ready", "/docs"];

const outside = ({ disk }: HttpApp) =>
  [...disk.files().keys()].filter((path) => !path.startsWith("/data/"));

async function* pieces() {
  yield new Uint8Array(1);
}

/** Asks every route, with bodies that would do something. */
async function askAll(app: HttpApp, key: string | null): Promise<[string, number][]> {
  const seen: [string, number][] = [];
  for (const { method, path, body } of app.app.routes) {
    const json = path === "/import"
      ? [{ id: ID, content: "taken over" }]
      : { content: "taken over" };
    const { status } = await app.call(method, `${path.replace("{id}", ID)}`, {
      key,
      ...(body !== undefined && { json }),
    });
    seen.push([path, status]);
  }
  return seen;
}

const NO_KEY =
  "CVE-2026-31240 to 31245 (mem0), PR 1648 (DeerFlow): nothing is overwritten, deleted or dropped without the key";
Deno.test(NO_KEY, async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { id: ID, content: "mine" } });
    await askAll(app, null);
    await askAll(app, "wrong");
    const { memories, total } = await app.done(200, "GET", "/memories");
    assert.deepEqual([total, memories[0].content], [1, "mine"]);
  });
});

Deno.test("CVE-2026-50027 (mcp-memory-service): no router is without the key", async () => {
  await withApp(async (app) => {
    for (const [path, status] of await askAll(app, null)) {
      assert.deepEqual([path, status], [path, OPEN.includes(path) ? 200 : 401]);
    }
  });
});

Deno.test("issues 4236 and 6080 (OpenMemory): whoever knows an id, but not the key, knows nothing", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { id: ID, content: "mine" } });
    const there = await app.call("GET", `/memories/${ID}`, { key: null });
    const notThere = await app.call("GET", `/memories/${ID.replace("1", "2")}`, { key: null });
    assert.deepEqual([there.status, there.text], [401, notThere.text]);
  });
});

/** Fields and parameters by which others let a caller choose a server, a model, code or a file. */
const CHOICES = [
  "base_url",
  "openai_base_url",
  "api_key",
  "config",
  "embedder",
  "embedding_model",
  "model",
  "provider",
  "trust_remote_code",
  "callback",
  "webhook",
  "url",
  "file",
  "path",
  "snapshot",
  "name",
  "location",
];

async function refusesChoices(app: HttpApp): Promise<void> {
  for (const field of CHOICES) {
    for (const value of ["http://169.254.169.254/", "file:///etc/passwd", "../../evil", {}]) {
      const chosen = { [field]: value };
      await app.done(422, "POST", "/memories", { json: { content: "x", ...chosen } });
      await app.done(422, "POST", "/search", { json: { query: "x", ...chosen } });
      await app.done(422, "POST", "/export", { json: chosen });
      await app.done(422, "POST", "/export", { json: { destination: "file", ...chosen } });
    }
    for (const path of ["/memories", "/stats", "/health", "/docs", "/metrics"]) {
      await app.done(400, "GET", `${path}?${field}=http://169.254.169.254/`);
    }
    await app.done(400, "POST", `/import?${field}=x`, { json: [] });
  }
}

Deno.test("issue 6081 (OpenMemory), CVE-2026-45829 and 45833 (ChromaDB): no request chooses a server, a model or code, and before the key is shown none is even read", async () => {
  await withApp(async (app) => {
    await refusesChoices(app);
    const json = { embedding_model: "evil", trust_remote_code: true };
    await app.done(401, "POST", "/search", { key: null, json });
    for (const path of ["/stats", "/health", "/metrics", "/openapi.json", "/docs"]) {
      const { text } = await app.call("GET", path);
      assert.ok(!text.includes(KEY) && !/api\.openai\.com|sk-[A-Za-z0-9]/.test(text), path);
    }
  });
});

Deno.test("CVE-2024-2221, 3078, 3584 and 3829, GHSA-p9c2-9vq2-gxh8 (Qdrant): no request names a file, to write, to read or to put back", async () => {
  await withApp(async (app) => {
    const before = outside(app);
    for (const name of ["../../etc/cron.d/x", "%2e%2e%2fx", "x\0.json", "/etc/x", "C:\\x"]) {
      await app.done(422, "POST", "/export", { json: { destination: name } });
      await app.done(422, "POST", "/export", { json: { destination: "file", file: name } });
      const path = encodeURIComponent(name);
      for (const route of [`/exports/${path}`, `/export/${path}`, `/snapshots/${path}`]) {
        for (const method of ["GET", "PUT", "POST", "DELETE"]) {
          await app.done(404, method, route);
        }
      }
      await app.done(422, "POST", "/import", { json: { snapshot: name } });
    }
    assert.deepEqual(outside(app), before);
  });
});

Deno.test("GHSA-3v92-w72v-j994 (Qdrant): no byte of a body is taken before the key is checked", async () => {
  await withApp(async (app) => {
    for (const { method, path, body } of app.app.routes) {
      if (body === undefined) continue;
      let pulled = 0;
      const stream = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
      const asked = { key: null, body: stream, type: "application/json" };
      await app.done(401, method, path.replace("{id}", ID), asked);
      assert.deepEqual([path, pulled], [path, 0]);
    }
  });
});

Deno.test("CVE-2026-33010 (mcp-memory-service): no page of elsewhere reads memories, and no reply says * or takes cookies", async () => {
  for (const corsOrigins of [[], ["https://notes.example.com"]]) {
    await withApp(async (app) => {
      for (const origin of ["https://evil.example", "null", ...corsOrigins]) {
        for (const key of [KEY, null]) {
          const { headers } = await app.call("GET", "/memories", { key, headers: { origin } });
          const allowed = corsOrigins.includes(origin) ? origin : null;
          assert.equal(headers.get("access-control-allow-origin"), allowed);
          assert.equal(headers.get("access-control-allow-credentials"), null);
        }
      }
    }, { corsOrigins });
  }
});

Deno.test("CVE-2025-53109 and 53110 (MCP filesystem): a link out of the data folder is not followed, nor a folder that begins like it", async () => {
  using place = new Place();
  const root = `${place.folder}/data`;
  await Deno.mkdir(`${root}-evil`);
  await Deno.mkdir(root);
  await Deno.symlink(`${root}-evil`, `${root}/exports`);
  const folder = new DataFolder(realFileSystem, `${root}/memories.json`, () => "");
  await assert.rejects(folder.requireOwn(), /exports/);
  await assert.rejects(new ExportFiles(realFileSystem, root).write("../data-evil/x", pieces()));
  assert.deepEqual([...Deno.readDirSync(`${root}-evil`)], []);
});

Deno.test("CVE-2025-66414, CVE-2025-66416, CVE-2026-34742 (MCP SDKs): on loopback a name that is led here is refused, without a setting", async () => {
  assert.equal(loadConfig({ env: () => undefined, readFile: () => "" }).host, "127.0.0.1");
  await withApp(async (app) => {
    for (const { method, path } of app.app.routes) {
      const request = new Request(`http://rebound.evil.example:8000${path}`, {
        method,
        headers: { "X-API-Key": KEY, Origin: "http://rebound.evil.example:8000" },
      });
      assert.equal((await app.app.fetch(request)).status, 421);
    }
  }, { host: "127.0.0.1" });
});

Deno.test("CVE-2026-29787 (mcp-memory-service): health tells a stranger neither a path nor a number of anything", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x", tags: ["secret-tag"] } });
    for (const path of ["/health/detailed", "/health/db", "/api/health/detailed"]) {
      await app.done(401, "GET", path, { key: null });
      await app.done(404, "GET", path);
    }
    const { uptime_seconds, version, ...rest } = await app.done(200, "GET", "/health", {
      key: null,
    });
    assert.deepEqual([typeof uptime_seconds, typeof version], ["number", "string"]);
    assert.doesNotMatch(JSON.stringify(rest), /[/\\]|\d|secret-tag|linux|deno/i);
  });
});

Deno.test("CVE-2026-44830 (Nocturne Memory), CVE-2026-46701 and 48814 (Network-AI): an empty key never means no key is needed", async () => {
  for (const key of ["", " ", "\t\n", undefined]) {
    const env = { ENVIRONMENT: "production", CONTAINER_API_KEY: key };
    const source = { env: (name: string) => new Map(Object.entries(env)).get(name) };
    assert.throws(() => loadConfig({ ...source, readFile: () => "" }), /CONTAINER_API_KEY/);
  }
  assert.throws(() => door(byKey(() => [""]), new FailedAttempts(new FakeClock())), /empty/);
  await withApp(async (app) => {
    for (const value of ["", "Bearer", "Bearer ", "Bearer null", "Bearer undefined"]) {
      await app.done(401, "GET", "/stats", { key: null, headers: { authorization: value } });
      await app.done(401, "GET", "/stats", { key: null, headers: { "x-api-key": value } });
    }
  });
});

Deno.test("CVE-2026-7597 and CVE-2026-115324 (mem0): a text is stored, never run, in the cache's database too", async () => {
  using place = new Place();
  const texts = ["'); DROP TABLE embeddings; --", '" OR 1=1 --', "x'; ATTACH '/tmp/x' AS x; --"];
  const cache = place.open();
  for (const [n, text] of texts.entries()) {
    await cache.put([{ key: embeddingKey(text, undefined, text), vector: Float32Array.of(n, 1) }]);
  }
  const found = await cache.get(texts.map((text) => embeddingKey(text, undefined, text)));
  assert.deepEqual(found, texts.map((_, n) => Float32Array.of(n, 1)));
  // Neither pickles nor anything else that runs: a file that is no cache is moved aside.
  using other = new Place();
  await Deno.writeTextFile(other.path, "cos\nsystem\n(S'touch pwned'\ntR.");
  assert.deepEqual(await other.open().get([embeddingKey("a", undefined, "a")]), [undefined]);
  assert.equal(other.quarantined().length, 1);
});

Deno.test("CVE-2026-26030 (Semantic Kernel), CVE-2026-55405 (LangChain4j), CVE-2026-59369 (Spring AI): a filter's names and values are compared, never run or spliced", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x", metadata: { a: "1" } } });
    const evil = [
      "lambda: __import__('os').system('id')",
      "globalThis.pwned = true",
      "${globalThis.pwned = true}",
      "a' OR '1'='1",
      'a" == "1" || "',
      "a'] == '1' || $['a",
      "1) OR (1=1",
    ];
    for (const text of evil) {
      for (const metadata of [{ [text]: "1" }, { a: text }, { [text]: text }]) {
        const json: Json = { query: "x", filters: { metadata } };
        assert.equal((await app.done(200, "POST", "/search", { json })).total, 0, text);
      }
    }
    assert.ok(!("pwned" in globalThis));
  });
});

Deno.test("CVE-2026-44430 (MCP registry): no address that stands for another passes for one's own network", () => {
  const foreign = [
    "http://169.254.169.254",
    "http://[64:ff9b::a9fe:a9fe]",
    "http://[2002:a9fe:a9fe::]",
    "http://[::ffff:169.254.169.254]",
    "http://0x0a.example.com",
    "http://10.0.0.1.evil.example",
    "http://user@10.0.0.1",
    "file:///etc/passwd",
  ];
  for (const address of foreign) {
    const env = (name: string) => name === "OPENAI_BASE_URL" ? address : undefined;
    assert.throws(() => loadConfig({ env, readFile: () => "" }), /OPENAI_BASE_URL/, address);
  }
});

Deno.test("CVE-2024-43396 (Khoj): what a memory says is never a page", async () => {
  const script = "<script>alert(document.domain)</script><img src=x onerror=alert(1)>";
  await withApp(async (app) => {
    const json = { id: ID, content: script, tags: ["<b>"], metadata: { "<i>": script } };
    await app.done(201, "POST", "/memories", { json });
    const replies = [
      await app.call("GET", `/memories/${ID}`),
      await app.call("GET", "/memories"),
      await app.call("POST", "/search", { json: { query: "alert" } }),
      await app.call("POST", "/export"),
      await app.call("GET", `/memories/${encodeURIComponent(script)}`),
      await app.call("GET", `/memories?${encodeURIComponent(script)}=1`),
    ];
    for (const { headers } of replies) {
      assert.match(headers.get("content-type") ?? "", /^application\/(problem\+)?json/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    }
    assert.match(replies[3]?.headers.get("content-disposition") ?? "", /^attachment; /);
    assert.ok(!(await app.call("GET", "/docs")).text.includes("alert(document.domain)"));
  });
});
