/** One fact, told twice: what `on_duplicate` makes of it. */
import assert from "node:assert/strict";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { type Asked, CANARY, HttpApp, type Json, problemOf, withApp } from "./http_app.ts";

const ONCE = "/memories?on_duplicate=return";
const FACT = `${CANARY}: Anna prefers tea.`;
const TOLD_AGAIN = `  ${CANARY.toUpperCase()}:  anna PREFERS\ntea. `;
const keyed = { headers: { "idempotency-key": "a" } };

Deno.test("a text that is there already is answered with its memory, and nothing is made", async () => {
  await withApp(async (app) => {
    const first = await app.call("POST", ONCE, { json: { content: FACT, tags: ["drinks"] } });
    assert.equal(first.status, 201);
    const json = { content: TOLD_AGAIN, tags: ["other"], id: idOf(77), embedding: [1, 2] };
    const again = await app.call("POST", ONCE, { json });
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, first.body);
    assert.equal(again.body.content, FACT);
    for (const header of ["etag", "location"]) {
      assert.equal(again.headers.get(header), first.headers.get(header));
    }
    assert.deepEqual(await app.ids(), [first.body.id]);
    const read = await app.done(200, "GET", `/memories/${first.body.id}`);
    assert.equal(read.access_count, 1, "being found as a duplicate is no reading");
  });
});

Deno.test("who does not ask for it, or asks for a copy, gets a copy", async () => {
  await withApp(async (app) => {
    for (const path of ["/memories", "/memories?on_duplicate=create", "/memories"]) {
      await app.done(201, "POST", path, { json: { content: FACT } });
    }
    assert.equal((await app.ids()).length, 3);
    for (const query of ["on_duplicate=", "on_duplicate=Return", "on_duplicate=error", "on=1"]) {
      await app.done(400, "POST", `/memories?${query}`, { json: { content: FACT } });
    }
    await app.done(400, "POST", `${ONCE}&on_duplicate=return`, { json: { content: FACT } });
    await app.done(422, "POST", ONCE, { json: { content: " " } });
  });
});

Deno.test("of several with the text the oldest is the answer, whatever happens to the others", async () => {
  await withApp(async (app) => {
    const make = (n: number, day: number, content = FACT) => ({
      json: { id: idOf(n), content, created_at: `2026-01-0${day}T00:00:00.000Z` },
    });
    const oldest = async () => (await app.done(200, "POST", ONCE, { json: { content: FACT } })).id;
    await app.done(201, "POST", "/memories", make(3, 2));
    assert.equal(await oldest(), idOf(3));
    await app.done(201, "POST", "/memories", make(2, 2));
    assert.equal(await oldest(), idOf(2));
    await app.done(201, "POST", "/memories", make(5, 1, "something else"));
    assert.equal(await oldest(), idOf(2));
    await app.done(200, "PATCH", `/memories/${idOf(5)}`, { json: { content: TOLD_AGAIN } });
    assert.equal(await oldest(), idOf(5));
    await app.done(200, "PUT", `/memories/${idOf(5)}`, { json: { content: "no more" } });
    assert.equal(await oldest(), idOf(2));
    await app.done(200, "PUT", `/memories/${idOf(2)}`, { json: { tags: ["a"] } });
    assert.equal(await oldest(), idOf(2));
    await app.done(204, "DELETE", `/memories/${idOf(2)}`);
    assert.equal(await oldest(), idOf(3));
    const dated = [{ id: idOf(9), content: TOLD_AGAIN, created_at: "2025-01-01T00:00:00Z" }];
    await app.done(200, "POST", "/import?dry_run=true", { json: dated });
    assert.equal(await oldest(), idOf(3));
    await app.done(422, "POST", "/import", { json: [...dated, {}] });
    assert.equal(await oldest(), idOf(3));
    await app.done(200, "POST", "/import", { json: dated });
    assert.equal(await oldest(), idOf(9));
    await app.done(200, "POST", "/import?on_conflict=overwrite", {
      json: [{ id: idOf(9), content: "overwritten" }],
    });
    assert.equal(await oldest(), idOf(3));
    await app.done(204, "DELETE", `/memories/${idOf(3)}`);
    await app.done(201, "POST", ONCE, { json: { content: FACT } });
  });
});

Deno.test("an id that is taken is a conflict only where the text is a new one", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { id: idOf(5), content: FACT } });
    const same = { json: { id: idOf(5), content: TOLD_AGAIN } };
    assert.equal((await app.done(200, "POST", ONCE, same)).id, idOf(5));
    const detail = `Cannot create the memory: the id "${idOf(5)}" is taken; use PUT to change it`;
    assert.deepEqual(
      await app.done(409, "POST", ONCE, { json: { id: idOf(5), content: "new" } }),
      problemOf("conflict", 409, detail),
    );
    const fresh = { json: { id: idOf(6), content: "new" } };
    assert.equal((await app.done(201, "POST", ONCE, fresh)).id, idOf(6));
  });
});

Deno.test("the same fact from two assistants at once, a hundred times, is one memory", async () => {
  await withApp(async (app) => {
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        app.call("POST", ONCE, {
          json: { content: n % 2 === 0 ? FACT : TOLD_AGAIN, ...(n % 3 === 0 && { id: idOf(n) }) },
          ...(n % 5 === 0 && { headers: { "idempotency-key": `${n}` } }),
        })),
    );
    const made = replies.filter(({ status }) => status === 201);
    assert.deepEqual([made.length, replies.length - made.length], [1, 99]);
    assert.ok(replies.every(({ status }) => status === 200 || status === 201));
    const [one] = made;
    for (const { body } of replies) assert.deepEqual(body, one?.body);
    assert.deepEqual(await app.ids(), [one?.body.id]);
  });
});

Deno.test("beside updates, deletes and imports of the memory the answer is one that was true", async () => {
  await withApp(async (app) => {
    for (let round = 0; round < 40; round++) {
      const { id } = await app.done(201, "POST", ONCE, { json: { content: `${FACT} ${round}` } });
      const others: [string, string, Asked][] = [
        ["PUT", `/memories/${id}`, { json: { content: "moved" } }],
        ["DELETE", `/memories/${id}`, {}],
        ["POST", "/import?on_conflict=overwrite", { json: [{ id, content: "over" }] }],
      ];
      const [method, path, asked] = others[round % 3] ?? assert.fail();
      const ask = () => app.call("POST", ONCE, { json: { content: `${TOLD_AGAIN} ${round}` } });
      const [early, , late] = await Promise.all([
        ask(),
        app.call(method, path, asked),
        ask(),
        app.call("POST", ONCE, { json: { content: "something else" } }),
      ]);
      const after = await ask();
      assert.notEqual(after.body.id, id);
      for (const { status, body } of [early, late]) {
        const wasThere = status === 200 && body.id === id && body.content === `${FACT} ${round}`;
        assert.ok(wasThere || body.id === after.body.id, `${method}: ${body.id} ${body.content}`);
      }
      const { memories } = await app.done(200, "GET", "/memories?limit=100");
      const ending = new RegExp(`tea\\. +${round}$`);
      const same = memories.filter(({ content }: Json) => ending.test(content));
      assert.equal(same.length, 1);
    }
  });
});

Deno.test("with an Idempotency-Key both answers are given again as they were, also after a kill", async () => {
  const clock = new FakeClock();
  await clock.advance(Date.parse("2026-01-31T12:00:00Z"));
  const first = new HttpApp({ clock });
  await first.brain.open();
  const json = { content: FACT };
  const made = await first.call("POST", ONCE, { json, ...keyed });
  const known = await first.call("POST", ONCE, { json, headers: { "idempotency-key": "b" } });
  assert.deepEqual([made.status, known.status], [201, 200]);
  await first.done(200, "PUT", `/memories/${made.body.id}`, { json: { tags: ["later"] } });
  const disks = [first.disk.afterKill(), first.disk];
  await first.brain.close();
  for (const disk of disks) {
    const app = new HttpApp({ disk, clock, firstId: 100 });
    await app.brain.open();
    for (const [key, before] of [["a", made], ["b", known]] as const) {
      const again = await app.call("POST", ONCE, { json, headers: { "idempotency-key": key } });
      assert.deepEqual([again.status, again.body], [before.status, before.body]);
      assert.equal(again.headers.get("location"), before.headers.get("location"));
    }
    await app.done(422, "POST", "/memories", { json, ...keyed });
    const fresh = await app.done(200, "POST", ONCE, { json });
    assert.deepEqual([fresh.id, fresh.tags], [made.body.id, ["later"]]);
    await app.brain.close();
  }
});

Deno.test("a known text that was deleted since lives on in no answer to a retry", async () => {
  await withApp(async (app) => {
    const { id } = await app.done(201, "POST", ONCE, { json: { content: FACT } });
    await app.done(200, "POST", ONCE, { json: { content: FACT }, ...keyed });
    await app.done(204, "DELETE", `/memories/${id}`);
    const detail =
      `Cannot give the answer again: it was done, and the memory "${id}" deleted since`;
    assert.deepEqual(
      await app.done(409, "POST", ONCE, { json: { content: FACT }, ...keyed }),
      problemOf("conflict", 409, detail),
    );
    await app.store.compact();
    const snapshot = app.disk.files().get("/data/memories.json") ?? assert.fail("no snapshot");
    assert.ok(!new TextDecoder().decode(snapshot).includes(CANARY));
  });
});

Deno.test("a brain that is full, or cannot be written, still says what it knows", async () => {
  const limits = { memories: 1, bytes: 0 };
  await withApp(async (app) => {
    await app.done(201, "POST", ONCE, { json: { content: FACT } });
    await app.done(507, "POST", ONCE, { json: { content: "one more" } });
    await app.done(200, "POST", ONCE, { json: { content: FACT }, ...keyed });
  }, { limits });
  const disk = new SimulatedDisk();
  await withApp(async (app) => {
    await app.done(201, "POST", ONCE, { json: { content: FACT } });
  }, { disk });
  await withApp(async (app) => {
    await app.done(507, "POST", ONCE, { json: { content: "one more" } });
    await app.done(200, "POST", ONCE, { json: { content: FACT } });
    // The proof of the answer would have to be written.
    await app.done(507, "POST", ONCE, { json: { content: FACT }, ...keyed });
  }, { disk, limits: { memories: 0, bytes: 1 }, firstId: 100 });
});

Deno.test("after a restart a known text is known", async () => {
  const disk = new SimulatedDisk();
  let id = "";
  await withApp(async (app) => {
    id = (await app.done(201, "POST", "/memories", { json: { content: FACT } })).id;
  }, { disk });
  await withApp(async (app) => {
    const known = await app.done(200, "POST", ONCE, { json: { content: TOLD_AGAIN } });
    assert.equal(known.id, id);
  }, { disk, firstId: 100 });
});
