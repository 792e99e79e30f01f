/** What mem0's routes refuse, in their clients' form, and that nothing is changed by it. */
import assert from "node:assert/strict";
import { type Json, KEY, put, withApp } from "./http_app.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { add, ask, mem0Setup, told, withMem0 } from "./mem0_kit.ts";

const user = (content: unknown) => [{ role: "user", content }];
const ADD = "POST /v3/memories/add/";
const SEARCH = "POST /v3/memories/search/";
const ONE = `PUT /v1/memories/${idOf(1)}/`;
const ONLY_TEXT = "must be text: images and documents cannot be kept here";
const IMAGE = { type: "image_url", image_url: { url: "https://example.com/a.png" } };

/** A route, a body, and how the detail goes on. */
type Row = readonly [string, Json, string];

const NOT_TAKEN: readonly Row[] = [
  [ADD, {}, '"/messages/0" must be a message: a role and a content'],
  [ADD, { messages: [] }, '"/messages" must say something, beside a system prompt'],
  [ADD, { messages: user(" ") }, '"/messages" must say something'],
  [ADD, { messages: [{ role: "system", content: "Be kind." }] }, '"/messages" must say something'],
  [ADD, { messages: user([IMAGE]) }, `"/messages/0/content" ${ONLY_TEXT}`],
  [ADD, { messages: user(IMAGE) }, `"/messages/0/content" ${ONLY_TEXT}`],
  [ADD, { messages: "One.", enable_graph: true }, '"/enable_graph" cannot be: memories here have'],
  [ADD, { messages: "One.", expiration_date: "soon" }, '"/expiration_date" must be such as 2026'],
  [ADD, { messages: "One.", user_id: "x".repeat(257) }, '"/user_id"'],
  [ADD, { messages: "x".repeat(100_001) }, '"/content" must have at most 100,000 characters'],
  [ADD, { messages: "One.", metadata: { m: "x".repeat(70_000) } }, '"/metadata" must be at most'],
  [ADD, { messages: "One.", user_id: "*" }, '"/user_id" must be a name'],
  [ADD, { messages: "One.", run_id: ".." }, '"/run_id" must be a name'],
  [ADD, { messages: "One.", filters: { user_id: ".." } }, '"/user_id" must be a name'],
  [SEARCH, {}, '"/query"'],
  [SEARCH, { query: " " }, '"/query"'],
  [SEARCH, { query: "a", top_k: 0 }, '"/top_k"'],
  ["POST /v3/memories/", { filters: [] }, '"/filters" must be an object'],
  ["POST /v3/memories/?page=0", {}, '"/page" must be a whole number from 1'],
  ["POST /v3/memories/?page_size=1001", {}, '"/page_size"'],
  ["GET /v1/memories/?metadata=no", undefined, '"/metadata" must be an object'],
  [ONE, {}, '"/" must have a text'],
  [ONE, { text: " " }, '"/text" must not be empty'],
  [ONE, { timestamp: 1 }, '"/timestamp" cannot be changed here'],
  ["PUT /v1/batch/", { memories: [] }, '"/memories"'],
  ["PUT /v1/batch/", { memories: [{ memory_id: idOf(1) }] }, '"/memories/0" must have a text'],
  ["DELETE /v1/batch/", { memories: ["a"] }, '"/memories/0"'],
];

const INVALID: readonly Row[] = [
  ...NOT_TAKEN.map(([asked, json, detail]): Row => [
    ...[asked, json, `Cannot take the request: ${detail}`] as const,
  ]),
  [
    ...[ADD, { messages: "One.", infer: true }] as const,
    "Cannot draw memories out of the conversation: no chat model is set here (CHAT_MODEL); " +
    "send infer false to keep the messages as they are",
  ],
  [ADD, { messages: "One.", timestamp: 1.7e15 }, "Cannot add memories: the timestamp must be in"],
  ...[
    { user_id: "*" },
    { user_id: { in: ["ada"] } },
    { OR: [{ user_id: "ada" }] },
    { OR: [] },
    { AND: [{ user_id: "ada" }, { user_id: "bob" }] },
    { user_id: "ada", categories: ["garden"] },
    { user_id: { eq: "ada", ne: "bob" } },
  ].map((filters): Row => [
    ...[ADD, { messages: "One.", filters }] as const,
    "Cannot add memories: filters say whose they are here, each by one value, such as " +
    '{"user_id": "ada"}',
  ]),
  ["POST /v3/memories/", { filters: { owner: 1 } }, 'Cannot filter: there is no field "owner"'],
];

const NOT_FOUND: readonly Row[] = [
  ["GET /v1/memories/7/", undefined, "Cannot find the memory: its id is not a UUID"],
  [`GET /v1/memories/${idOf(99)}/history/`, undefined, "Cannot find the memory: there is none"],
  [`PUT /v1/memories/${idOf(99)}/`, { text: "One." }, "Cannot find the memory: there is none"],
  ["GET /v1/event/any/", undefined, "Cannot find the event: only the last 200 are kept"],
  ["GET /v1/memory/", undefined, "Cannot answer: there is no such path, or not with this method"],
  ["PATCH /v1/ping/", undefined, "Cannot answer: there is no such path, or not with this method"],
];

const NOT_HERE: readonly Row[] = [
  ["POST /v1/exports/", {}, "there are no exports by a schema; POST /export gives everything"],
  ["POST /v1/exports/get/", {}, "there are no exports by a schema"],
  ["POST /v1/summary/", {}, "there are no exports by a schema"],
  ["POST /v1/feedback/", {}, "feedback is not kept; change or delete the memory"],
  ["GET /v2/entities/user/ada/profile/", undefined, "there are no profiles; search instead"],
  ["POST /v2/profiles/jobs/", {}, "there are no profiles; search instead"],
  ["GET /api/v1/webhooks/projects/1/", undefined, "there are no webhooks; listen to GET /events"],
  ["GET /api/v1/orgs/organizations/1/projects/1/", undefined, "there are no organisations"],
  ["POST /v1/users/", {}, "an entity is there with its first memory; add that"],
  ["GET /v1/stats/", undefined, "nothing is told of requests; look at GET /stats and /metrics"],
];

const REFUSALS = [
  [400, "invalid", "", INVALID],
  [404, "not_found", "", NOT_FOUND],
  [501, "not_supported", "Cannot do this here: ", NOT_HERE],
] as const;

Deno.test("each thing that cannot be is refused in the clients' form, and changes nothing", async () => {
  await withMem0(async (app) => {
    await add(app, "The fence gets cedar posts.", { user_id: "ada" });
    const before = await app.done(200, "GET", "/memories");
    for (const [status, error, start, rows] of REFUSALS) {
      for (const [asked, json, rest] of rows) {
        const [method = "", path = ""] = asked.split(" ");
        const body = await told(status, app, method, path, json);
        const detail = start + rest;
        const shown = { ...body, detail: body.detail.slice(0, detail.length) };
        assert.deepEqual(shown, { error, detail }, asked);
      }
    }
    assert.deepEqual(await app.done(200, "GET", "/memories"), before);
  });
});

Deno.test("a body that is none is refused as everywhere, in their form", async () => {
  await withMem0(async (app) => {
    const BODIES: readonly (readonly [string, string, number, string])[] = [
      ["{", "application/json", 400, "malformed"],
      ["{}", "text/plain", 415, "unsupported_media_type"],
      [`{"messages":"${"x".repeat(1 << 20)}"}`, "application/json", 413, "too_large"],
    ];
    for (const [body, type, status, error] of BODIES) {
      const headers = { "Content-Type": type };
      const reply = await ask(app, "POST", "/v3/memories/add/", { body, headers });
      assert.deepEqual([reply.status, reply.body.error], [status, error]);
    }
  });
});

Deno.test("one scheme more than ours is known here, and at no other path", async () => {
  await withMem0(async (app) => {
    const token = { headers: { Authorization: `Token ${KEY}` }, key: null };
    assert.equal((await app.call("GET", "/memories", token)).status, 401);
    const bearer = { headers: { Authorization: `Bearer ${KEY}` } };
    assert.equal((await ask(app, "GET", "/v1/ping/", bearer)).status, 200);
    const lower = { headers: { Authorization: `token  ${KEY}` } };
    assert.equal((await ask(app, "GET", "/v1/ping", lower)).status, 200);
    assert.equal((await ask(app, "GET", "/v1/ping/", { key: null })).status, 401);
    await put(app, { content: "One." });
  });
});

Deno.test("where there is no room for all, none is added, and the status says so to them", async () => {
  const clock = new FakeClock();
  await withApp(async (app) => {
    const id = await add(app, "One.");
    const messages = [...user("Two."), ...user("Three."), ...user("Four.")];
    const body = await told(413, app, "POST", "/v3/memories/add/", { messages });
    assert.equal(body.error, "insufficient_storage");
    assert.deepEqual(await app.ids(), [id]);
  }, { ...mem0Setup({ clock }), limits: { memories: 3, bytes: 0 } });
});

Deno.test("what is told of an addition later is as the memories are then, and only of the last ones", async () => {
  await withMem0(async (app) => {
    const messages = [...user("My secret."), ...user("Tea is at five.")];
    const { results, event_id } = await told(200, app, "POST", "/v3/memories/add/", { messages });
    const [secret, tea] = results;
    await told(200, app, "DELETE", `/v1/memories/${secret.id}/`);
    await told(200, app, "PUT", `/v1/memories/${tea.id}/`, { text: "Tea is at six." });
    const event = await told(200, app, "GET", `/v1/event/${event_id}/`);
    const memory = "Tea is at six.";
    assert.deepEqual(event.results, [
      { id: secret.id, event: "ADD" },
      { id: tea.id, event: "ADD", memory, data: { memory } },
    ]);
    for (let n = 0; n < 200; n++) await add(app, "One.");
    await told(404, app, "GET", `/v1/event/${event_id}/`);
  });
});
