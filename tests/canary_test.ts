/** The check that no secret comes out, itself under test: it must be able to fail. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { EmbedderError } from "../src/embedder.ts";
import { leaks, leaksInFolder } from "./canary.ts";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { CANARY, KEY, type Reply, replyLeaks, withApp } from "./http_app.ts";

Deno.test("a secret is seen in plain, in capitals, in base64, in hex, hashed, escaped and backwards", () => {
  const sha = createHash("sha256").update(KEY);
  const shown = [
    `{"key":"${KEY}"}`,
    KEY.toUpperCase(),
    btoa(KEY),
    btoa(`user:${KEY}`),
    btoa(`Bearer ${KEY}`),
    new TextEncoder().encode(KEY).toHex(),
    [...KEY].toReversed().join(""),
    sha.copy().digest("hex"),
    sha.digest("base64"),
  ];
  for (const text of shown) assert.deepEqual(leaks(`a ${text} b`, ["other", KEY]), [KEY], text);
  assert.deepEqual(leaks(`${KEY.slice(0, -1)} ${"x".repeat(99)}`, [KEY]), []);
});

Deno.test("a key in any reply is seen, and what a memory says in an error, in health and in metrics", () => {
  const reply = (status: number, text: string, headers = {}): Reply => {
    return { status, headers: new Headers(headers), text, body: undefined };
  };
  const seen: [string, Reply, string[]][] = [
    ["/memories", reply(200, `{"content":"${KEY}"}`), [KEY]],
    ["/memories", reply(200, "{}", { location: `/${KEY}` }), [KEY]],
    ["/memories", reply(200, `{"content":"${CANARY}"}`), []],
    ["/memories", reply(422, `{"detail":"${CANARY}"}`), [CANARY]],
    ["/metrics", reply(200, `memories{tag="${CANARY}"} 1`), [CANARY]],
    ["/health", reply(200, `{"checks":{"${CANARY}":1}}`), [CANARY]],
    [`/memories/${CANARY}`, reply(404, `"/memories/${CANARY}" is not there`), []],
  ];
  for (const [path, shown, wanted] of seen) {
    assert.deepEqual([path, replyLeaks(`http://brain${path}`, shown)], [path, wanted]);
  }
});

Deno.test("a key in a file of a folder is seen, wherever it lies, but where it is kept", async () => {
  const folder = await Deno.makeTempDir({ prefix: "second-brain-canary-" });
  try {
    await Deno.mkdir(`${folder}/a/b`, { recursive: true });
    await Deno.writeTextFile(`${folder}/.api-key`, KEY);
    await Deno.writeTextFile(`${folder}/a/clean`, "nothing");
    assert.deepEqual(await leaksInFolder(folder, [KEY]), []);
    await Deno.writeFile(`${folder}/a/b/db`, new TextEncoder().encode(`\0\xff${KEY}\0`));
    assert.deepEqual(await leaksInFolder(folder, [KEY]), [`${folder}/a/b/db`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A number that stands nowhere else, nor any other way of writing it. */
const VECTOR = [0.8271828, -0.3141592, 0.1618033, 0.0577215];
const ofVector = (text: string) => VECTOR.filter((part) => text.includes(String(part).slice(2, 9)));

Deno.test("neither key, content, query nor vector is in a log, an error, the metrics or the health, whatever fails", async () => {
  const embedder = new FakeEmbedder();
  await withApp(async (app) => {
    const content = `${CANARY} fence`;
    const memory = await app.done(201, "POST", "/memories", {
      json: { content, embedding: VECTOR },
    });
    const path = `/memories/${memory.id}`;
    const replies: Reply[] = [];
    const ask = async (...asked: Parameters<typeof app.call>) =>
      replies.push(await app.call(...asked));
    await ask("PUT", path, { json: { content, embedding: [...VECTOR, 1] } });
    await ask("POST", "/search", {
      json: { query: content, embedding: [...VECTOR, 1], weights: 1 },
    });
    await ask("POST", "/import", { json: [{ content, embedding: [...VECTOR, "x"] }] });
    await ask("POST", "/memories", {
      body: `{"content":"${content}","embedding":[${VECTOR}`,
      type: "application/json",
    });
    embedder.plan = () => new EmbedderError("config", `${content} ${VECTOR} ${KEY}`);
    await app.done(201, "POST", "/memories", { json: { content: `${content} two` } });
    await app.done(200, "POST", "/search", { json: { query: content } });
    app.brain.listing.list = () => Promise.reject(new Error(`${content} ${VECTOR} ${KEY}`));
    await ask("GET", "/memories");
    for (const { status, text } of replies) assert.ok(status >= 400, text);
    for (const route of ["/metrics", "/health", "/stats"]) await ask("GET", route);
    for (const { text } of replies) assert.deepEqual(ofVector(text), [], text);
    for (const line of app.logged) assert.deepEqual(ofVector(line), [], line);
    assert.ok(app.logged.some((line) => line.includes('"unexpected"')));
    // They are where they belong.
    const { text } = await app.call("POST", "/export", { json: { include_embeddings: true } });
    assert.ok(text.includes(content) && ofVector(text).length === VECTOR.length, text);
  }, { embedder });
});
