/** Request bodies that are refused before anything looks at what they ask. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import { type Asked, problemOf, withApp } from "./http_app.ts";

const json = "application/json";
const NDJSON = "application/x-ndjson";

/** Bodies that are no request at all, for every route that takes one. */
const UNREADABLE: readonly [Asked, number, string, string][] = [
  [{ body: "{", type: json }, 400, "malformed", "Cannot read the JSON: it is not well-formed"],
  [{ body: "", type: json }, 400, "malformed", "Cannot read the JSON: it is not well-formed"],
  [{ body: "{}{}", type: json }, 400, "malformed", "Cannot read the JSON: it is not well-formed"],
  [
    { body: "{'a':1}", type: json },
    400,
    "malformed",
    "Cannot read the JSON: it is not well-formed",
  ],
  [{ body: "NaN", type: json }, 400, "malformed", "Cannot read the JSON: it is not well-formed"],
  [
    { body: Uint8Array.of(0x22, 0xff, 0x22), type: json },
    400,
    "malformed",
    "Cannot read the body: it is not UTF-8",
  ],
  [
    { body: "[".repeat(65) + "]".repeat(65), type: json },
    400,
    "malformed",
    "Cannot read the JSON: it is nested deeper than 64 levels",
  ],
  [
    { body: "{}", type: "text/plain" },
    415,
    "unsupported_media_type",
    'Cannot read the body: its content type is "text/plain"; send application/json',
  ],
  [
    { body: "{}" },
    415,
    "unsupported_media_type",
    "Cannot read the body: its content type is missing; send application/json",
  ],
  [
    { body: "{}", type: "application/jsonp" },
    415,
    "unsupported_media_type",
    'Cannot read the body: its content type is "application/jsonp"; send application/json',
  ],
  [
    { body: "{}", type: json, headers: { "content-encoding": "gzip" } },
    415,
    "unsupported_media_type",
    'Cannot read the body: the content encoding "gzip" is not supported; send it plain',
  ],
  [
    { body: `"${"x".repeat(3000)}"`, type: json },
    413,
    "too_large",
    "Cannot read the body: it is larger than 2048 bytes",
  ],
  [
    { body: "{}", type: json, headers: { "content-length": "2049" } },
    413,
    "too_large",
    "Cannot read the body: it is larger than 2048 bytes",
  ],
  [
    { body: '{"content":"\\ud800"}', type: json },
    422,
    "invalid",
    "Cannot take the JSON: a string holds half of a surrogate pair",
  ],
  [
    { body: '{"content":1e999}', type: json },
    422,
    "invalid",
    "Cannot take the JSON: a number is beyond the range of a double",
  ],
  [
    { body: '{"metadata":{"n":9007199254740993}}', type: json },
    422,
    "invalid",
    "Cannot take the JSON: the number 9007199254740993 would come back with other digits; send it as a string",
  ],
];

Deno.test("what cannot be read is refused for what it is, and changes nothing", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x" } });
    for (
      const [method, path] of [["POST", "/memories"], ["PUT", `/memories/${idOf(1)}`], [
        "POST",
        "/search",
      ]] as const
    ) {
      for (const [asked, status, code, detail] of UNREADABLE) {
        const body = await app.done(status, method, path, asked);
        assert.deepEqual(body, problemOf(code, status, detail));
      }
    }
    await app.done(413, "POST", "/memories", {
      body: new Blob(["x".repeat(3000)]).stream(),
      type: json,
    });
    assert.equal((await app.done(200, "GET", `/memories/${idOf(1)}`)).content, "x");
    assert.equal((await app.ids()).length, 1);
  }, { bodyBytes: 2048 });
});

Deno.test("a body that does not come in time is 408, and what it would have done is not done", async () => {
  await withApp(async (app) => {
    const late = () => new ReadableStream({ start: (to) => to.enqueue(new Uint8Array([0x5b])) });
    const detail = "Cannot read the body: it took too long to come";
    for (const [path, type] of [["/memories", json], ["/import", json], ["/import", NDJSON]]) {
      const body = await app.done(408, "POST", path ?? "", { body: late(), type: type ?? "" });
      assert.deepEqual(body, problemOf("request_timeout", 408, detail));
    }
    assert.deepEqual(await app.ids(), []);
  }, { bodyMs: 1 });
});

Deno.test("a body that breaks off is 400, and what came of it changed nothing", async () => {
  await withApp(async (app) => {
    const broken = () => {
      const pieces = ['{"content":"a"}\n', undefined];
      return new ReadableStream({
        pull: (to) => {
          const piece = pieces.shift();
          if (piece === undefined) to.error(new Error("reset"));
          else to.enqueue(new TextEncoder().encode(piece));
        },
      });
    };
    const wanted = problemOf("malformed", 400, "Cannot read the body: the connection broke");
    assert.deepEqual(
      await app.done(400, "POST", "/memories", { body: broken(), type: json }),
      wanted,
    );
    assert.deepEqual(
      await app.done(400, "POST", "/import", { body: broken(), type: NDJSON }),
      wanted,
    );
    assert.deepEqual(await app.ids(), []);
  });
});

Deno.test("an import larger than its own limit is 413, however it comes", async () => {
  await withApp(async (app) => {
    const lines = `${JSON.stringify({ content: "x".repeat(1000) })}\n`.repeat(5);
    const detail = "Cannot read the body: it is larger than 4096 bytes";
    for (const body of [lines, new Blob([lines]).stream()]) {
      const refused = await app.done(413, "POST", "/import", { body, type: NDJSON });
      assert.deepEqual(refused, problemOf("too_large", 413, detail));
    }
    assert.deepEqual(await app.ids(), []);
  }, { importBytes: 4096 });
});

Deno.test("the body of an export may be missing, empty or an object, and nothing else", async () => {
  await withApp(async (app) => {
    const nothing: Asked[] = [{}, { body: "" }, { body: "", type: json }, {
      body: "{}",
      type: json,
    }];
    for (const asked of nothing) await app.done(200, "POST", "/export", asked);
    await app.done(415, "POST", "/export", { body: "{}" });
    await app.done(415, "POST", "/export", { body: "{}", type: "text/plain" });
    await app.done(400, "POST", "/export", { body: "{", type: json });
    for (
      const body of [{ format: "csv" }, { formats: "json" }, { destination: "/etc" }, [], null]
    ) {
      await app.done(422, "POST", "/export", { json: body });
    }
    for (const type of ["text/csv", "application/jsonl", ""]) {
      const { detail } = await app.done(415, "POST", "/import", { body: "[]", type });
      assert.match(detail, /send application\/json or application\/x-ndjson$/);
    }
  });
});
