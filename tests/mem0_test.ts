/** mem0's routes: what each answers, whole, as its clients know it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type HttpApp, type Json, NOW, put, withApp } from "./http_app.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { add, ask, mem0Setup, READ_KEY, told } from "./mem0_kit.ts";

const FENCE = "The fence gets cedar posts.";

async function withMem0(test: (app: HttpApp, clock: FakeClock) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  await clock.advance(Date.parse(NOW));
  await withApp((app) => test(app, clock), mem0Setup({ clock }));
}

/** As every route shows a memory. */
function shown(id: string, text: string, fields = {}) {
  return {
    id,
    memory: text,
    user_id: null,
    agent_id: null,
    app_id: null,
    run_id: null,
    hash: createHash("md5").update(text).digest("hex"),
    metadata: {},
    categories: [],
    created_at: NOW,
    updated_at: NOW,
    expiration_date: null,
    ...fields,
  };
}

Deno.test("a client's first question is answered, with the key as its scheme has it", async () => {
  await withMem0(async (app) => {
    assert.deepEqual(await told(200, app, "GET", "/v1/ping/"), {
      status: "ok",
      org_id: "second-brain",
      project_id: "second-brain",
      user_email: null,
    });
    const shut = await ask(app, "GET", "/v1/ping/", { key: "no-key-0123456789abcdef" });
    assert.deepEqual([shut.status, shut.headers.get("www-authenticate"), shut.body], [
      401,
      "Token",
      {
        error: "unauthorized",
        detail: "Cannot let this request in: send the container's key as \"Authorization: Bearer " +
          'KEY" or "X-API-Key: KEY"',
      },
    ]);
    const bearer = { headers: { Authorization: "Bearer " }, key: null };
    assert.equal((await ask(app, "GET", "/v1/ping/", bearer)).status, 401);
  });
});

Deno.test("a memory is added, read, changed, told the history of, and deleted", async () => {
  await withMem0(async (app, clock) => {
    const added = await told(200, app, "POST", "/v3/memories/add/", {
      messages: [{ role: "user", content: FENCE }],
      user_id: "ada",
      run_id: "spring",
      metadata: { source: "phone" },
      infer: false,
    });
    const id = idOf(1);
    const results = [{ id, event: "ADD", memory: FENCE, data: { memory: FENCE } }];
    const message = "Memories stored successfully";
    assert.deepEqual(added, { message, status: "SUCCEEDED", event_id: "event-1", results });
    const times = { created_at: NOW, updated_at: NOW };
    assert.deepEqual(
      await told(200, app, "GET", "/v1/event/event-1/"),
      { id: "event-1", event_type: "ADD", status: "SUCCEEDED", results, ...times },
    );

    const own = { user_id: "ada", run_id: "spring", metadata: { source: "phone" } };
    const path = `/v1/memories/${id}/`;
    assert.deepEqual(await told(200, app, "GET", path), shown(id, FENCE, own));
    await clock.advance(1_000);
    const later = "2026-01-31T12:00:01.000Z";
    const text = "The fence gets oak posts.";
    const changed = { ...own, metadata: { source: "desk" }, updated_at: later };
    assert.deepEqual(
      await told(200, app, "PUT", path, { text, metadata: { source: "desk" } }),
      { ...shown(id, text, changed), text },
    );
    assert.deepEqual(await told(200, app, "GET", path), shown(id, text, changed));

    const history: Json = await told(200, app, "GET", `${path}history/`);
    const of = { memory_id: id, input: [], agent_id: null, app_id: null, categories: [] };
    const shared = { ...of, ...own, metadata: { source: "desk" } };
    assert.deepEqual(history, [
      { id: history[0].id, old_memory: null, new_memory: FENCE, event: "ADD", ...shared, ...times },
      {
        ...{ id: history[1].id, old_memory: FENCE, new_memory: text, event: "UPDATE", ...shared },
        ...{ created_at: later, updated_at: later },
      },
    ]);
    assert.equal(new Set(history.map(({ id }: { id: string }) => id)).size, 2);
    assert.deepEqual(await told(200, app, "GET", `${path}history/`), history);

    const gone = { message: "Memory deleted successfully!" };
    assert.deepEqual(await told(200, app, "DELETE", path), gone);
    for (const method of ["GET", "DELETE"]) {
      assert.deepEqual(await told(404, app, method, path), {
        error: "not_found",
        detail: `Cannot find the memory: there is none with the id "${id}"`,
      });
    }
  });
});

Deno.test("what is added is an ordinary memory, and an ordinary memory is one of theirs", async () => {
  await withMem0(async (app) => {
    const id = await add(app, FENCE, { user_id: "ada", metadata: { source: "phone" } });
    const { content, metadata } = await app.done(200, "GET", `/memories/${id}`);
    const kept = { source: "phone", user_id: "ada" };
    assert.deepEqual([content, metadata], [FENCE, kept]);
    const other = await put(app, { content: "The hedge is high.", tags: ["garden"] });
    const { results } = await told(200, app, "POST", "/v3/memories/", {});
    assert.deepEqual(results, [
      shown(other, "The hedge is high.", { categories: ["garden"] }),
      shown(id, FENCE, { user_id: "ada", metadata: { source: "phone" } }),
    ]);
  });
});

Deno.test("messages come in several forms, and each that says something is one memory", async () => {
  const user = (content: unknown) => ({ role: "user", content });
  const FORMS: readonly (readonly [unknown, readonly string[]])[] = [
    ["One.", ["One."]],
    [user("One."), ["One."]],
    [[user("One."), user("Two.")], ["One.", "Two."]],
    [[{ role: "system", content: "Be kind." }, user("One."), user(null), user(" ")], ["One."]],
    [[user([{ type: "text", text: "One." }, { type: "text", text: "Two." }])], ["One.\nTwo."]],
    [[user({ type: "text", text: "One." })], ["One."]],
    [[{ content: "One." }], ["One."]],
  ];
  await withMem0(async (app) => {
    for (const [messages, texts] of FORMS) {
      const asked = { messages, infer: false };
      const { results } = await told(200, app, "POST", "/v3/memories/add/", asked);
      assert.deepEqual(results.map(({ memory }: { memory: string }) => memory), texts);
    }
    const said = { messages: [{ role: "assistant", content: "Oak lasts." }], infer: false };
    const { results: [{ id }] } = await told(200, app, "POST", "/v3/memories/add/", said);
    assert.deepEqual((await told(200, app, "GET", `/v1/memories/${id}/`)).metadata, {
      role: "assistant",
    });
  });
});

Deno.test("a time and a last day are kept; after that day it is not found, but there", async () => {
  await withMem0(async (app) => {
    const created_at = "2023-11-14T22:13:20.000Z";
    const fields = { timestamp: 1_700_000_000, expiration_date: "2026-01-31" };
    const id = await add(app, FENCE, fields);
    const path = `/v1/memories/${id}/`;
    const view = (expiration_date: string) => shown(id, FENCE, { created_at, expiration_date });
    const found = async (more = {}) => {
      const listed = await told(200, app, "POST", "/v3/memories/", more);
      const asked = { query: "cedar", ...more };
      const { results } = await told(200, app, "POST", "/v3/memories/search/", asked);
      return [listed.count, results.length];
    };
    assert.deepEqual(await told(200, app, "GET", path), view("2026-01-31"));
    assert.deepEqual(await found(), [1, 1]);
    await told(200, app, "PUT", path, { expiration_date: "2026-01-30T23:59:59Z" });
    assert.deepEqual(await found(), [0, 0]);
    assert.deepEqual(await found({ show_expired: true }), [1, 1]);
    assert.deepEqual(await told(200, app, "GET", path), view("2026-01-30"));
    await told(200, app, "PUT", path, { expiration_date: null });
    assert.deepEqual(await found(), [1, 1]);
  });
});

Deno.test("a list has pages with neighbours, and in older versions is plain", async () => {
  await withMem0(async (app, clock) => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      ids.unshift(await add(app, `Note ${n}.`, { user_id: n === 0 ? "bob" : "ada" }));
      await clock.advance(1);
    }
    const idsIn = (list: readonly { id: string }[]) => list.map(({ id }) => id);
    const page = async (method: string, path: string, json?: object) => {
      const { results, ...rest } = await told(200, app, method, path, json);
      return { ...rest, ids: idsIn(results) };
    };
    const all = { count: 5, next: null, previous: null, ids };
    assert.deepEqual(await page("POST", "/v3/memories/", {}), all);
    const filters = { user_id: "ada" };
    const paged = "/v3/memories/?page=2&page_size=3";
    assert.deepEqual(await page("POST", "/v3/memories/?page=1&page_size=3", { filters }), {
      ...{ count: 4, next: `http://brain${paged}`, previous: null },
      ids: ids.slice(0, 3),
    });
    assert.deepEqual(await page("POST", paged, { filters }), {
      ...{ count: 4, next: null, previous: "http://brain/v3/memories/?page=1&page_size=3" },
      ids: ids.slice(3, 4),
    });
    assert.deepEqual((await page("POST", "/v3/memories/?page=9", { filters })).ids, []);
    assert.deepEqual(await page("GET", "/v1/memories/?user_id=ada&page=2&page_size=3"), {
      ...{ count: 4, next: null },
      previous: "http://brain/v1/memories/?user_id=ada&page=1&page_size=3",
      ids: ids.slice(3, 4),
    });
    assert.deepEqual(
      idsIn(await told(200, app, "GET", "/v1/memories/?user_id=ada")),
      ids.slice(0, 4),
    );
    assert.deepEqual(
      idsIn(await told(200, app, "POST", "/v2/memories/", { filters })),
      ids.slice(0, 4),
    );
    const wrapped = { filters, output_format: "v1.1" };
    assert.deepEqual(await page("POST", "/v2/memories/", wrapped), { ids: ids.slice(0, 4) });
    assert.deepEqual(await page("POST", "/v2/memories/?page=1&page_size=9", { filters }), {
      ...{ count: 4, next: null, previous: null },
      ids: ids.slice(0, 4),
    });
  });
});

Deno.test("a search finds what is of somebody, the best first, in the shape of its version", async () => {
  await withMem0(async (app) => {
    const ada = await add(app, FENCE, { user_id: "ada" });
    const bob = await add(app, "Bob paints the fence posts.", { user_id: "bob" });
    const search = async (path: string, json: object) =>
      await told(200, app, "POST", path, { query: "cedar fence posts", ...json });
    const { results } = await search("/v3/memories/search/", { filters: { user_id: "ada" } });
    const { score } = results[0];
    assert.ok(score > 0 && score <= 1, `${score}`);
    assert.deepEqual(results, [{ ...shown(ada, FENCE, { user_id: "ada" }), score }]);
    assert.deepEqual(await search("/v1/memories/search/", { user_id: "ada" }), results);
    assert.deepEqual(
      await search("/v2/memories/search/", { filters: { user_id: "ada" } }),
      results,
    );
    assert.deepEqual(
      await search("/v2/memories/search/", { user_id: "ada", output_format: "v1.1" }),
      { results },
    );
    const ids = async (json: object) =>
      (await search("/v3/memories/search/", json)).results.map(({ id }: { id: string }) => id);
    assert.deepEqual(await ids({}), [ada, bob]);
    assert.deepEqual(await ids({ top_k: 1 }), [ada]);
    assert.deepEqual(await ids({ limit: 1 }), [ada]);
    assert.deepEqual(await ids({ threshold: 1 }), []);
    assert.deepEqual(await ids({ filters: { NOT: { user_id: "ada" } }, top_k: 1 }), [bob]);
    assert.deepEqual(
      await search("/v3/memories/search/", { fields: ["memory"], top_k: 1 }),
      { results: [{ id: ada, memory: FENCE }] },
    );
  });
});

Deno.test("many are changed or deleted at once, or none where one is not there", async () => {
  await withMem0(async (app) => {
    const ids = [await add(app, "One."), await add(app, "Two."), await add(app, "Three.")];
    const texts = async () =>
      (await told(200, app, "POST", "/v3/memories/", {})).results
        .map(({ memory }: { memory: string }) => memory).toSorted();
    const updates = ids.map((memory_id, n) => ({ memory_id, text: `Text ${n}.` }));
    const stranger = { memory_id: idOf(99), text: "None." };
    const message = (text: string) => ({ message: text });
    await told(404, app, "PUT", "/v1/batch/", { memories: [...updates, stranger] });
    await told(404, app, "DELETE", "/v1/batch/", { memories: [...updates, stranger] });
    assert.deepEqual(await texts(), ["One.", "Three.", "Two."]);
    assert.deepEqual(
      await told(200, app, "PUT", "/v1/batch/", { memories: updates }),
      message("Successfully updated 3 memories"),
    );
    assert.deepEqual(await texts(), ["Text 0.", "Text 1.", "Text 2."]);
    assert.deepEqual(
      await told(200, app, "DELETE", "/v1/batch/", { memories: updates.slice(1) }),
      message("Successfully deleted 2 memories"),
    );
    assert.deepEqual(await texts(), ["Text 0."]);
  });
});

Deno.test("all that is somebody's is deleted; nothing is where nobody is named", async () => {
  await withMem0(async (app) => {
    const plain = await put(app, { content: "Made by REST." });
    for (const user_id of ["ada", "bob", "cleo"]) await add(app, FENCE, { user_id });
    await add(app, FENCE, { agent_id: "gardener" });
    const left = async () => (await told(200, app, "POST", "/v3/memories/", {})).count;
    assert.deepEqual(await told(400, app, "DELETE", "/v1/memories/"), {
      error: "invalid",
      detail: "Cannot delete memories: say whose, by user_id, agent_id, app_id, run_id; " +
        '"*" is anybody\'s',
    });
    await told(400, app, "DELETE", "/v1/memories/?filters=%7B%7D&user_id=ada");
    assert.equal(await left(), 5);
    const done = { message: "Memories deleted successfully!" };
    assert.deepEqual(await told(200, app, "DELETE", "/v1/memories/?user_id=ada&agent_id=x"), done);
    assert.equal(await left(), 5);
    assert.deepEqual(await told(200, app, "DELETE", "/v1/memories/?user_id=ada"), done);
    assert.equal(await left(), 4);
    await told(200, app, "DELETE", "/v1/memories/?user_id=*");
    assert.equal(await left(), 2);
    await told(200, app, "DELETE", "/v1/memories/?user_id=*&agent_id=*&app_id=*&run_id=*");
    assert.deepEqual(await app.ids(), [plain]);
  });
});

Deno.test("whom memories are of is listed, and deleted with them", async () => {
  await withMem0(async (app, clock) => {
    await add(app, FENCE, { user_id: "ada", agent_id: "a/b" });
    await clock.advance(1_000);
    await add(app, FENCE, { user_id: "ada" });
    const later = "2026-01-31T12:00:01.000Z";
    const entity = (type: string, name: string, total: number, updated_at: string) => ({
      ...{ id: name, name, type, created_at: NOW, updated_at, total_memories: total },
      ...{ owner: "", organization: "", metadata: null },
    });
    const agent = entity("agent", "a/b", 1, NOW), user = entity("user", "ada", 2, later);
    const all = { count: 2, next: null, previous: null, results: [agent, user] };
    assert.deepEqual(await told(200, app, "GET", "/v1/entities/"), all);
    assert.deepEqual(await told(200, app, "GET", "/v1/entities/?page=2&page_size=1"), {
      ...all,
      previous: "http://brain/v1/entities/?page=1&page_size=1",
      results: [user],
    });
    const gone = { message: "Entity deleted successfully!" };
    assert.deepEqual(await told(200, app, "DELETE", "/v2/entities/agent/a%2Fb/"), gone);
    assert.deepEqual((await told(200, app, "GET", "/v1/entities/")).results, [
      { ...user, total_memories: 1, created_at: later },
    ]);
    assert.deepEqual(await told(200, app, "DELETE", "/v1/entities/user/ada/"), gone);
    assert.deepEqual(await told(404, app, "DELETE", "/v1/entities/user/ada/"), {
      error: "not_found",
      detail: "Cannot delete the user: there is no memory of it",
    });
    await told(400, app, "DELETE", "/v1/entities/house/ada/");
    assert.equal((await told(200, app, "GET", "/v1/entities/")).count, 0);
  });
});

Deno.test("a key for reading opens what only reads", async () => {
  await withMem0(async (app) => {
    const id = await add(app, FENCE, { user_id: "ada" });
    const path = `/v1/memories/${id}/`;
    const ROUTES: readonly (readonly [string, string, number, object?])[] = [
      ["GET", "/v1/ping/", 200],
      ["GET", path, 200],
      ["GET", `${path}history/`, 200],
      ["GET", "/v1/memories/", 200],
      ["POST", "/v2/memories/", 200, {}],
      ["POST", "/v3/memories/", 200, {}],
      ["POST", "/v1/memories/search/", 200, { query: "cedar" }],
      ["POST", "/v2/memories/search/", 200, { query: "cedar" }],
      ["POST", "/v3/memories/search/", 200, { query: "cedar" }],
      ["GET", "/v1/entities/", 200],
      ["GET", "/v1/event/event-1/", 200],
      ["POST", "/v1/memories/", 403, { messages: "One." }],
      ["POST", "/v3/memories/add/", 403, { messages: "One." }],
      ["PUT", path, 403, { text: "Two." }],
      ["DELETE", path, 403],
      ["DELETE", "/v1/memories/?user_id=ada", 403],
      ["PUT", "/v1/batch/", 403, { memories: [{ memory_id: id, text: "Two." }] }],
      ["DELETE", "/v1/batch/", 403, { memories: [{ memory_id: id }] }],
      ["DELETE", "/v1/entities/user/ada/", 403],
      ["DELETE", "/v2/entities/user/ada/", 403],
    ];
    for (const [method, path, status, json] of ROUTES) {
      const reply = await ask(app, method, path, { key: READ_KEY, ...(json && { json }) });
      assert.equal(reply.status, status, `${method} ${path}: ${JSON.stringify(reply.body)}`);
      if (status === 403) assert.equal(reply.body.error, "forbidden");
    }
    assert.deepEqual(await app.ids(), [id]);
  });
});
