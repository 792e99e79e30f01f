/** mem0's routes: what each answers, whole, as its clients know it. */
import assert from "node:assert/strict";
import { type Json, NOW, put } from "./http_app.ts";
import { idOf } from "./fakes/store_kit.ts";
import { add, ask, READ_KEY, shown, told, withMem0 } from "./mem0_kit.ts";

const FENCE = "The fence gets cedar posts.";

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
    const seventh = await add(app, FENCE, { filters: { user_id: 7, run_id: null } });
    const { metadata: counted } = await app.done(200, "GET", `/memories/${seventh}`);
    assert.deepEqual(counted, { user_id: "7" });
    await told(200, app, "DELETE", "/v1/memories/?user_id=7");
    const other = await put(app, { content: "The hedge is high.", tags: ["garden"] });
    const { results } = await told(200, app, "POST", "/v3/memories/", {});
    assert.deepEqual(results, [
      shown(other, "The hedge is high.", { categories: ["garden"] }),
      shown(id, FENCE, { user_id: "ada", metadata: { source: "phone" } }),
    ]);
  });
});

Deno.test("what is said in the metadata of whom it is counts, unless it is said beside it", async () => {
  await withMem0(async (app) => {
    const metadata = { user_id: "bob", agent_id: "gardener", role: "poet", mem0_history: ["x"] };
    const id = await add(app, FENCE, { user_id: "ada", metadata });
    const path = `/v1/memories/${id}/`;
    const whose = { user_id: "ada", agent_id: "gardener" };
    const kept = { ...whose, metadata: { role: "poet" } };
    assert.deepEqual(await told(200, app, "GET", path), shown(id, FENCE, kept));
    const { metadata: stored } = await app.done(200, "GET", `/memories/${id}`);
    assert.deepEqual(stored, { role: "poet", agent_id: "gardener", user_id: "ada" });
    await told(200, app, "PUT", path, { text: FENCE });
    assert.deepEqual(await told(200, app, "GET", path), shown(id, FENCE, kept));
    await told(200, app, "PUT", path, { metadata: { user_id: "bob" } });
    assert.deepEqual(await told(200, app, "GET", path), shown(id, FENCE, { ...whose }));
  });
});

Deno.test("changes at the same time make one history; of a long one the newest is kept", async () => {
  await withMem0(async (app) => {
    const id = await add(app, "Text 0.");
    const path = `/v1/memories/${id}/`;
    const texts = Array.from({ length: 9 }, (_, n) => `Text ${n + 1}.`);
    await Promise.all(texts.map((text) => told(200, app, "PUT", path, { text })));
    const history = async () => {
      const changes: Json[] = await told(200, app, "GET", `${path}history/`);
      changes.forEach(({ old_memory }, at) => {
        assert.equal(old_memory, at === 0 ? null : changes[at - 1].new_memory);
      });
      return changes.map(({ new_memory }) => new_memory);
    };
    assert.deepEqual((await history()).toSorted(), ["Text 0.", ...texts]);
    await told(200, app, "PUT", path, { text: "x".repeat(15_000) });
    await told(200, app, "PUT", path, { metadata: { m: "x".repeat(40_000) } });
    const full = await history();
    assert.deepEqual([full.length, full.at(-1)], [11, "x".repeat(15_000)]);
    await told(200, app, "PUT", path, { text: "y".repeat(1_000) });
    const lengths = (await history()).map((text) => text.length);
    assert.deepEqual(lengths, [...Array(10).fill(7), 15_000, 1_000]);
    await told(200, app, "PUT", path, { text: "z" });
    for (let n = 0; n < 25; n++) await told(200, app, "PUT", path, { text: `${n}` });
    assert.deepEqual(await history(), Array.from({ length: 21 }, (_, n) => `${n + 4}`));
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
