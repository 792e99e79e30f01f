/** `POST /import`: whose exports it takes, what it makes of them, and what it reports. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import {
  type Asked,
  CANARY,
  type HttpApp,
  type Json,
  NOW,
  problemOf,
  withApp,
} from "./http_app.ts";

const NDJSON = "application/x-ndjson";

/** A report with nothing in it but what is said. */
function reportOf(counts: Json): Json {
  return { imported: 0, updated: 0, skipped: 0, failed: 0, errors: [], dry_run: false, ...counts };
}

async function listed(app: HttpApp): Promise<Json[]> {
  return (await app.done(200, "GET", "/memories?limit=100&order=asc")).memories;
}

const PLAIN = {
  memory_type: "semantic",
  importance_score: 0.5,
  tags: [],
  metadata: {},
  created_at: NOW,
  updated_at: NOW,
  last_accessed_at: null,
  access_count: 0,
};

/** What the Python original wrote of one memory. */
const PYTHON = {
  id: "7C9E6679-7425-40DE-944B-E07FC1F90AE7",
  user_id: "alice",
  content: `${CANARY} the fence gets cedar posts`,
  memory_type: "generic",
  importance_score: 0.75,
  tags: [" house ", "house"],
  metadata: { source: "phone" },
  created_at: "2024-05-01T10:00:00.123456",
  updated_at: "2024-05-02 11:00:00.999999+00:00",
  last_accessed: "2024-05-03T12:00:00",
  access_count: 7,
  semantic_metadata: { domain: "diy" },
  relevance: null,
};

const TAKEN = {
  id: PYTHON.id.toLowerCase(),
  content: PYTHON.content,
  memory_type: "semantic",
  importance_score: 0.75,
  tags: ["house"],
  metadata: {
    source: "phone",
    imported_type: "generic",
    imported_fields: { semantic_metadata: { domain: "diy" }, relevance: null },
  },
  created_at: "2024-05-01T10:00:00.123Z",
  updated_at: "2024-05-02T11:00:00.999Z",
  last_accessed_at: "2024-05-03T12:00:00.000Z",
  access_count: 7,
};

Deno.test("an export of the Python original comes in whole, in every shape it has", async () => {
  const { id: _id, ...nameless } = PYTHON;
  const shapes: Asked[] = [
    { json: [PYTHON] },
    { json: { memories: [PYTHON] } },
    { json: { memories: { [PYTHON.id]: nameless } } },
    { json: { memories: { "some key": PYTHON } } },
    { json: { version: "1.0", user_id: "alice", memories: [PYTHON], count: 1 } },
    { body: `\n\r\n${JSON.stringify(PYTHON)}\r\n  \t\n`, type: NDJSON },
    { body: JSON.stringify(PYTHON), type: NDJSON },
    { body: `\ufeff${JSON.stringify([PYTHON])}`, type: "application/json" },
  ];
  for (const asked of shapes) {
    await withApp(async (app) => {
      const report = await app.done(200, "POST", "/import", asked);
      assert.deepEqual(report, reportOf({ imported: 1 }));
      assert.deepEqual(await listed(app), [TAKEN]);
      const found = await app.done(200, "POST", "/search", { json: { query: "cedar" } });
      assert.equal(found.total, 1);
    });
  }
});

Deno.test("a field is read as the contract says, whatever was written", async () => {
  const table: [Json, Json][] = [
    [{}, {}],
    [{ created_at: "2024-05-01T10:00:00Z" }, {
      created_at: "2024-05-01T10:00:00.000Z",
      updated_at: "2024-05-01T10:00:00.000Z",
    }],
    [{ updated_at: "2024-05-01T10:00:00.5+02:00" }, { updated_at: "2024-05-01T08:00:00.500Z" }],
    [{ updated_at: "2024-05-01t10:00:00.000001z" }, { updated_at: "2024-05-01T10:00:00.000Z" }],
    [{ last_accessed: null }, {}],
    [{ last_accessed: "2024-05-01T10:00:00", last_accessed_at: "2025-05-01T10:00:00Z" }, {
      last_accessed_at: "2025-05-01T10:00:00.000Z",
      metadata: { imported_fields: { last_accessed: "2024-05-01T10:00:00" } },
    }],
    [{ memory_type: null, importance_score: null, tags: null, metadata: null }, {}],
    [{ memory_type: "generic", metadata: { imported_type: "x" } }, {
      metadata: { imported_type: "generic", imported_fields: { imported_type: "x" } },
    }],
    [{ user_id: "u" }, {}],
    [{ a: 1, metadata: { imported_fields: { b: 2 } } }, {
      metadata: { imported_fields: { b: 2, a: 1 } },
    }],
    [{ a: 1, metadata: { imported_fields: 3 } }, {
      metadata: { imported_fields: { imported_fields: 3, a: 1 } },
    }],
    [JSON.parse('{"__proto__":{"x":1}}'), {
      metadata: JSON.parse('{"imported_fields":{"__proto__":{"x":1}}}'),
    }],
  ];
  for (const [fields, wanted] of table) {
    await withApp(async (app) => {
      const text = JSON.stringify({ content: "x" }).slice(0, -1) +
        (Object.keys(fields).length > 0 ? `,${JSON.stringify(fields).slice(1)}` : "}");
      const asked = { body: `[${text}]`, type: "application/json" };
      assert.deepEqual(await app.done(200, "POST", "/import", asked), reportOf({ imported: 1 }));
      assert.deepEqual(await listed(app), [{ id: idOf(1), content: "x", ...PLAIN, ...wanted }]);
    });
  }
});

/** Records that are not fit, each with its fault. */
const BAD: readonly [string, string | null, string][] = [
  ["{}", null, "content Invalid input: expected string, received undefined"],
  ['{"content":" "}', null, "content must not be empty or only white space"],
  [`{"content":"x","id":"no"}`, "no", "id must be a UUID"],
  [
    '{"content":"x","memory_type":"wise"}',
    null,
    "memory_type must be one of semantic, episodic, procedural",
  ],
  [
    '{"content":"x","importance_score":2}',
    null,
    "importance_score Too big: expected number to be <=1",
  ],
  ['{"content":"x","tags":["a",""]}', null, "tags.1 must not be empty or only white space"],
  ['{"content":"x","metadata":[]}', null, "metadata must be a JSON object"],
  [
    '{"content":"x","created_at":"2024-02-30T00:00:00"}',
    null,
    "created_at must be an RFC 3339 time",
  ],
  ['{"content":"x","created_at":"yesterday"}', null, "created_at must be an RFC 3339 time"],
  ['{"content":"x","access_count":-1}', null, "access_count Too small: expected number to be >=0"],
  [
    `{"content":"x","id":"${idOf(9)}","embedding":[0]}`,
    idOf(9),
    "embedding must be a vector of finite 32-bit floats that are not all zero",
  ],
  [
    `{"content":"x","more":"${"y".repeat(70_000)}"}`,
    null,
    "metadata must be at most 65536 bytes of JSON",
  ],
  ["7", null, "must be a JSON object"],
  ["null", null, "must be a JSON object"],
  ['{"content":"\\ud800"}', null, "Cannot take the JSON: a string holds half of a surrogate pair"],
];

Deno.test("bad records end an import by name, and nothing is changed", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "there" } });
    const before = await listed(app);
    const lines = ['{"content":"good"}', ...BAD.map(([line]) => line), '{"content":"good"}'];
    const errors = BAD.map(([, id, reason], n) => ({ index: n + 1, id, reason }));
    for (
      const asked of [{ body: lines.join("\n"), type: NDJSON }, {
        body: `[${lines}]`,
        type: "application/json",
      }]
    ) {
      const body = await app.done(422, "POST", "/import", asked);
      const { errors: told, ...rest } = body;
      const detail = `Cannot import: ${BAD.length} of ${lines.length} records are not valid; ` +
        "nothing was imported";
      assert.deepEqual(rest, problemOf("invalid", 422, detail));
      assert.deepEqual(
        told.map(({ index, id, reason }: Json) => ({ index, id, reason })),
        errors,
      );
      for (const { path, index } of told) assert.match(path, new RegExp(`^/${index}(/|$)`));
      assert.deepEqual(await listed(app), before);
      const skipped = await app.done(200, "POST", "/import?on_error=skip&dry_run=true", asked);
      assert.deepEqual(
        skipped,
        reportOf({ imported: 2, failed: BAD.length, errors, dry_run: true }),
      );
      assert.deepEqual(await listed(app), before);
    }
    const asked = { body: lines.join("\n"), type: NDJSON };
    const report = await app.done(200, "POST", "/import?on_error=skip", asked);
    assert.deepEqual(report, reportOf({ imported: 2, failed: BAD.length, errors }));
    assert.deepEqual((await listed(app)).map(({ content }) => content), ["there", "good", "good"]);
  });
});

Deno.test("lines that are no JSON are bad records; a document that is none is a bad request", async () => {
  await withApp(async (app) => {
    const body = '{"content":"a"}\n{broken\n\n\u0001\n{"content":"b"}';
    const reason = "Cannot read the JSON: it is not well-formed";
    assert.deepEqual(
      await app.done(200, "POST", "/import?on_error=skip", { body, type: NDJSON }),
      reportOf({
        imported: 2,
        failed: 2,
        errors: [{ index: 1, id: null, reason }, { index: 2, id: null, reason }],
      }),
    );
    const before = await listed(app);
    for (
      const text of [
        "",
        "[",
        '[{"content":"c"}',
        '[{"content":"c"}]x',
        "7",
        '{"memories":7}',
        '{"memories":[]',
      ]
    ) {
      const asked = { body: text, type: "application/json" };
      await app.done(400, "POST", "/import?on_error=skip", asked);
    }
    const detail = 'Cannot import: the document is neither an array nor an object with "memories"';
    assert.deepEqual(
      await app.done(422, "POST", "/import", { json: {} }),
      problemOf("invalid", 422, detail),
    );
    assert.deepEqual(await app.done(200, "POST", "/import", { json: [] }), reportOf({}));
    assert.deepEqual(
      await app.done(200, "POST", "/import", { body: "", type: NDJSON }),
      reportOf({}),
    );
    assert.deepEqual(await listed(app), before);
  });
});

Deno.test("what a record does not say of a memory that is there stays, its readings too", async () => {
  await withApp(async (app) => {
    await app.done(200, "POST", "/import", { json: [PYTHON] });
    const id = TAKEN.id;
    await app.done(200, "GET", `/memories/${id}`);
    const json = [{ id, content: "corrected" }];
    await app.done(200, "POST", "/import?on_conflict=overwrite", { json });
    const { content, access_count, created_at } = (await listed(app))[0] ?? {};
    assert.deepEqual([content, access_count, created_at], ["corrected", 8, TAKEN.created_at]);
  });
});

Deno.test("of more than a hundred bad records the first hundred are told", async () => {
  await withApp(async (app) => {
    const body = "{}\n".repeat(250);
    const { errors, detail } = await app.done(422, "POST", "/import", { body, type: NDJSON });
    assert.deepEqual([errors.length, errors[0].index, errors.at(-1).index], [100, 0, 99]);
    assert.match(detail, /^Cannot import: 250 of 250 records/);
    const skip = await app.done(200, "POST", "/import?on_error=skip", { body, type: NDJSON });
    assert.deepEqual([skip.failed, skip.errors.length], [250, 100]);
  });
});

Deno.test("records without ids get ids in the order of the file, also on one instant", async () => {
  await withApp(async (app) => {
    const records = Array.from({ length: 50 }, (_, n) => ({ content: `${n}` }));
    await app.done(200, "POST", "/import", { json: records });
    const wanted = records.map(({ content }) => content);
    assert.deepEqual((await listed(app)).map(({ content }) => content), wanted);
  });
});

Deno.test("only the records of the user asked for are taken out of an export of many", async () => {
  await withApp(async (app) => {
    const json = [
      { content: "a", user_id: "alice" },
      { content: "b", user_id: "bob" },
      { content: "c" },
      { content: "d", user_id: 7 },
      { broken: 1, user_id: "bob" },
      { content: "e", user_id: "alice" },
    ];
    const take = (user: string) => app.done(200, "POST", `/import?user_id=${user}`, { json });
    assert.deepEqual(await take("alice"), reportOf({ imported: 2, skipped: 4 }));
    assert.deepEqual((await listed(app)).map(({ content }) => content), ["a", "e"]);
    assert.deepEqual(await take("7"), reportOf({ imported: 1, skipped: 5 }));
    assert.deepEqual(await take("nobody"), reportOf({ skipped: 6 }));
  });
});
