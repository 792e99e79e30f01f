/** The stand-in Qdrant: that it does as the real one does, and that it sees a wrong request. */
import assert from "node:assert/strict";
import { z } from "zod";
import { StandIn } from "./fakes/qdrant/stand_in.ts";
import { withStandIn } from "./fakes/qdrant/with_stand_in.ts";

const ONE = "01990001-0000-7000-8000-000000000000";
const TWO = "01990002-0000-7000-8000-000000000000";
const THREE = "01990003-0000-7000-8000-000000000000";

async function ask(
  { url }: StandIn,
  request: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; reply: unknown }> {
  const [method = "GET", path = "/"] = request.split(" ");
  const response = await fetch(url + path, {
    method,
    headers: { ...body === undefined ? {} : { "content-type": "application/json" }, ...headers },
    ...body === undefined ? {} : { body: JSON.stringify(body) },
  });
  const text = await response.text();
  const reply: unknown = response.headers.get("content-type") === "application/json"
    ? untimed(JSON.parse(text))
    : text;
  return { status: response.status, reply };
}

function untimed({ time: _, ...rest }: Record<string, unknown>): unknown {
  return rest;
}

const Refused = z.object({ status: z.object({ error: z.string() }) });

const VECTORS = { vectors: { size: 2, distance: "Cosine" } };

async function withPoints(test: (standIn: StandIn) => Promise<void>): Promise<void> {
  await withStandIn(async (standIn) => {
    await ask(standIn, "PUT /collections/c", VECTORS);
    await ask(standIn, "PUT /collections/c/points?wait=true", {
      points: [
        { id: TWO, vector: [0, 2], payload: { brain: "b", tags: ["x", "y"], importance: 0.7 } },
        { id: ONE, vector: [3, 0], payload: { brain: "a", tags: ["x"], importance: 0.3 } },
        { id: THREE, vector: [1, 1], payload: { brain: "a", created_at: "2026-01-31T12:00:00Z" } },
      ],
    });
    await test(standIn);
  });
}

const ids = (reply: unknown) => JSON.stringify(reply).match(/01990\d{3}/g)?.map((id) => id.at(-1));

Deno.test("the nearest points come by their cosine, in pages, with what is wanted of them", async () => {
  await withPoints(async (standIn) => {
    const path = "POST /collections/c/points/query";
    const body = { query: [1, 0], limit: 2, with_payload: ["brain"] };
    assert.deepEqual((await ask(standIn, path, body)).reply, {
      result: {
        points: [
          { id: ONE, version: 0, score: 1, payload: { brain: "a" } },
          { id: THREE, version: 0, score: Math.fround(Math.SQRT1_2), payload: { brain: "a" } },
        ],
      },
      status: "ok",
    });
    const next = { query: { nearest: [1, 0] }, offset: 2, with_vector: true };
    assert.deepEqual((await ask(standIn, path, next)).reply, {
      result: { points: [{ id: TWO, version: 0, score: 0, vector: [0, 1] }] },
      status: "ok",
    });
    const near = await ask(standIn, path, { query: [1, 0], score_threshold: 0.9 });
    assert.deepEqual(ids(near.reply), ["1"]);
  });
});

Deno.test("a scroll goes through all points in the order of their ids, page by page", async () => {
  await withPoints(async (standIn) => {
    await ask(standIn, "PUT /collections/c/points", { points: [{ id: 7, vector: [1, 0] }] });
    const path = "POST /collections/c/points/scroll";
    const first = await ask(standIn, path, { limit: 3, with_payload: false });
    assert.deepEqual(first.reply, {
      result: { points: [{ id: 7 }, { id: ONE }, { id: TWO }], next_page_offset: THREE },
      status: "ok",
    });
    const last = await ask(standIn, path, { limit: 3, offset: THREE, with_payload: false });
    assert.deepEqual(last.reply, {
      result: { points: [{ id: THREE }], next_page_offset: null },
      status: "ok",
    });
  });
});

Deno.test("a filter lets through what Qdrant's would", async () => {
  const field = (key: string, rest: object) => ({ key, ...rest });
  const cases: [object, string[] | undefined][] = [
    [{ must: [field("brain", { match: { value: "a" } })] }, ["1", "3"]],
    [{ must: field("tags", { match: { any: ["y", "z"] } }) }, ["2"]],
    [{ must: [field("tags", { match: { except: ["x"] } })] }, ["2"]],
    [{ must_not: [field("tags", { match: { value: "x" } })] }, ["3"]],
    [{ must: [field("importance", { range: { gte: 0.3, lt: 0.7 } })] }, ["1"]],
    [{ must: [field("created_at", { range: { gte: "2026-01-31T12:00:00.000Z" } })] }, ["3"]],
    [{ must: [field("created_at", { range: { lt: "2026-01-31T12:00:00Z" } })] }, undefined],
    [{ should: [{ has_id: [ONE] }, field("brain", { match: { value: "b" } })] }, ["1", "2"]],
    [{ must: [{ is_empty: { key: "tags" } }] }, ["3"]],
    [{ must: [{ must_not: [{ has_id: [ONE, TWO] }] }] }, ["3"]],
    [{ must: [field("tags", { values_count: { gte: 2 } })] }, ["2"]],
    [
      {
        min_should: {
          conditions: [
            field("brain", { match: { value: "a" } }),
            field("tags", { match: { value: "x" } }),
          ],
          min_count: 2,
        },
      },
      ["1"],
    ],
  ];
  await withPoints(async (standIn) => {
    for (const [filter, wanted] of cases) {
      const { reply } = await ask(standIn, "POST /collections/c/points/scroll", {
        filter,
        with_payload: false,
      });
      assert.deepEqual(ids(reply), wanted, JSON.stringify(filter));
    }
  });
});

Deno.test("points are replaced, given other fields and removed", async () => {
  await withPoints(async (standIn) => {
    const done = (operation_id: number) => ({ operation_id, status: "completed" });
    const { reply } = await ask(standIn, "POST /collections/c/points/batch?wait=true", {
      operations: [
        { upsert: { points: [{ id: ONE, vector: [0, 1], payload: { brain: "c" } }] } },
        { set_payload: { points: [THREE], payload: { chunk: 1 } } },
        { overwrite_payload: { filter: { must: [{ has_id: [TWO] }] }, payload: { chunk: 2 } } },
        { delete: { filter: { must: [{ key: "brain", match: { value: "c" } }] } } },
      ],
    });
    assert.deepEqual(reply, { result: [done(1), done(2), done(3), done(4)], status: "ok" });
    const { reply: left } = await ask(standIn, "POST /collections/c/points/scroll", {});
    assert.deepEqual(left, {
      result: {
        points: [
          { id: TWO, payload: { chunk: 2 } },
          {
            id: THREE,
            payload: { brain: "a", created_at: "2026-01-31T12:00:00Z", chunk: 1 },
          },
        ],
        next_page_offset: null,
      },
      status: "ok",
    });
    await ask(standIn, "POST /collections/c/points/delete", { points: [TWO, ONE] });
    const counted = await ask(standIn, "POST /collections/c/points/count", { exact: true });
    assert.deepEqual(counted.reply, { result: { count: 1 }, status: "ok" });
  });
});

Deno.test("a collection is made, shown, listed and dropped", async () => {
  await withStandIn(async (standIn) => {
    const told = async (request: string, body?: unknown) =>
      (await ask(standIn, request, body)).reply;
    const of = (result: unknown) => ({ result, status: "ok" });
    assert.deepEqual(await told("GET /collections/c/exists"), of({ exists: false }));
    assert.deepEqual(await told("PUT /collections/c", VECTORS), of(true));
    const index = { field_name: "brain", field_schema: { type: "keyword", is_tenant: true } };
    assert.deepEqual(
      await told("PUT /collections/c/index?wait=true", index),
      of({ operation_id: 0, status: "completed" }),
    );
    assert.deepEqual(await told("GET /collections"), of({ collections: [{ name: "c" }] }));
    const shown = JSON.stringify(await told("GET /collections/c"));
    assert.match(shown, /"vectors":\{"size":2,"distance":"Cosine"\}/);
    assert.match(shown, /"payload_schema":\{"brain":\{"data_type":"keyword",.*"points":0\}\}/);
    assert.deepEqual(await told("DELETE /collections/c"), of(true));
    assert.deepEqual(await told("DELETE /collections/c"), of(false));
  });
});

Deno.test("what Qdrant refuses is refused with its status and in its words", async () => {
  const point = (id: unknown, vector: unknown) => ({ points: [{ id, vector }] });
  const cases: [string, unknown, number, string][] = [
    ["GET /collections/d", undefined, 404, "Not found: Collection `d` doesn't exist!"],
    ["POST /collections/d/points/count", {}, 404, "Not found: Collection `d` doesn't exist!"],
    ["PUT /collections/c", VECTORS, 409, "Wrong input: Collection `c` already exists!"],
    [
      "PUT /collections/c/points",
      point(ONE, [1, 2, 3]),
      400,
      "Wrong input: Vector dimension error: expected dim: 2, got 3",
    ],
    [
      "POST /collections/c/points/query",
      { query: [1] },
      400,
      "Wrong input: Vector dimension error: expected dim: 2, got 1",
    ],
    [
      "POST /collections/c/points/payload",
      { points: [THREE, ONE.replace("1", "9")], payload: {} },
      404,
      `Not found: No point with id ${ONE.replace("1", "9")} found`,
    ],
  ];
  await withPoints(async (standIn) => {
    for (const [request, body, status, error] of cases) {
      assert.deepEqual(
        await ask(standIn, request, body),
        { status, reply: { status: { error } } },
        request,
      );
    }
  });
});

Deno.test("a vector that is too short or too long to be measured in float32 has no direction", async () => {
  await withPoints(async (standIn) => {
    const points = [{ id: 1, vector: [1e-9, 0] }, { id: 2, vector: [1e38, 1e38] }];
    await ask(standIn, "PUT /collections/c/points", { points });
    const filter = { must: [{ has_id: [1, 2] }] };
    const { reply } = await ask(standIn, "POST /collections/c/points/query", {
      query: [1, 0],
      filter,
      with_vector: true,
    });
    assert.deepEqual(reply, {
      result: {
        points: [
          { id: 1, version: 1, score: Math.fround(1e-9), vector: [Math.fround(1e-9), 0] },
          { id: 2, version: 1, score: 0, vector: [0, 0] },
        ],
      },
      status: "ok",
    });
  });
});

Deno.test("what cannot be read is refused", async () => {
  const points = (point: object) => ({ points: [{ id: 1, vector: [1, 0], ...point }] });
  const cases: [string, unknown, number, RegExp][] = [
    ["PUT /collections/c/points", points({ id: "memory-1" }), 400, /not a valid point ID/],
    ["PUT /collections/c/points", points({ id: -1 }), 400, /not a valid point ID/],
    ["PUT /collections/c/points", points({ vector: [1, null] }), 400, /^Format error/],
    ["POST /collections/c/points/count", { filter: { must: [{ key: "a" }] } }, 422, /^Validation/],
    ["POST /collections/c/points/count", { filter: { most: [] } }, 400, /^Format error/],
    ["PUT /collections/d", { vectors: { size: 0, distance: "Cosine" } }, 422, /^Validation error/],
    ["PUT /collections/d", { vectors: { size: 2, distance: "cosine" } }, 400, /^Format error/],
  ];
  const standIn = await StandIn.start({ isChecked: false });
  try {
    await ask(standIn, "PUT /collections/c", VECTORS);
    for (const [request, body, wanted, words] of cases) {
      const { status, reply } = await ask(standIn, request, body);
      const { status: { error } } = Refused.parse(reply);
      assert.equal(status, wanted, error);
      assert.match(error, words);
    }
    assert.equal((await ask(standIn, "GET /nowhere")).status, 404);
  } finally {
    await standIn.close();
  }
});

Deno.test("without the key nothing is told, and with the one for reading nothing is changed", async () => {
  await withStandIn(async (standIn) => {
    const count = (headers: Record<string, string>) =>
      ask(standIn, "POST /collections/c/points/count", {}, headers);
    const none = { status: 401, reply: "Must provide an API key or an Authorization bearer token" };
    assert.deepEqual(await count({}), none);
    assert.deepEqual(await count({ "api-key": "wrong" }), {
      status: 401,
      reply: "Invalid API key or JWT",
    });
    assert.equal((await count({ "api-key": "right" })).status, 404);
    assert.equal((await count({ authorization: "Bearer right" })).status, 404);
    const reading = { "api-key": "reading" };
    assert.equal((await count(reading)).status, 404);
    assert.equal((await ask(standIn, "PUT /collections/c", VECTORS, reading)).status, 403);
    assert.deepEqual(await ask(standIn, "GET /healthz"), {
      status: 200,
      reply: "healthz check passed",
    });
  }, { apiKey: "right", readOnlyApiKey: "reading" });
});
