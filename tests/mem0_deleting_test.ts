/** What deletions of mem0's take away: no more than was asked for, whatever else is said beside it. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import { add, told, withMem0 } from "./mem0_kit.ts";

const FENCE = "The fence gets cedar posts.";

Deno.test("a deletion is narrowed by all that is said, or refused", async () => {
  await withMem0(async (app) => {
    const kept = await add(app, FENCE, { user_id: "ada", metadata: { kind: "keep" } });
    const draft = await add(app, FENCE, { user_id: "ada", metadata: { kind: "draft" } });
    const before = [kept, draft].toSorted();
    const by = (metadata: string) => `metadata=${encodeURIComponent(metadata)}`;
    const UNKNOWN = "does not narrow a deletion; say user_id, agent_id, app_id, run_id or metadata";
    const REFUSED: readonly (readonly [string, string])[] = [
      ["user_id=ada&start_date=2099-01-01", `"/start_date" ${UNKNOWN}`],
      ["user_id=ada&runId=r1", `"/runId" ${UNKNOWN}`],
      ["user_id=ada&user_id=bob", '"/user_id" must be said once'],
      [`user_id=ada&${by("draft")}`, '"/metadata" must be an object'],
      [`user_id=ada&${by("{}")}`, '"/metadata" must say something'],
      ["user_id=ada&filters=%7B%7D", '"/filters" cannot be read from a query'],
    ];
    for (const [query, detail] of REFUSED) {
      const body = await told(400, app, "DELETE", `/v1/memories/?${query}`);
      const start = `Cannot take the request: ${detail}`;
      assert.equal(body.detail.slice(0, start.length), start, query);
    }
    await told(400, app, "DELETE", `/v1/memories/?${by('{"kind":"draft"}')}`);
    assert.deepEqual((await app.ids()).toSorted(), before);
    const named = `user_id=ada&org_id=o&project_id=p&${by('{"kind":"draft"}')}`;
    await told(200, app, "DELETE", `/v1/memories/?${named}`);
    assert.deepEqual(await app.ids(), [kept]);
  });
});

Deno.test("of anybody, said of two, is of either; beside a name it is of both", async () => {
  await withMem0(async (app) => {
    const agent = await add(app, FENCE, { agent_id: "gardener" });
    await add(app, FENCE, { run_id: "spring" });
    await add(app, FENCE, { user_id: "ada" });
    await told(200, app, "DELETE", "/v1/memories/?user_id=*&agent_id=gardener");
    assert.equal((await app.ids()).length, 3);
    await told(200, app, "DELETE", "/v1/memories/?user_id=*&run_id=*");
    assert.deepEqual(await app.ids(), [agent]);
  });
});

Deno.test("who deletes each of a list of entities gets to its end, and may ask again", async () => {
  await withMem0(async (app) => {
    await add(app, FENCE, { user_id: "bob", agent_id: "gardener" });
    await add(app, FENCE, { user_id: "ada", run_id: "r1" });
    const gone = { message: "Entity deleted successfully!" };
    const { results } = await told(200, app, "GET", "/v1/entities/");
    for (const { type, name } of [...results, ...results]) {
      assert.deepEqual(await told(200, app, "DELETE", `/v2/entities/${type}/${name}/`), gone);
    }
    assert.deepEqual(await app.ids(), []);
  });
});

Deno.test("what is somebody else's by the time of its deletion stays", async () => {
  await withMem0(async (app) => {
    const lines = Array.from(
      { length: 1_000 },
      (_, n) =>
        JSON.stringify({ id: idOf(n), content: `Note ${n}.`, metadata: { user_id: "ada" } }),
    );
    await app.done(200, "POST", "/import", {
      body: lines.join("\n"),
      headers: { "Content-Type": "application/x-ndjson" },
    });
    const deleting = told(200, app, "DELETE", "/v1/memories/?user_id=ada");
    const moved = idOf(999);
    const patch = { json: { metadata: { user_id: "bob" } }, type: "application/merge-patch+json" };
    const deleted = app.call("DELETE", `/memories/${idOf(998)}`);
    assert.equal((await app.call("PATCH", `/memories/${moved}`, patch)).status, 200);
    assert.equal((await deleted).status, 204);
    await deleting;
    assert.deepEqual(await app.ids(), [moved]);
  });
});

Deno.test("a memory that is named twice is deleted once", async () => {
  await withMem0(async (app) => {
    const memory_id = await add(app, FENCE);
    const memories = [{ memory_id }, { memory_id: memory_id.toUpperCase() }];
    assert.deepEqual(await told(200, app, "DELETE", "/v1/batch/", { memories }), {
      message: "Successfully deleted 1 memories",
    });
  });
});
