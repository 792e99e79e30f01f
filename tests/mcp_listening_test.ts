/** Who listens to resources is told of changes, for as long as he may and reads what he is told. */
import assert from "node:assert/strict";
import type { Told } from "../src/events.ts";
import { WatchedStreams } from "../src/mcp/watched_stream.ts";
import { drain, FakeClock } from "./fakes/indexing.ts";
import { type HttpApp, type Json, KEY, put } from "./http_app.ts";
import { envelope, NEWER, withMcp } from "./mcp_app.ts";

/** What is said on a stream, message by message. */
class Stream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(response: Response) {
    if (response.body === null) throw new Error("there is no stream");
    this.#reader = response.body.getReader();
  }

  /** Undefined where it has ended. */
  async next(): Promise<Json> {
    while (true) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const event = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const data = /^data: (.*)$/m.exec(event)?.[1];
        if (data !== undefined) return JSON.parse(data);
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += new TextDecoder().decode(value);
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

async function listen(app: HttpApp, uris: readonly string[], key = KEY): Promise<Response> {
  const notifications = { resourceSubscriptions: uris };
  const params = { notifications, _meta: envelope() };
  return await app.app.fetch(
    new Request("http://brain/mcp", {
      method: "POST",
      headers: {
        "Authorization": `Bearer ${key}`,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": NEWER,
        "Mcp-Method": "subscriptions/listen",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 5, method: "subscriptions/listen", params }),
    }),
  );
}

const UPDATED = "notifications/resources/updated";

Deno.test("who listens to resources is told when they change, and when it is over", async () => {
  await withMcp(async (app) => {
    const id = await put(app, { content: "one" });
    const uri = `memory://${id}`;
    const response = await listen(app, [uri, "memory://stats"]);
    assert.equal(response.headers.get("x-accel-buffering"), "no");
    const stream = new Stream(response);
    const { method, params } = await stream.next();
    assert.equal(method, "notifications/subscriptions/acknowledged");
    assert.deepEqual(params.notifications, { resourceSubscriptions: [uri, "memory://stats"] });
    await put(app, { content: "two" });
    assert.deepEqual(toldOf(await stream.next()), [UPDATED, "memory://stats", 5]);
    for (const content of ["three", "four", "five"]) {
      await app.done(200, "PUT", `/memories/${id}`, { json: { content } });
    }
    // Whatever happens within a second is told at once, and once.
    await app.clock.advance(1_000);
    assert.deepEqual(toldOf(await stream.next()), [UPDATED, "memory://stats", 5]);
    assert.deepEqual(toldOf(await stream.next()), [UPDATED, uri, 5]);
    await app.clock.advance(1_000);
    await app.brain.close();
    const last = await stream.next();
    assert.deepEqual([last.id, last.result.resultType], [5, "complete"]);
    assert.equal(await stream.next(), undefined);
  });
});

function toldOf({ method, params }: Json): Json {
  return [method, params.uri, params._meta["io.modelcontextprotocol/subscriptionId"]];
}

Deno.test("who stops listening costs nothing more, and who does not read is cut off", async () => {
  await withMcp(async (app) => {
    const { waiting } = app.clock;
    const stream = new Stream(await listen(app, ["memory://recent"]));
    await stream.next();
    await put(app, { content: "one" });
    await stream.next();
    await stream.cancel();
    await app.clock.advance(0);
    assert.equal(app.clock.waiting, waiting);
    const slow = (await listen(app, ["memory://recent"])).body?.getReader();
    await slow?.read();
    await app.clock.advance(45_000);
    await assert.rejects(async () => await slow?.read(), /nothing was read for too long/);
  });
});

Deno.test("who lets what he is told lie is cut off at its source, too", async () => {
  const clock = new FakeClock();
  let given: unknown;
  const source = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: (reason) => void (given = reason ?? "given up"),
  });
  const reader = new WatchedStreams(clock).watch(new Response(source), () => true).body
    ?.getReader();
  await reader?.read();
  await clock.advance(44_999);
  assert.equal(given, undefined);
  await clock.advance(1);
  assert.equal(given, "given up");
  await assert.rejects(async () => await reader?.read(), /nothing was read for too long/);
});

Deno.test("a key that was taken away hears nothing more", async () => {
  const readKeys = ["for-reading-0123456789abcdef"];
  await withMcp(async (app) => {
    const stream = new Stream(await listen(app, ["memory://recent"], readKeys[0]));
    await stream.next();
    await put(app, { content: "one" });
    assert.equal((await stream.next()).params.uri, "memory://recent");
    readKeys.length = 0;
    await app.clock.advance(1_000);
    await put(app, { content: "two" });
    assert.equal(await stream.next(), undefined);
  }, { readKeys });
});

Deno.test("where the feed fails or what happened is not held, all are ended and may come again", async () => {
  await withMcp(async (app) => {
    const { events } = app.brain;
    const real = events.listen.bind(events);
    const faults: readonly (() => Promise<Told>)[] = [
      () => Promise.reject(new Error("the feed fails")),
      () => Promise.resolve({ end: "behind" }),
    ];
    for (const next of faults) {
      events.listen = () => ({ position: null, next });
      const stream = new Stream(await listen(app, ["memory://recent"]));
      await stream.next();
      await app.clock.advance(1_000);
      assert.equal(await stream.next(), undefined);
      events.listen = real;
      const again = new Stream(await listen(app, ["memory://recent"]));
      await again.next();
      await put(app, { content: "one" });
      assert.equal((await again.next()).params.uri, "memory://recent");
      await again.cancel();
    }
    assert.equal(app.logged.filter((line) => line.includes('"unexpected"')).length, 1);
  });
});

Deno.test("behind many changes the latest is told as soon as the first", async () => {
  await withMcp(async (app) => {
    const id = await put(app, { content: "mine" });
    const stream = new Stream(await listen(app, [`memory://${id}`]));
    await stream.next();
    const others = Array.from({ length: 3_000 }, (_, n) => ({ content: `other ${n}` }));
    await Promise.all(others.map((other) => app.brain.memories.create(other)));
    await app.done(200, "PUT", `/memories/${id}`, { json: { content: "changed" } });
    await app.clock.advance(2_000);
    const told: Json[] = [];
    void stream.next().then((message) => told.push(message));
    await drain();
    assert.deepEqual(told.map(({ params }) => params.uri), [`memory://${id}`]);
    await stream.cancel();
  });
});

Deno.test("sixty-four listen at once, and who leaves makes room for another", async () => {
  await withMcp(async (app) => {
    const uris = ["memory://recent"];
    const all = await Promise.all(Array.from({ length: 64 }, () => listen(app, uris)));
    const refused = await listen(app, uris);
    assert.match(await refused.text(), /Subscription limit reached/);
    await all.pop()?.body?.cancel();
    const next = await listen(app, uris);
    assert.equal(next.headers.get("content-type"), "text/event-stream");
    await Promise.all([...all, next].map(({ body }) => body?.cancel()));
  });
});

Deno.test("nobody listens to more than a hundred resources, or to one of a long name", async () => {
  await withMcp(async (app) => {
    assert.deepEqual(await (await listen(app, ["memory://".padEnd(257, "x")])).json(), {
      jsonrpc: "2.0",
      id: 5,
      error: { code: -32602, message: "Cannot listen to a URI of more than 256 characters" },
    });
    const uris = Array.from({ length: 101 }, (_, n) => `memory://${n}`);
    assert.deepEqual(await (await listen(app, uris)).json(), {
      jsonrpc: "2.0",
      id: 5,
      error: { code: -32602, message: "Cannot listen to more than 100 resources" },
    });
  });
});
