/** `/memories`, one by one: what is taken, what is refused, and the whole of every reply. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type Json, NOW, withApp } from "./http_app.ts";

/** A memory as replies show it. */
function shown(n: number, fields: Json = {}): Json {
  return {
    id: idOf(n),
    content: `${CANARY} fence`,
    memory_type: "semantic",
    importance_score: 0.5,
    tags: [],
    metadata: {},
    created_at: NOW,
    updated_at: NOW,
    last_accessed_at: null,
    access_count: 0,
    ...fields,
  };
}

const content = `${CANARY} fence`;

Deno.test("a new memory is answered whole, with its place and its version", async () => {
  await withApp(async (app) => {
    const { status, headers, body } = await app.call("POST", "/memories", { json: { content } });
    assert.deepEqual({ status, body }, { status: 201, body: shown(1) });
    assert.equal(headers.get("location"), `/memories/${idOf(1)}`);
    assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
    assert.match(headers.get("etag") ?? "", /^"[\w-]{27}"$/);
  });
});

Deno.test("every writable field comes back as it was sent, tidied where the contract says so", async () => {
  await withApp(async (app) => {
    const metadata = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":[1,null,{"b":0.1}],"":""}',
    );
    const sent = {
      id: "A1B2C3D4-0000-4000-8000-00000000000F",
      content: "  kept\r\n byte \u0000 for byte \u{1f600} e\u0301 \u2028 ",
      memory_type: "procedural",
      importance_score: 0,
      tags: [" a ", "b", "a", "A", "\tb\n"],
      metadata,
      created_at: "2020-02-29T23:30:00.123456+02:00",
      embedding: [0.25, -1, 1e-3],
    };
    const body = await app.done(201, "POST", "/memories", { json: sent });
    const wanted = shown(0, {
      ...sent,
      id: sent.id.toLowerCase(),
      tags: ["a", "b", "A"],
      created_at: "2020-02-29T21:30:00.123Z",
    });
    delete wanted.embedding;
    assert.deepEqual(body, wanted);
    assert.deepEqual(Object.keys(body.metadata), ["__proto__", "constructor", "a", ""]);
    const again = await app.done(200, "GET", `/memories/${sent.id}?include=embedding`);
    assert.deepEqual(again, {
      ...wanted,
      access_count: 1,
      last_accessed_at: NOW,
      embedding: [0.25, -1, 0.001],
    });
  });
});

/** Fields at the very edge of what is allowed, and one step beyond, with the fault's place. */
const EDGES: readonly { ok: Json[]; bad: [Json, string, string][]; field: string }[] = [
  {
    field: "content",
    ok: ["x", " x ", "x".repeat(100_000), "\u{1f600}".repeat(100_000), "\u200b"],
    bad: [
      ["", "/content", "must not be empty or only white space"],
      [" \t\n\u00a0\u3000", "/content", "must not be empty or only white space"],
      ["x".repeat(100_001), "/content", "must have at most 100,000 characters"],
      ["\u{1f600}".repeat(100_001), "/content", "must have at most 100,000 characters"],
      [null, "/content", "Invalid input: expected string, received null"],
      [7, "/content", "Invalid input: expected string, received number"],
    ],
  },
  {
    field: "memory_type",
    ok: ["semantic", "episodic", "procedural"],
    bad: ["generic", "Semantic", "", null, 1].map((value) => [
      value,
      "/memory_type",
      'Invalid option: expected one of "semantic"|"episodic"|"procedural"',
    ]),
  },
  {
    field: "importance_score",
    ok: [0, 1, 0.123456789012],
    bad: [
      [-0.0001, "/importance_score", "Too small: expected number to be >=0"],
      [1.0001, "/importance_score", "Too big: expected number to be <=1"],
      ["0.5", "/importance_score", "Invalid input: expected number, received string"],
    ],
  },
  {
    field: "tags",
    ok: [[], ["x".repeat(64)], ["\u{1f600}".repeat(64)], [..."x".repeat(50)].map((x, n) => x + n)],
    bad: [
      [[..."x".repeat(51)].map((x, n) => x + n), "/tags", "must have at most 50 tags"],
      [["ok", "x".repeat(65)], "/tags/1", "must have at most 64 characters"],
      [["\u{1f600}".repeat(65)], "/tags/0", "must have at most 64 characters"],
      [["  "], "/tags/0", "must not be empty or only white space"],
      [[1], "/tags/0", "Invalid input: expected string, received number"],
      ["a,b", "/tags", "Invalid input: expected array, received string"],
    ],
  },
  {
    field: "metadata",
    ok: [{}, nested(16), { x: "y".repeat(64 * 1024 - 8) }, { x: "\u00e9".repeat(32_764) }],
    bad: [
      [nested(17), "/metadata", "must be at most 16 levels deep"],
      [{ x: "y".repeat(64 * 1024 - 7) }, "/metadata", "must be at most 65536 bytes of JSON"],
      [{ x: "\u00e9".repeat(32_765) }, "/metadata", "must be at most 65536 bytes of JSON"],
      [[], "/metadata", "must be a JSON object"],
      [null, "/metadata", "must be a JSON object"],
      ["x", "/metadata", "must be a JSON object"],
    ],
  },
  {
    field: "embedding",
    ok: [[1, 0, 0], [1e-20, 0, 0]],
    bad: [
      [[0, 0, 0], "/embedding", "must be a vector of finite 32-bit floats that are not all zero"],
      // It would be rounded down to the largest there is.
      [
        [3.4028235000000003e38, 0, 0],
        "/embedding",
        "must be a vector of finite 32-bit floats that are not all zero",
      ],
      [
        [1e300, 0, 0],
        "/embedding",
        "must be a vector of finite 32-bit floats that are not all zero",
      ],
      [[1, 0], "/embedding", "has 2 numbers, the index holds vectors of 3"],
      [[], "/embedding", "Too small: expected array to have >=1 items"],
      [[1, "0", 0], "/embedding/1", "Invalid input: expected number, received string"],
    ],
  },
  {
    field: "created_at",
    ok: ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2024-02-29T00:00:00-12:00"],
    bad: [
      [
        "2026-02-29T00:00:00Z",
        "/created_at",
        "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z",
      ],
      ["2026-01-31", "/created_at", "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z"],
      [
        "2026-01-31T12:00:00",
        "/created_at",
        "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z",
      ],
      [1_700_000_000, "/created_at", "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z"],
      ["9999-12-31T23:59:59-01:00", "/created_at", "must be a time within the years 0 to 9999"],
    ],
  },
  {
    field: "id",
    ok: ["00000000-0000-4000-8000-000000000000", idOf(900)],
    bad: ["x", "", null, 1, "00000000-0000-4000-8000-00000000000g", `{${idOf(1)}}`].map((value) => [
      value,
      "/id",
      "must be a UUID",
    ]),
  },
];

function nested(levels: number): Json {
  return levels === 1 ? {} : { a: nested(levels - 1) };
}

Deno.test("every field is taken at its edge and refused one step beyond, by name", async () => {
  await withApp(async (app) => {
    for (const { field, ok, bad } of EDGES) {
      for (const value of ok) {
        const body = await app.done(201, "POST", "/memories", {
          json: { content: "x", [field]: value },
        });
        if (!["embedding", "created_at"].includes(field)) assert.deepEqual(body[field], value);
      }
      for (const [value, path, message] of bad) {
        const body = await app.done(422, "POST", "/memories", {
          json: { content: "x", [field]: value },
        });
        assert.deepEqual([field, body.errors], [field, [{ path, message }]]);
        assert.equal(body.type, "urn:second-brain:error:invalid");
      }
    }
  });
});

Deno.test("all faults of a request are told at once, unknown fields by their names", async () => {
  await withApp(async (app) => {
    const body =
      '{"memory_type":"x","contnet":"typo","a/b~c":1,"__proto__":{},"updated_at":"2026-01-31T12:00:00Z"}';
    const { errors } = await app.done(422, "POST", "/memories", { body, type: "application/json" });
    assert.deepEqual(errors.map(({ path }: Json) => path).toSorted(), [
      "/__proto__",
      "/a~1b~0c",
      "/content",
      "/contnet",
      "/memory_type",
      "/updated_at",
    ]);
    for (
      const json of [
        { content: "x", access_count: 1 },
        { content: "x", user_id: "u" },
        [],
        null,
        "x",
        1,
      ]
    ) {
      await app.done(422, "POST", "/memories", { json });
    }
    assert.deepEqual(await app.ids(), []);
  });
});
