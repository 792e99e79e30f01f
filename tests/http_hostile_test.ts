/**
 * Requests that are meant to hurt: documents that cost far more than their bytes, names that mean
 * something to the language or to a file system, characters that break out of a line.
 */
import assert from "node:assert/strict";
import { withPauses } from "./pauses.ts";
import { type Asked, type HttpApp, type Json, KEY, withApp } from "./http_app.ts";

const json = "application/json";
const NDJSON = "application/x-ndjson";
/** Eight megabytes of JSON that were read in one go would take seconds. */
const MOST_MS = 500;

/** Documents of about so many bytes, unless a few do as well. */
const COSTLY: Readonly<Record<string, (bytes: number) => string>> = {
  "levels": (bytes) => "[".repeat(bytes / 2) + "]".repeat(bytes / 2),
  "100,000 levels": () => "[".repeat(100_000) + "]".repeat(100_000),
  "levels of objects": (bytes) => '{"a":'.repeat(bytes / 6) + "1" + "}".repeat(bytes / 6),
  "keys": (bytes) =>
    `{${Array.from({ length: bytes / 12 }, (_, i) => `"k${i.toString(36)}":1`).join()}}`,
  "the same key": (bytes) => `{${'"a":1,'.repeat(bytes / 6)}"a":1}`,
  "numbers": (bytes) => `[${"1,".repeat(bytes / 2)}1]`,
  "objects": (bytes) => `[${"{},".repeat(bytes / 3)}1]`,
  "texts": (bytes) => `[${'"",'.repeat(bytes / 3)}1]`,
  "lines": (bytes) => "{}\n".repeat(bytes / 3),
  "a long content": (bytes) => `{"content":"${"x".repeat(bytes)}"}`,
  "a content of escapes": (bytes) => `{"content":"${'\\"'.repeat(bytes / 2)}"}`,
  "a long query": (bytes) => `{"query":"${"a ".repeat(bytes / 2)}"}`,
  "many digits": (bytes) => `{"content":"x","importance_score":${"1".repeat(bytes)}}`,
  "a number beyond numbers": () => '{"content":"x","importance_score":1e999}',
  "NaN": () => '{"content":"x","importance_score":NaN}',
  "2^53 + 1": () => '{"content":"x","metadata":{"n":9007199254740993}}',
  "half a pair": () => '{"content":"x \\ud800"}',
  "blanks": (bytes) => " ".repeat(bytes),
};

Deno.test(`a document that costs more than its bytes is refused, and holds nobody up for ${MOST_MS} ms`, async () => {
  const MIB = 1 << 20;
  const waits: [number, string][] = [];
  await withApp(async (app) => {
    for (const [name, document] of Object.entries(COSTLY)) {
      for (
        const [path, type, bytes] of [
          ["/memories", json, 8 * MIB - 100],
          ["/search", json, 8 * MIB - 100],
          // As much as it may be, and slow for it, but never in one go.
          ["/import", json, MIB / 4],
          ["/import", NDJSON, MIB / 4],
        ] as const
      ) {
        const body = document(bytes);
        const call = () => app.call("POST", path, { body, type });
        const { longestMs, result: { status, text } } = await withPauses(call);
        waits.push([longestMs, `${name} to ${path} as ${type}`]);
        // An import of no line at all is one; anything else is refused.
        const isNothing = name === "blanks" && type === NDJSON;
        assert.ok(isNothing || status >= 400 && status < 500, `${name} to ${path}: ${status}`);
        assert.ok(text.length < 30_000, `${name}: a reply of ${text.length}`);
      }
    }
    assert.deepEqual(await app.ids(), []);
  });
  const [[longestMs, name] = [0, ""]] = waits.toSorted(([a], [b]) => b - a);
  console.log(
    `${waits.length} documents; the longest pause was ${longestMs.toFixed()} ms: ${name}`,
  );
  assert.ok(longestMs < MOST_MS, `${name}: ${longestMs} ms`);
});

/** Names with a meaning of their own somewhere. */
const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "then",
  "length",
  "constructor.prototype",
  "..",
  "../../etc/passwd",
  "..%2f..%2fetc%2fpasswd",
  "%2e%2e%2f",
  "..\\..\\windows",
  "/etc/passwd",
  "C:\\con",
  "NUL",
  "a\0b",
  "%00",
  "a".repeat(60),
  "\u202etxt.exe",
  "a\u2028b",
  "\r\nSet-Cookie: a=b\r\n\r\n",
  "\x1b[2J",
  '","level":"error',
  "$where",
  "'; DROP TABLE memories; --",
  "{{7*7}}",
  "<script>alert(1)</script>",
  ".*",
  "(a+)+$",
];

/** What every object has from its prototypes: nothing of it may be added, lost or replaced. */
function inherited(): unknown {
  return [Object, Array, Function, String, Number, Map, Promise].map((made) =>
    Reflect.ownKeys(made.prototype).map((name) => [
      String(name),
      Object.getOwnPropertyDescriptor(made.prototype, name),
    ])
  );
}

/** JSON with that name as a key: an object literal could not say `__proto__`. */
const keyed = (name: string, value: Json) => `{${JSON.stringify(name)}:${JSON.stringify(value)}}`;

async function sendEverywhere(app: HttpApp, name: string): Promise<void> {
  const text = JSON.stringify(name);
  const inPath = encodeURIComponent(name);
  const requests: [string, string, Asked][] = [
    ["POST", "/memories", { body: `{"content":"x",${text}:${text}}`, type: json }],
    ["POST", "/memories", { body: `{"content":"x","memory_type":${text}}`, type: json }],
    ["POST", "/memories", { body: `{"content":"x","id":${text}}`, type: json }],
    ["GET", `/memories/${inPath}`, {}],
    ["DELETE", `/memories/${inPath}`, {}],
    ["GET", `/${inPath}`, {}],
    ["GET", `/memories?${inPath}=1`, {}],
    ["GET", `/memories?sort=${inPath}`, {}],
    ["GET", `/memories?cursor=${inPath}`, {}],
    ["POST", "/search", { body: `{"query":"x","filters":{${text}:1}}`, type: json }],
    ["POST", "/search", { body: `{"query":"x","mode":${text}}`, type: json }],
    ["POST", "/export", { body: `{"destination":${text}}`, type: json }],
    ["POST", "/export", { body: `{"format":${text}}`, type: json }],
    ["POST", "/export", { body: `{"destination":"file","file":${text}}`, type: json }],
    ["POST", `/import?on_conflict=${inPath}`, { body: "[]", type: json }],
    ["POST", "/import", { body: `{${text}:1}`, type: json }],
    ["POST", "/memories", { body: "{}", type: `text/${inPath}` }],
  ];
  for (const [method, path, asked] of requests) {
    const { status } = await app.call(method, path, asked);
    assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`);
  }
}

Deno.test("names that mean something elsewhere are data here, or refused: on the way in, in filters, and on the way out", async () => {
  const before = inherited();
  await withApp(async (app) => {
    for (const [n, name] of NAMES.entries()) {
      const metadata = keyed(name, { [name]: [name], polluted: true });
      const body = `{"content":"${n}","tags":[${JSON.stringify(name)}],"metadata":${metadata}}`;
      const made = await app.call("POST", "/memories", { body, type: json });
      assert.equal(made.status, 201, made.text);
      assert.ok(made.text.includes(`"metadata":${metadata}`), made.text);
      assert.deepEqual(made.body.tags, [name.trim()]);
      const path = `/memories/${made.body.id}`;
      const patch = { body: `{"metadata":${keyed(name, { more: 1 })}}`, type: json };
      const patched = await app.call("PATCH", path, patch);
      assert.deepEqual([patched.status, Object.keys(patched.body.metadata)], [200, [name]]);
      const filters = `{"tags":[${JSON.stringify(name.trim())}],"metadata":${
        JSON.stringify(patched.body.metadata)
      }}`;
      const search = `{"query":"${n}","filters":${filters}}`;
      const { results } = await app.done(200, "POST", "/search", { body: search, type: json });
      assert.deepEqual(results.map(({ memory }: Json) => memory.id), [made.body.id], name);
      const tag = encodeURIComponent(name.trim());
      assert.equal((await app.done(200, "GET", `/memories?tag=${tag}`)).total, 1);
      await sendEverywhere(app, name);
      assert.deepEqual(inherited(), before, name);
    }
    const { text: exported } = await app.call("POST", "/export");
    await withApp(async (other) => {
      const imported = await other.done(200, "POST", "/import", { body: exported, type: json });
      assert.equal(imported.imported, NAMES.length);
      const { text } = await other.call("POST", "/export");
      const memories = (document: string) => document.slice(document.indexOf("["));
      assert.equal(memories(text), memories(exported));
    });
    assert.equal(app.logged.filter((line) => /\n./.test(line) || !line.endsWith("\n")).length, 0);
    assert.ok(!app.logged.some((line) => /passwd|DROP TABLE|alert|\\u001b|Set-Cookie/.test(line)));
  });
  assert.deepEqual(inherited(), before);
});

Deno.test("a filter is compared, never run: what is a pattern or a program elsewhere finds only itself", async () => {
  await withApp(async (app) => {
    const memory = {
      content: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
      tags: ["a"],
      metadata: { a: "a" },
    };
    await app.done(201, "POST", "/memories", { json: memory });
    for (
      const pattern of [".*", "a*", "^a", "(a+)+$", "a|b", "[a]", "%", "_", "$ne", "1||1", "*"]
    ) {
      for (
        const filters of [
          { tags: [pattern] },
          { tags_any: [pattern] },
          { metadata: { a: pattern } },
          { metadata: { a: { $regex: pattern } } },
          { metadata: { [pattern]: "a" } },
        ]
      ) {
        const found = await app.done(200, "POST", "/search", { json: { query: "a", filters } });
        assert.deepEqual([filters, found.total], [filters, 0]);
      }
      assert.equal(
        (await app.done(200, "GET", `/memories?tag=${encodeURIComponent(pattern)}`)).total,
        0,
      );
    }
  });
});

Deno.test("what a client names is in no name of a file, and what it says in no header of a reply", async () => {
  await withApp(async (app) => {
    for (const name of NAMES) {
      const asked = { headers: { "X-Request-ID": name.replaceAll(/[^\x20-\x7e]/g, "?") } };
      await app.call("POST", "/memories", {
        ...asked,
        json: { content: name, tags: [name], metadata: { name } },
      });
      for (const format of ["json", "ndjson"]) {
        const { headers } = await app.call("POST", "/export", { ...asked, json: { format } });
        assert.match(
          headers.get("content-disposition") ?? "",
          /^attachment; filename="export-\d{8}T\d{9}Z-[0-9a-f]{8}\.(nd)?json"$/,
        );
        await app.done(201, "POST", "/export", { ...asked, json: { format, destination: "file" } });
      }
    }
    assert.ok((await app.ids()).length >= NAMES.length - 2);
    const files = await app.fs.list("/data/exports");
    assert.ok(files.length > 0);
    for (const file of files) assert.match(file, /^export-[0-9TZ]+-[0-9a-f]{8}\.(nd)?json$/);
    assert.ok(!(await app.call("POST", "/export")).text.includes(KEY));
  });
});

// The last in this file, for it cannot be undone.
Deno.test("with the prototypes frozen all is as before: nothing of ours writes to them", async () => {
  Object.freeze(Object.prototype);
  Object.freeze(Array.prototype);
  await withApp(async (app) => {
    const send = async (method: string, path: string, body?: string, type = json) => {
      const init = { method, headers: { "X-API-Key": KEY, "Content-Type": type } };
      const request = new Request(`http://brain${path}`, { ...init, ...(body && { body }) });
      const reply = await app.app.fetch(request);
      return { status: reply.status, text: await reply.text() };
    };
    for (const name of NAMES.slice(0, 10)) {
      const metadata = keyed(name, { constructor: { prototype: { polluted: true } } });
      const body = `{"content":"x","metadata":${metadata}}`;
      const made = await send("POST", "/memories", body);
      assert.equal(made.status, 201, made.text);
      const { id } = JSON.parse(made.text);
      const patched = await send("PATCH", `/memories/${id}`, `{"metadata":${keyed(name, {})}}`);
      assert.deepEqual([name, patched.status], [name, 200]);
      const search = `{"query":"x","filters":{"metadata":${metadata}}}`;
      assert.equal((await send("POST", "/search", search)).status, 200);
      assert.equal((await send("POST", "/import", `${body}\n`, NDJSON)).status, 200);
    }
    assert.equal((await send("POST", "/export")).status, 200);
  });
});
