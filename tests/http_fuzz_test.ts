/**
 * Anything may be asked: the service never answers what the document does not say, never fails,
 * never hangs, and holds afterwards exactly what a Map holds that was told the same.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { idOf, seed } from "./fakes/store_kit.ts";
import { type Asked, CANARY, type HttpApp, type Json, type Reply, withApp } from "./http_app.ts";

interface Call {
  readonly method: string;
  readonly path: string;
  readonly asked: Asked;
}

const IDS = [1, 2, 3].map((n) => idOf(800 + n));
const id = fc.constantFrom(...IDS, IDS[0]?.toUpperCase() ?? "");

/** Whatever a field may hold, mostly near to what it should. */
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<Json>("", " ", -1, 1.5, 1e308, null, [], {}, "\u0000", "x".repeat(70_000), [[]]),
  fc.constant(
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  ),
);
const word = fc.constantFrom(CANARY, "fence", "Fence", "\u{1f600}", " garden ", "__proto__", "a,b");
const time = fc.constantFrom("2026-01-01T00:00:00Z", "2020-02-29T12:00:00.123456+02:00");
const fields = {
  content: fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(" ")),
  memory_type: fc.constantFrom("semantic", "episodic", "procedural"),
  importance_score: fc.constantFrom(0, 0.25, 1),
  tags: fc.array(word, { maxLength: 3 }),
  metadata: fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
  embedding: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 3 }),
};
const { content, ...others } = fields;
const newMemory = fc.record({ content, ...others, id, created_at: time }, {
  requiredKeys: ["content"],
});
const changes = fc.record(fields, { requiredKeys: [] });
const search = fc.record({
  query: content,
  limit: fc.integer({ min: 1, max: 100 }),
  offset: fc.integer({ min: 0, max: 5 }),
  mode: fc.constantFrom("auto", "keyword", "semantic", "hybrid"),
  filters: fc.record({ tags: fields.tags, metadata: fields.metadata }, { requiredKeys: [] }),
  min_score: fc.constantFrom(0, 0.3),
  embedding: fields.embedding,
}, { requiredKeys: ["query"] });
const records = fc.array(
  fc.record({ content, ...others, id, user_id: word }, { requiredKeys: ["content"] }),
  {
    maxLength: 4,
  },
);

/** A body as it should be, or with a field put wrong, added or dropped. */
function mostly(good: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  const broken = fc.tuple(
    good,
    fc.oneof(fc.constantFrom(...Object.keys(fields), "id", "query"), fc.string()),
    odd,
  )
    .map(([body, key, value]) =>
      Array.isArray(body) ? [...body, value] : { ...body, [key]: value }
    );
  return fc.oneof({ weight: 5, arbitrary: good }, { weight: 2, arbitrary: broken }, {
    weight: 1,
    arbitrary: odd,
  });
}

const headers = fc.dictionary(
  fc.constantFrom(
    "if-match",
    "idempotency-key",
    "x-request-id",
    "content-encoding",
    "accept",
    "range",
  ),
  fc.constantFrom(
    "*",
    '"x"',
    'W/"x"',
    "k1",
    "k2",
    "",
    "identity",
    "gzip",
    "\u00e9",
    "x".repeat(300),
  ),
  { maxKeys: 1 },
);
const rareHeaders = fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, headers);

const query = fc.array(
  fc.tuple(
    fc.constantFrom(
      "limit",
      "offset",
      "cursor",
      "tag",
      "sort",
      "order",
      "include",
      "dry_run",
      "on_conflict",
      "on_error",
      "user_id",
      "__proto__",
      "x",
    ),
    fc.constantFrom(
      "1",
      "0",
      "-1",
      "asc",
      "updated_at",
      "embedding",
      "true",
      "overwrite",
      "skip",
      "",
      "\u{1f600}",
      "e30",
    ),
  ),
  { maxLength: 2 },
).map((pairs) => pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`);

function callTo(
  method: string,
  path: fc.Arbitrary<string>,
  body?: fc.Arbitrary<Json>,
): fc.Arbitrary<Call> {
  const rarely = fc.oneof({ weight: 6, arbitrary: fc.constant("") }, {
    weight: 1,
    arbitrary: query,
  });
  const type = fc.oneof(
    { weight: 30, arbitrary: fc.constant("application/json") },
    fc.constantFrom("application/json; charset=utf-8", "application/x-ndjson", "text/plain", ""),
  );
  const sent = body === undefined
    ? fc.constant({})
    : fc.tuple(mostly(body), type, fc.nat(200)).map(([json, kind, cut]) => {
      const text = JSON.stringify(json) ?? "null";
      const broken = cut === 0 ? text.slice(0, -1) : cut === 1 ? `${text}x` : text;
      return { body: broken, type: kind };
    });
  return fc.tuple(path, rarely, rareHeaders, sent).map(([at, asks, extra, more]) => ({
    method,
    path: at + asks,
    asked: { ...more, headers: extra },
  }));
}

const one = id.map((text) => `/memories/${text}`);
const at = (path: string) => fc.constant(path);
const anyPath = fc.oneof(
  fc.webPath(),
  fc.constantFrom("/", "/memories/", "/memories/x", "/health", "/docs", "/metrics"),
);
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 6, arbitrary: callTo("POST", at("/memories"), newMemory) },
  { weight: 3, arbitrary: callTo("PUT", one, changes) },
  { weight: 3, arbitrary: callTo("PATCH", one, changes) },
  { weight: 2, arbitrary: callTo("DELETE", one) },
  { weight: 2, arbitrary: callTo("GET", one) },
  { weight: 2, arbitrary: callTo("GET", at("/memories")) },
  { weight: 3, arbitrary: callTo("POST", at("/search"), search) },
  { weight: 3, arbitrary: callTo("POST", at("/import"), records) },
  { weight: 1, arbitrary: callTo("POST", at("/export"), fc.constant({ format: "ndjson" })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("GET", "HEAD", "OPTIONS", "PURGE").chain((method) =>
      callTo(method, anyPath)
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("POST", "PUT", "DELETE").chain((method) =>
      callTo(method, anyPath, odd)
    ),
  },
);

/** What must be there after a reply, by the reply alone; a receipt given again changes nothing. */
function note(
  model: Map<string, Json>,
  { method, path }: Call,
  reply: Reply,
  replayed: boolean,
): void {
  if (reply.status >= 300 || replayed || !path.startsWith("/memories")) return;
  if (["POST", "PUT", "PATCH"].includes(method)) model.set(reply.body.id, stable(reply.body));
  if (method === "DELETE") model.delete(path.split(/[/?]/)[2]?.toLowerCase() ?? "");
}

/** Without what a reading changes. */
function stable({ access_count: _count, last_accessed_at: _at, ...rest }: Json): Json {
  return rest;
}

async function heldBy(app: HttpApp): Promise<Map<string, Json>> {
  const { memories } = await app.done(200, "GET", "/memories?limit=100");
  return new Map(memories.map((memory: Json) => [memory.id, stable(memory)]));
}

async function fill(app: HttpApp): Promise<void> {
  for (const id of IDS) await app.done(201, "POST", "/memories", { json: { content: id, id } });
}

async function play(app: HttpApp, calls: readonly Call[]): Promise<void> {
  await fill(app);
  const model = await heldBy(app);
  const answered = new Set<string>();
  for (const one of calls) {
    const key = one.asked.headers?.["idempotency-key"];
    const before = key === undefined ? undefined : `${key} ${JSON.stringify(one)}`;
    const reply = await app.call(one.method, one.path, one.asked);
    assert.ok(reply.status < 500, `${JSON.stringify(one)}: ${reply.text}`);
    note(model, one, reply, before !== undefined && answered.has(before));
    if (before !== undefined && reply.status < 300) answered.add(before);
    const held = await heldBy(app);
    if (reply.status < 300 && one.path.startsWith("/import")) {
      // What an import does is told elsewhere; here it is only taken note of.
      model.clear();
      for (const [id, memory] of held) model.set(id, memory);
    }
    assert.deepEqual(held, model, JSON.stringify(one));
  }
}

Deno.test(`whatever is asked in turn, the service holds what a Map holds (seed ${seed})`, async () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 5, maxLength: 25 }), async (calls) => {
      await withApp((app) => play(app, calls));
    }),
    { seed, numRuns: 150, endOnFailure: Deno.env.get("TEST_SHRINK") === undefined },
  );
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
});

Deno.test(`whatever is asked at once, all is answered as documented (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 30, maxLength: 60 }), async (calls) => {
      await withApp(async (app) => {
        await fill(app);
        const replies = await Promise.all(
          calls.map(({ method, path, asked }) => app.call(method, path, asked)),
        );
        for (const { status, text } of replies) assert.ok(status < 500, text);
        const { total_memories: total } = await app.done(200, "GET", "/stats");
        assert.equal(total, (await app.ids()).length);
      });
    }),
    { seed, numRuns: 80, endOnFailure: true },
  );
});
