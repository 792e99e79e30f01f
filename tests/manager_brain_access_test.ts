/** The manager asks real brains, in process and over a connection: what comes back is what was there. */
import assert from "node:assert/strict";
import { BrainAccessError, type BrainAddress } from "../src/manager/brain_access.ts";
import { HttpBrains, type HttpBrainsOptions } from "../src/manager/brain_access/http.ts";
import { listen } from "../src/http/server.ts";
import { FakeClock, KeepingFakeEmbedder } from "./fakes/indexing.ts";
import { within } from "./e2e/conditions.ts";
import { idOf } from "./fakes/store_kit.ts";
import { type HttpApp, indexed, type Json, KEY, VERSION, withApp } from "./http_app.ts";
import { ADA, kitOf, never, piecesOf, textOf } from "./manager/backup_kit.ts";

const ADDRESS: BrainAddress = { url: "http://brain.user-ada.svc:8000", key: KEY };
const embedder = () => Object.assign(new KeepingFakeEmbedder(), { length: 3 });

function inProcess({ app }: HttpApp): HttpBrains {
  const fetch: HttpBrainsOptions["fetch"] = (url, init) => {
    const request = new Request(url, { ...init, ...{ duplex: "half" } });
    // As a real sender announces its body.
    if (init.body) request.headers.set("Transfer-Encoding", "chunked");
    return app.fetch(request);
  };
  return new HttpBrains({ fetch, clock: new FakeClock() });
}

/** A brain that answers just so. */
function answering(reply: () => Response | Promise<Response>, clock = new FakeClock()): HttpBrains {
  return new HttpBrains({ fetch: () => Promise.try(reply), clock });
}

const isFault = (fault: string, message: RegExp) => (error: unknown) =>
  error instanceof BrainAccessError && error.fault === fault && message.test(error.message);

/** All that can be said of a memory. */
const MEMORIES: readonly Json[] = [
  {
    id: idOf(101),
    content: 'ümläut \u{1f600} \u2028 "\\ \u0000',
    memory_type: "episodic",
    importance_score: 1 / 3,
    tags: ["b", "a", "Z"],
    metadata: JSON.parse('{"__proto__":{"x":[1,{"y":null}]},"10":1,"9":2,"":0,"thread_id":"t"}'),
    created_at: "2001-02-03T04:05:06.789Z",
    updated_at: "2011-02-03T04:05:06.789Z",
    access_count: 41,
    last_accessed_at: "2021-02-03T04:05:06.789Z",
    embedding: [0.1, -1e-7, 3.4e38],
  },
  { content: "plain" },
  { id: idOf(100), content: "with a vector of a client", embedding: [1, 0, 0] },
];

Deno.test("exported, backed up and restored into another brain, nothing of a memory is lost", async () => {
  const { backups, with: withOptions } = kitOf();
  const text = await withBrain(async (app) => {
    const body = MEMORIES.map((memory) => JSON.stringify(memory)).join("\n");
    await app.done(200, "POST", "/import", { body, type: "application/x-ndjson" });
    await app.done(200, "GET", `/memories/${idOf(100)}`);
    await indexed(app);
    const kept = withOptions({ brains: inProcess(app) });
    const backup = await kept.create(ADA, ADDRESS, never(), "b");
    assert.equal(backup.memories, 3);
    return await shownBy(app);
  });
  const restored = await withBrain(async (app) => {
    // What is there already gives way, and everything else is let in as it was.
    const former = { id: idOf(100), content: "written meanwhile" };
    await app.done(201, "POST", "/memories", { json: former });
    const outcome = await inProcess(app).import(ADDRESS, backups.read(ADA, "b", never()), never());
    assert.deepEqual(outcome, { imported: 2, updated: 1, skipped: 0, failed: 0, errors: [] });
    await indexed(app);
    return await shownBy(app);
  });
  assert.deepEqual(restored, text);
  const proto = text.memories.find((memory) => Object.hasOwn(memory.metadata, "__proto__"));
  assert.deepEqual(proto?.access_count, 41);
});

/** With vectors of a provider, which must not become the client's own. */
function withBrain<T>(test: (app: HttpApp) => Promise<T>): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  return withApp(async (app) => resolve(await test(app)), { embedder: embedder() })
    .then(() => promise);
}

async function shownBy(app: HttpApp): Promise<{ memories: Json[]; own: string[] }> {
  const read = (include: unknown) =>
    app.call("POST", "/export", { json: { format: "ndjson", include_embeddings: include } });
  const [all, own] = [await read(true), await read("own")];
  assert.equal(all.text.match(/"embedding"/g)?.length, 3);
  const lines = own.text.trimEnd().split("\n").toSorted();
  return { memories: lines.map((line) => JSON.parse(line)), own: lines };
}

Deno.test("a brain says how it is, and whether it can be asked", async () => {
  await withApp(async (app) => {
    const brains = inProcess(app);
    await app.done(201, "POST", "/memories", { json: { content: "one" } });
    const { storage } = await app.done(200, "GET", "/stats");
    const bytes = storage.memories_bytes + storage.journal_bytes;
    const said = await brains.stats(ADDRESS, never());
    assert.deepEqual(said, { memories: 1, bytes, version: VERSION });
    assert.equal(await brains.isReady(ADDRESS, never()), true);
    const wrong = { ...ADDRESS, key: "wrong" };
    await assert.rejects(brains.stats(wrong, never()), isFault("refused", /it answered 401/));
    await assert.rejects(textOf(brains.export(wrong, never())), isFault("refused", /401/));
    const imported = brains.import(wrong, piecesOf("{}\n"), never());
    await assert.rejects(imported, isFault("refused", /401/));
  });
  await withApp(async (app) => {
    assert.equal(await inProcess(app).isReady(ADDRESS, never()), false);
    await assert.rejects(inProcess(app).stats(ADDRESS, never()), isFault("away", /503/));
  }, { opened: false });
});

Deno.test("a restore with a record that is none changes nothing; a migration leaves it out", async () => {
  await withApp(async (app) => {
    const brains = inProcess(app);
    const lines = `{"content":"good","id":"${idOf(7)}"}\n{"content":""}\n`;
    await assert.rejects(
      brains.import(ADDRESS, piecesOf(lines), never()),
      isFault("refused", /it answered 422, "Cannot import/),
    );
    assert.deepEqual(await app.ids(), []);
    const options = { onConflict: "skip", onError: "skip" } as const;
    const outcome = await brains.import(ADDRESS, piecesOf(lines), never(), options);
    assert.deepEqual({ ...outcome, errors: outcome.errors.map(({ index }) => index) }, {
      imported: 1,
      updated: 0,
      skipped: 0,
      failed: 1,
      errors: [1],
    });
  });
});

Deno.test("a source that fails is the failure, and the brain keeps none of what had come", async () => {
  await withApp(async (app) => {
    const { refuse, room } = app.app;
    const server = await listen({
      ...{ fetch: app.app.fetch, refuse, room, bound: () => {}, host: "127.0.0.1", port: 0 },
      listensAnew: () => {},
    });
    const client = Deno.createHttpClient({});
    try {
      const brains = new HttpBrains({
        fetch: (url, init) => fetch(url, { ...init, client }),
        clock: new FakeClock(),
      });
      const address = { url: `http://127.0.0.1:${server.port}`, key: KEY };
      const failure = new Error("the sink is away");
      const failing = async function* () {
        yield* piecesOf('{"content":"one"}\n{"content":"two"}\n');
        throw failure;
      };
      await assert.rejects(brains.import(address, failing(), never()), failure);
      assert.deepEqual(await app.ids(), []);
      const outcome = await brains.import(address, piecesOf('{"content":"one"}\n'), never());
      assert.equal(outcome.imported, 1);
      assert.match(await textOf(brains.export(address, never())), /"content":"one"/);
    } finally {
      client.close();
      await server.close(0);
    }
    await app.clock.until(app.brain.indexer.idle());
  });
});

Deno.test("an export whose connection breaks is broken, wherever that is", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nX-Total-Count: 2\r\n";
  const chunk = "5\r\n{}\n{}\r\n";
  const endings = ["", chunk, `${chunk}1\r\n`, `${chunk}0\r\n`];
  const serving = (async () => {
    for (const ending of endings) {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(4096));
      const reply = `${head}Transfer-Encoding: chunked\r\n\r\n${ending}`;
      await connection.write(new TextEncoder().encode(reply));
    }
  })();
  const address = { url: `http://127.0.0.1:${listener.addr.port}`, key: KEY };
  for (const ending of endings) {
    const client = Deno.createHttpClient({});
    const brains = new HttpBrains({
      fetch: (url, init) => fetch(url, { ...init, client }),
      clock: new FakeClock(),
    });
    const read = within(5_000, textOf(brains.export(address, never())), () => "an end");
    await assert.rejects(read, isFault("broken", /connection broke/), JSON.stringify(ending));
    client.close();
  }
  await serving;
  listener.close();
});

Deno.test("an export that ends too soon without an error is broken all the same", async () => {
  const reply = (text: string, headers: Record<string, string>) => () =>
    new Response(text, { headers: { "Content-Type": "application/x-ndjson", ...headers } });
  const fewer = answering(reply("{}\n", { "X-Total-Count": "2" }));
  await assert.rejects(
    textOf(fewer.export(ADDRESS, never())),
    isFault("broken", /^Cannot export: 1 memories came, of 2; try again$/),
  );
  const other = answering(reply("{}\n", {}));
  const isNone = isFault("broken", /what answered is no brain of ours/);
  await assert.rejects(textOf(other.export(ADDRESS, never())), isNone);
});

Deno.test("what a reply means is told by its status, and by what is in it", async () => {
  const problem = (status: number) => Response.json({ detail: `said ${status}` }, { status });
  for (const status of [400, 401, 403, 404, 409, 413, 422, 507]) {
    const asked = answering(() => problem(status)).stats(ADDRESS, never());
    const message = `Cannot ask the brain: it answered ${status}, "said ${status}"`;
    await assert.rejects(asked, { name: "BrainAccessError", fault: "refused", message });
  }
  for (const status of [408, 429, 500, 502, 503]) {
    const asked = answering(() => problem(status)).stats(ADDRESS, never());
    await assert.rejects(asked, isFault("away", new RegExp(`${status}`)));
  }
  for (const text of ["", "[]", '{"total_memories":-1}', "<html>"]) {
    const asked = answering(() => new Response(text)).stats(ADDRESS, never());
    await assert.rejects(asked, isFault("broken", /its reply is none of a brain/), text);
  }
  const large = answering(() => new Response(" ".repeat((1 << 20) + 1)));
  await assert.rejects(large.stats(ADDRESS, never()), isFault("broken", /its reply is too large/));
  const noConnection = answering(() => Promise.reject(new TypeError("no route")));
  await assert.rejects(noConnection.stats(ADDRESS, never()), isFault("away", /no connection/));
  assert.equal(await noConnection.isReady(ADDRESS, never()), false);
});

Deno.test("nobody is waited for without end, in whatever silence", async () => {
  const isLate = isFault("away", /no answer in time/);
  const silent = () => new ReadableStream<Uint8Array>();
  const headers = { "Content-Type": "application/x-ndjson", "X-Total-Count": "1" };
  const noAnswer = () => new Promise<Response>(() => {});
  const asks: [string, number, () => Response | Promise<Response>, (b: HttpBrains) => unknown][] = [
    ["stats", 10_000, noAnswer, (b) => b.stats(ADDRESS, never())],
    ["a body", 10_000, () => new Response(silent()), (b) => b.stats(ADDRESS, never())],
    ["export", 60_000, noAnswer, (b) => textOf(b.export(ADDRESS, never()))],
    [
      "lines",
      60_000,
      () => new Response(silent(), { headers }),
      (b) => textOf(b.export(ADDRESS, never())),
    ],
    ["import", 60_000, noAnswer, (b) => b.import(ADDRESS, piecesOf("x\n"), never())],
  ];
  for (const [what, ms, reply, ask] of asks) {
    const clock = new FakeClock();
    let outcome: unknown = "waiting";
    const asked = Promise.resolve(ask(answering(reply, clock)))
      .then(() => outcome = "done", (error: unknown) => outcome = error);
    await clock.advance(ms - 1);
    assert.equal(outcome, "waiting", what);
    await clock.advance(1);
    await asked;
    assert.ok(isLate(outcome), what);
    assert.equal(clock.waiting, 0, what);
  }
});

Deno.test("an import has longer once all was sent", async () => {
  const clock = new FakeClock();
  const { promise, resolve } = Promise.withResolvers<Response>();
  const brains = new HttpBrains({
    clock,
    fetch: async (_url, { body }) => {
      if (body instanceof ReadableStream) { for await (const _ of body); }
      return await promise;
    },
  });
  const imported = brains.import(ADDRESS, piecesOf("{}\n"), never());
  await clock.advance(599_999);
  resolve(Response.json({ imported: 1, updated: 0, skipped: 0, failed: 0, errors: [], x: 1 }));
  assert.equal((await imported).imported, 1);
  assert.equal(clock.waiting, 0);
});

Deno.test("who gives up gets his reason, and the request ends", async () => {
  const reason = new Error("enough");
  const giving = new AbortController();
  let ended: unknown;
  const brains = new HttpBrains({
    clock: new FakeClock(),
    fetch: (_url, { signal }) => {
      signal?.addEventListener("abort", () => ended = signal.reason);
      return new Promise(() => {});
    },
  });
  const asked = brains.stats(ADDRESS, giving.signal);
  giving.abort(reason);
  await assert.rejects(asked, reason);
  await assert.rejects(brains.isReady(ADDRESS, giving.signal), reason);
  assert.equal(ended, reason);
});
