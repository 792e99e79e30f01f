/** The conversation over a WebSocket: what is said, what is answered, and why it ends. */
import assert from "node:assert/strict";
import { EventSocket, type Wire } from "../src/http/event_socket.ts";
import { HEARTBEAT_MS, Listeners, SLOW_MS } from "../src/http/listeners.ts";
import { AppError } from "../src/errors.ts";
import type { Entry } from "../src/memory.ts";
import { FakeFeed } from "./fakes/event_feed.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";
import type { Json } from "./http_app.ts";

/** The far side of a socket: it takes what is sent, for as long as the test lets it. */
class Far {
  readonly clock = new FakeClock();
  readonly feed = new FakeFeed();
  readonly listeners = new Listeners(this.clock, (_level, event, detail) => {
    this.logged.push(`${event} ${detail?.["reason"]}`);
  });
  readonly logged: string[] = [];
  readonly got: Json[] = [];
  readonly memories = new Map<string, Entry>();
  readonly failures: unknown[] = [];
  readonly socket: EventSocket;
  takes = true;
  /** Where he does not take it at once: how he does later. */
  taken: (resolve: () => void) => void = () => {};
  isLetIn = true;
  admit: () => void = () => {};
  pings = 0;
  closed: readonly [number, string] | "terminated" | undefined;

  constructor() {
    const wire: Wire = {
      send: (text) => {
        this.got.push(JSON.parse(text));
        return this.takes ? Promise.resolve() : new Promise((resolve) => this.taken(resolve));
      },
      ping: () => void this.pings++,
      close: (code, reason) => this.closed ??= [code, reason],
      terminate: () => this.closed ??= "terminated",
    };
    this.socket = new EventSocket(wire, {
      feed: this.feed,
      find: (id) => this.memories.get(id),
      listeners: this.listeners,
      leave: this.listeners.join("websocket"),
      isLetIn: () => this.isLetIn,
      admit: () => this.admit(),
      failed: (error) => void this.failures.push(error),
    });
  }

  async says(...messages: readonly Json[]): Promise<void> {
    for (const message of messages) this.socket.heard(JSON.stringify(message));
    await this.clock.advance(0);
  }

  /** What came since this was called last. */
  async heard(): Promise<Json[]> {
    await this.clock.advance(0);
    return this.got.splice(0);
  }

  /** Ids of the events that came, and the types of all else. */
  async words(): Promise<string[]> {
    return (await this.heard()).map(({ id, type, memory_id }) =>
      id === undefined ? type : `${type} ${memory_id === null ? "" : Number(memory_id.slice(-12))}`
    );
  }
}

Deno.test("who subscribes is told what happens from then on, once and in order, until he wants no more", async () => {
  const far = new Far();
  far.feed.happen("memory.created", 1);
  await far.says({ type: "ping" }, { type: "subscribe" });
  assert.deepEqual(await far.heard(), [
    { type: "pong", position: null },
    { type: "subscribed", position: "1.1.00000000" },
  ]);
  far.feed.happen("memory.created", 2);
  far.feed.happen("import.finished");
  const created = { id: "2.1.00000000", type: "memory.created", memory_id: idOf(2) };
  const counts = { created: 1, updated: 2 };
  assert.deepEqual(await far.heard(), [
    created,
    { id: "3.1.00000000", type: "import.finished", memory_id: null, counts },
  ]);
  await far.says({ type: "ping" }, { type: "unsubscribe" });
  assert.deepEqual(await far.heard(), [
    { type: "pong", position: "3.1.00000000" },
    { type: "unsubscribed", position: "3.1.00000000" },
  ]);
  far.feed.happen("memory.deleted", 2);
  await far.says({ type: "subscribe", last_event_id: "1.1.00000000" });
  assert.deepEqual(await far.heard(), [
    { type: "subscribed", position: "1.1.00000000" },
    created,
    { id: "3.1.00000000", type: "import.finished", memory_id: null, counts },
    { id: "4.1.00000000", type: "memory.deleted", memory_id: idOf(2) },
  ]);
  far.socket.closed();
  assert.deepEqual([far.clock.waiting, far.logged], [0, ["listener_left left"]]);
});

Deno.test("a subscription takes the place of the one before: nothing is told twice", async () => {
  const far = new Far();
  await far.says({ type: "subscribe" }, { type: "subscribe", types: ["memory.deleted"] });
  far.feed.happen("memory.created", 1);
  far.feed.happen("memory.deleted", 1);
  assert.deepEqual(await far.words(), ["subscribed", "subscribed", "memory.deleted 1"]);
  far.socket.closed();
});

Deno.test("types and filters narrow what is told by what a memory is by now; deletions pass", async () => {
  const far = new Far();
  const keep = (number: number, fields: Json) => {
    const access = { access_count: 0, last_accessed_at: null };
    far.memories.set(idOf(number), { memory: memoryOf(number, fields), access });
  };
  keep(1, { tags: ["garden"], importance_score: 0.9 });
  keep(2, { tags: ["garden"], importance_score: 0.1 });
  keep(3, { tags: [], importance_score: 0.9 });
  await far.says({ type: "subscribe", filters: { tags: ["garden"], min_importance: 0.5 } });
  for (const number of [1, 2, 3, 4]) far.feed.happen("memory.created", number);
  far.feed.happen("memory.deleted", 4);
  far.feed.happen("import.finished");
  assert.deepEqual(await far.words(), [
    "subscribed",
    "memory.created 1",
    "memory.deleted 4",
    "import.finished ",
  ]);
  await far.says({ type: "ping" }, { type: "subscribe", include: "memory" });
  far.feed.happen("memory.updated", 3);
  far.feed.happen("memory.updated", 4);
  const [pong, , third, fourth] = await far.heard();
  assert.deepEqual([pong.position, third.memory.id, fourth.memory], [
    "6.1.00000000",
    idOf(3),
    null,
  ]);
  far.socket.closed();
});

Deno.test("what is no message is answered with the reason, and hurts nothing", async () => {
  const table: readonly (readonly [string, string, RegExp])[] = [
    ["{", "malformed", /^Cannot read the JSON/],
    ["[]", "invalid", /^Cannot take the message/],
    [
      '{"type":"subscribed"}',
      "invalid",
      /"type" must be one of "subscribe", "unsubscribe", "ping"$/,
    ],
    ['{"type":"subscribe","type_":[]}', "invalid", /type_/],
    ['{"type":"subscribe","types":["memory.read"]}', "invalid", /"types.0" /],
    ['{"type":"subscribe","filters":{"tag":"x"}}', "invalid", /tag/],
    [`{"type":"subscribe","last_event_id":"${"1".repeat(101)}"}`, "invalid", /last_event_id/],
  ];
  const far = new Far();
  for (const [text, code, detail] of table) {
    far.socket.heard(text);
    const [{ type, code: said, detail: why }] = await far.heard();
    assert.deepEqual([text, type, said], [text, "error", code]);
    assert.match(why, detail);
  }
  far.admit = () => {
    throw new AppError("rate_limited", "Cannot answer now: too much", { retryAfterS: 1.2 });
  };
  await far.says({ type: "ping" });
  assert.deepEqual(await far.heard(), [{
    type: "error",
    code: "rate_limited",
    detail: "Cannot answer now: too much",
    retry_after_s: 2,
  }]);
  assert.deepEqual([far.closed, far.failures], [undefined, []]);
  far.socket.heard(undefined);
  assert.deepEqual(far.closed, [1003, "Send text: JSON messages"]);
  far.socket.heard('{"type":"ping"}');
  assert.deepEqual([await far.heard(), far.logged], [[], ["listener_left protocol"]]);
});

Deno.test("who asks without reading the answers is sent away, and no more is kept for him", () => {
  const far = new Far();
  far.takes = false;
  for (let n = 0; n < 1_000; n++) far.socket.heard('{"type":"ping"}');
  assert.deepEqual([far.closed, far.got.length], [[1008, "Too many messages at once"], 32]);
});

Deno.test("a subscription whose history is gone ends with where to listen from; another may follow", async () => {
  const far = new Far();
  far.feed.happen("memory.created", 1);
  await far.says({ type: "subscribe", last_event_id: "9.1.00000000" });
  const [, { type, reason, position }] = await far.heard();
  assert.deepEqual([type, reason, position], ["end", "unknown", "1.1.00000000"]);
  far.feed.happen("memory.created", 2);
  await far.says({ type: "subscribe", last_event_id: position });
  assert.deepEqual(await far.words(), ["subscribed", "memory.created 2"]);
  far.feed.end("stopping");
  await far.heard();
  assert.deepEqual([far.closed, far.logged], [[
    1001,
    "The service is stopping: come back soon, with the event that was seen last",
  ], ["listener_left stopping"]]);
});

Deno.test("a stop is told to a client that listens to nothing, too", async () => {
  const far = new Far();
  far.feed.end("stopping");
  await far.heard();
  assert.equal(far.closed?.[0], 1001);
});

Deno.test("while a batch is not on its way nothing more is asked of history; after 30 seconds it ends", async () => {
  const far = new Far();
  await far.says({ type: "subscribe" });
  far.takes = false;
  far.feed.happen("memory.created", 1);
  await far.clock.advance(0);
  const { asked } = far.feed;
  for (let n = 0; n < 10_000; n++) far.feed.happen("memory.updated", 1);
  for (let ms = 0; ms < SLOW_MS - 1; ms += 1_000) {
    await far.clock.advance(Math.min(1_000, SLOW_MS - 1 - ms));
    far.socket.isAlive();
  }
  assert.deepEqual([far.got.length, far.feed.asked, far.closed], [2, asked, undefined]);
  await far.clock.advance(1);
  assert.equal(far.closed?.[0], 4008);
  assert.deepEqual([far.logged, far.clock.waiting], [["listener_left slow"], 0]);
});

Deno.test("who takes a little all the time stays; when he takes nothing any more it ends", async () => {
  const far = new Far(), waiting: (() => void)[] = [];
  await far.says({ type: "subscribe" });
  far.takes = false;
  far.taken = (resolve) => waiting.push(resolve);
  for (let n = 1; n <= 10; n++) far.feed.happen("memory.created", n);
  await far.clock.advance(0);
  for (let taken = 0; taken < 9; taken++) {
    await far.clock.advance(SLOW_MS - 1);
    far.socket.isAlive();
    waiting[taken]?.();
  }
  assert.equal(far.closed, undefined);
  for (let beats = 0; beats < 4; beats++) {
    await far.clock.advance(HEARTBEAT_MS);
    far.socket.isAlive();
  }
  assert.equal(far.closed?.[0], 4008);
});

Deno.test("who loses his key is told nothing more, be it before his next sign of life", async () => {
  const far = new Far();
  await far.says({ type: "subscribe" });
  far.isLetIn = false;
  far.feed.happen("memory.created", 1);
  assert.deepEqual([await far.words(), far.closed?.[0]], [["subscribed"], 4001]);
});

Deno.test("who breaks the protocol itself is counted so, whatever comes after it", () => {
  const far = new Far();
  far.socket.broken();
  far.socket.closed();
  assert.deepEqual([far.logged, far.clock.waiting], [["listener_left protocol"], 0]);
});

Deno.test("who gives no sign of life is gone; one that does stays, until his key is let in no more", async () => {
  const silent = new Far(), alive = new Far();
  for (let beats = 0; beats < 3; beats++) await silent.clock.advance(HEARTBEAT_MS);
  assert.deepEqual([silent.pings, silent.closed, silent.logged], [2, "terminated", [
    "listener_left silent",
  ]]);
  for (let beats = 0; beats < 9; beats++) {
    await alive.clock.advance(HEARTBEAT_MS);
    alive.socket.isAlive();
  }
  assert.deepEqual([alive.pings, alive.closed], [9, undefined]);
  alive.isLetIn = false;
  await alive.clock.advance(HEARTBEAT_MS);
  assert.equal(alive.closed?.[0], 4001);
});
