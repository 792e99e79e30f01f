/** `GET /events`: what is sent, piece by piece, to whom, and why it ends. */
import assert from "node:assert/strict";
import { HEARTBEAT_MS, SLOW_MS } from "../src/http/listeners.ts";
import { type HttpApp, type Json, KEY, problemOf, put, type Setup, withApp } from "./http_app.ts";
import { idOf } from "./fakes/store_kit.ts";

const READ_KEY = "canary7Qx-read-0123456789";

/** One who listens, and reads no more than the test asks him to. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #app: HttpApp;

  private constructor(app: HttpApp, response: Response) {
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.ok(response.body !== null);
    this.#app = app;
    this.#reader = response.body.getReader();
  }

  static async listen(app: HttpApp, query = "", headers: Record<string, string> = {}) {
    const request = new Request(`http://brain/events${query}`, {
      headers: { "X-API-Key": KEY, ...headers },
    });
    const reader = new Reader(app, await app.app.fetch(request));
    return { reader, first: await reader.piece() };
  }

  /** The next piece, as text; undefined at the end. */
  async piece(): Promise<string | undefined> {
    const piece = this.whatComes();
    await this.#app.clock.until(piece);
    return await piece;
  }

  /** The next piece, while the test moves the clock. */
  async whatComes(): Promise<string | undefined> {
    const { value } = await this.#reader.read();
    return value && new TextDecoder().decode(value);
  }

  /** The next pieces up to the first with events in it, as data. */
  async events(): Promise<Json[]> {
    for (;;) {
      const data = [...(await this.piece())?.matchAll(/^data: (.*)$/gm) ?? []];
      if (data.length > 0) return data.map(([, json = ""]) => JSON.parse(json));
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

const typesOf = (events: readonly Json[]) => events.map(({ type }) => type);

async function metric(app: HttpApp, name: string): Promise<number> {
  const { text } = await app.call("GET", "/metrics");
  const line = text.split("\n").find((line) => line.startsWith(`second_brain_${name} `));
  return Number(line?.split(" ")[1]);
}

Deno.test("each change is told with its id, as it stands in history, and what was missed comes first", async () => {
  await withApp(async (app) => {
    const { reader, first } = await Reader.listen(app);
    const start = /^retry: 2000\nid: (\S+)\n\n$/.exec(first ?? "")?.[1];
    assert.ok(start !== undefined, first);
    const id = await put(app, { content: "The fence gets cedar posts." });
    const piece = await reader.piece();
    const form = /^event: memory\.created\nid: (\S+)\ndata: (.*)\n\n$/;
    const [, eventId, data = ""] = form.exec(piece ?? "") ?? [];
    assert.deepEqual(JSON.parse(data), { id: eventId, type: "memory.created", memory_id: id });
    await app.done(200, "PATCH", `/memories/${id}`, { json: { content: "Pine." } });
    await app.done(204, "DELETE", `/memories/${id}`);
    await reader.leave();
    const late = await Reader.listen(app, "", { "Last-Event-ID": eventId ?? "" });
    assert.equal(late.first, "retry: 2000\n\n");
    const missed = await late.reader.events();
    assert.deepEqual(typesOf(missed), ["memory.updated", "memory.deleted"]);
    await late.reader.leave();
    // The header counts: a client that comes back by itself still has the old address.
    const again = await Reader.listen(app, `?last_event_id=${start}`, {
      "Last-Event-ID": missed[0].id,
    });
    assert.deepEqual(typesOf(await again.reader.events()), ["memory.deleted"]);
    await again.reader.leave();
    const whole = await Reader.listen(app, `?last_event_id=${start}&include=memory`);
    const all = await whole.reader.events();
    assert.deepEqual(all.map(({ type, memory }) => [type, memory]), [
      ["memory.created", null],
      ["memory.updated", null],
      ["memory.deleted", null],
    ]);
    await whole.reader.leave();
  });
});

Deno.test("only what is asked for is told, by what a memory is by now; the id moves on all the same", async () => {
  await withApp(async (app) => {
    const query = "?type=memory.created&type=memory.deleted&tag=garden&memory_type=semantic" +
      "&min_importance=0.5&include=memory";
    const { reader } = await Reader.listen(app, query);
    const fields = { content: "x", tags: ["garden"], importance_score: 0.5 };
    const wanted = await put(app, fields);
    const others = [
      await put(app, { ...fields, tags: ["kitchen"] }),
      await put(app, { ...fields, importance_score: 0.4 }),
      await put(app, { ...fields, memory_type: "episodic" }),
    ];
    const [event] = await reader.events();
    assert.deepEqual(event.memory, (await app.done(200, "GET", "/memories")).memories[3]);
    await app.done(200, "PATCH", `/memories/${wanted}`, { json: { importance_score: 0.6 } });
    // Nothing to tell, but where to go on from.
    const moved = /^:\nid: (\S+)\n\n$/.exec(await reader.piece() ?? "")?.[1];
    assert.notEqual(moved, event.id);
    assert.equal(await reader.piece(), ":\n\n");
    await app.done(204, "DELETE", `/memories/${others[0]}`);
    const [{ type, memory_id, memory }] = await reader.events();
    assert.deepEqual([type, memory_id, memory], ["memory.deleted", others[0], null]);
    await reader.leave();
  });
});

Deno.test("an import is told memory by memory, then as a whole", async () => {
  await withApp(async (app) => {
    const { reader } = await Reader.listen(app);
    const json = [1, 2, 3].map((number) => ({ id: idOf(number), content: `note ${number}` }));
    await app.done(200, "POST", "/import", { json });
    const events = await reader.events();
    assert.deepEqual(events.map(({ type, memory_id, counts }) => [type, memory_id, counts]), [
      ...json.map(({ id }) => ["memory.created", id, undefined]),
      ["import.finished", null, { created: 3, updated: 0 }],
    ]);
    await reader.leave();
  });
});

Deno.test("large memories come in batches, each no longer than needed, and none is left out", async () => {
  await withApp(async (app) => {
    const { first, reader } = await Reader.listen(app, "?include=memory");
    assert.ok(first !== undefined);
    for (let number = 0; number < 6; number++) await put(app, { content: "long ".repeat(15_000) });
    const counts: number[] = [];
    while (counts.reduce((sum, count) => sum + count, 0) < 6) {
      counts.push((await reader.events()).length);
    }
    assert.deepEqual(counts, [1, 1, 1, 1, 1, 1]);
    await reader.leave();
  });
});

Deno.test("an id that history does not hold ends with where to go on from after listing anew", async () => {
  await withApp(async (app) => {
    await put(app, { content: "x" });
    for (const id of ["1.1.deadbeef", "999.1.00000000", "none of ours", "1".repeat(5_000)]) {
      const { reader } = await Reader.listen(app, "", { "Last-Event-ID": id });
      const piece = await reader.piece() ?? "";
      const [, position, data = ""] = /^event: end\nid: (\S+)\ndata: (.*)\n\n$/.exec(piece) ?? [];
      const { reason, detail, position: said } = JSON.parse(data);
      assert.deepEqual([reason, said], ["unknown", position]);
      assert.match(detail, /list the memories anew, then listen from `position`$/);
      assert.equal(await reader.piece(), undefined);
      const next = await Reader.listen(app, `?last_event_id=${position}`);
      await put(app, { content: "y" });
      assert.deepEqual(typesOf(await next.reader.events()), ["memory.created"]);
      await next.reader.leave();
    }
    assert.equal(await metric(app, 'listeners_left_total{reason="unknown"}'), 4);
  });
});

Deno.test("nothing is read ahead for a client that does not read; after 30 seconds it is told so", async () => {
  await withApp(async (app) => {
    const { reader } = await Reader.listen(app);
    const id = await put(app, { content: "x" });
    await reader.events();
    await app.clock.advance(SLOW_MS - 1);
    assert.equal(await metric(app, 'listeners{protocol="sse"}'), 1);
    await app.clock.advance(1);
    assert.equal(await metric(app, 'listeners{protocol="sse"}'), 0);
    await app.done(204, "DELETE", `/memories/${id}`);
    const [{ reason, position }] = await reader.events();
    assert.equal(reason, "slow");
    assert.equal(await reader.piece(), undefined);
    const next = await Reader.listen(app, `?last_event_id=${position}`);
    assert.deepEqual(typesOf(await next.reader.events()), ["memory.deleted"]);
    await next.reader.leave();
  });
});

Deno.test("what was made ready and not sent is told to who comes back", async () => {
  await withApp(async (app) => {
    const { reader } = await Reader.listen(app);
    // History is asked for what comes next meanwhile.
    assert.equal(await reader.piece(), ":\n\n");
    await put(app, { content: "x" });
    await app.clock.advance(SLOW_MS);
    const [{ reason, position }] = await reader.events();
    assert.equal(reason, "slow");
    const next = await Reader.listen(app, `?last_event_id=${position}`);
    assert.match(await next.reader.piece() ?? "", /^event: memory\.created\n/);
    await next.reader.leave();
  });
});

Deno.test("there is room for a thousand; one who leaves makes room, and a HEAD takes none", async () => {
  await withApp(async (app) => {
    const others = app.clock.waiting;
    const readers: Reader[] = [];
    for (let n = 0; n < 1_000; n++) readers.push((await Reader.listen(app)).reader);
    const full = await app.call("GET", "/events");
    assert.deepEqual([full.status, full.headers.get("retry-after"), full.body], [
      503,
      "10",
      problemOf("overloaded", 503, "Cannot listen: 1000 others do already"),
    ]);
    assert.equal((await app.call("HEAD", "/events")).status, 200);
    await readers[0]?.leave();
    readers[0] = (await Reader.listen(app)).reader;
    await Promise.all(readers.map((reader) => reader.leave()));
    assert.equal(await metric(app, 'listeners{protocol="sse"}'), 0);
    assert.equal(app.clock.waiting, others);
  });
});

Deno.test("a key for reading listens; who loses his key is told so with the next sign of life", async () => {
  const readKeys = [READ_KEY];
  const setup: Setup = { readKeys };
  await withApp(async (app) => {
    const { reader } = await Reader.listen(app, "", { "X-API-Key": READ_KEY });
    assert.equal(await reader.piece(), ":\n\n");
    readKeys.pop();
    const began = app.clock.now();
    const [{ reason }] = await reader.events();
    assert.deepEqual([reason, app.clock.now() - began], ["unauthorized", HEARTBEAT_MS]);
    assert.equal((await app.call("GET", "/events", { key: READ_KEY })).status, 401);
  }, setup);
});

Deno.test("events that nobody asked for are no sign of life, and hide no key that is gone", async () => {
  const readKeys = [READ_KEY];
  await withApp(async (app) => {
    const headers = { "X-API-Key": READ_KEY };
    const { reader } = await Reader.listen(app, "?type=memory.deleted", headers);
    const began = app.clock.now();
    // Two events in each 15 seconds, none of which is told.
    const pieceAmidst = async () => {
      const piece = reader.whatComes().then((text) => ({ text, at: app.clock.now() - began }));
      for (let more = 0; more < 4; more++) {
        await put(app, { content: `x ${app.clock.now()}` });
        await app.clock.advance(HEARTBEAT_MS / 2 - 1);
      }
      return await piece;
    };
    const sign = await pieceAmidst();
    assert.match(sign.text ?? "", /^:\nid: \S+\n\n$/);
    assert.equal(sign.at, HEARTBEAT_MS);
    readKeys.pop();
    assert.match((await pieceAmidst()).text ?? "", /^event: end\n.*"unauthorized"/s);
  }, { readKeys });
});

Deno.test("who loses his key is told nothing more that happens", async () => {
  const readKeys = [READ_KEY];
  await withApp(async (app) => {
    const { reader, first } = await Reader.listen(app, "", { "X-API-Key": READ_KEY });
    const start = /id: (\S+)/.exec(first ?? "")?.[1];
    readKeys.pop();
    await put(app, { content: "x" });
    const [{ reason, position }] = await reader.events();
    assert.deepEqual([reason, position], ["unauthorized", start]);
    assert.equal(await reader.piece(), undefined);
  }, { readKeys });
});

Deno.test("a stop ends every stream at once, and says so", async () => {
  await withApp(async (app) => {
    const listeners = [await Reader.listen(app), await Reader.listen(app)];
    // What was not told yet is told to who comes back.
    await put(app, { content: "x" });
    app.brain.stopTaking();
    for (const { reader, first } of listeners) {
      const [{ reason, detail, position }] = await reader.events();
      assert.deepEqual([reason, detail, `id: ${position}`], [
        "stopping",
        "The service is stopping: come back soon, with the event that was seen last",
        first?.split("\n")[1],
      ]);
      assert.equal(await reader.piece(), undefined);
    }
  });
});
