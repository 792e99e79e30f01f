/** The connections of a server of few: who is sent away where there are too many, and when. */
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { type ConnectionLimits, Connections } from "../src/http/connections.ts";
import { eventually } from "./e2e/conditions.ts";
import { RawClient } from "./e2e/raw.ts";

const MOST = 6;
const LIMITS: ConnectionLimits = {
  most: MOST,
  mostListening: 4,
  mostReplies: 4,
  stalledMs: 60_000,
  calmMs: 60_000,
  lookMs: 50,
  leaveMs: 60_000,
};
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const PIECE = "x".repeat(100_000);

/** Answers `/endless` for as long as it is read, `/listen` now and then, and `/never` never. */
class Few implements AsyncDisposable {
  readonly server = createServer();
  readonly room: number[] = [];
  readonly connections: Connections;
  readonly clients: RawClient[] = [];
  #sending = 0;
  dispatched = 0;

  private constructor(limits: Partial<ConnectionLimits>, toListen: (most: number) => void) {
    const told = (most: number, listening: number) => {
      this.room.push(most);
      toListen(listening);
    };
    this.connections = new Connections(this.server, { ...LIMITS, ...limits }, told);
    this.server.on("request", ({ socket, url }, reply) => {
      if (socket.destroyed) return;
      this.dispatched++;
      if (url === "/endless") this.#send(reply);
      else if (url === "/listen") this.connections.listens(socket);
      else if (url !== "/never") reply.end("done");
    });
  }

  static async listen(
    limits: Partial<ConnectionLimits> = {},
    toListen: (most: number) => void = () => {},
  ): Promise<Few> {
    const few = new Few(limits, toListen);
    await new Promise<void>((resolve) => few.server.listen(0, "127.0.0.1", resolve));
    return few;
  }

  #send(reply: ServerResponse): void {
    while (!reply.destroyed && reply.write(PIECE));
    if (reply.destroyed) return;
    this.#sending++;
    reply.once("drain", () => {
      this.#sending--;
      this.#send(reply);
    });
  }

  /** So many connections that read nothing of what they asked for. */
  async stall(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await (await this.client()).send(get("/endless"));
    await eventually(10_000, "all stalled", () => this.#sending >= count ? true : undefined);
  }

  async client(): Promise<RawClient> {
    const address = this.server.address();
    const port = typeof address === "object" ? address?.port ?? 0 : 0;
    const client = await RawClient.connect(port);
    this.clients.push(client);
    return client;
  }

  /** Waits until so many connections are open; one that is closed is gone a moment later. */
  async has(count: number): Promise<void> {
    const open = () =>
      new Promise((resolve) => this.server.getConnections((_, open) => resolve(open)));
    const look = async () => await open() === count ? true : undefined;
    await eventually(5_000, `${count} connections open`, look);
  }

  async ask(path = "/"): Promise<number> {
    const client = await this.client();
    await client.send(get(path));
    return await client.status();
  }

  /** All clients go. */
  leave(): void {
    for (const client of this.clients) client[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connections.close();
    this.leave();
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

Deno.test("beside clients that read nothing of their replies a new one is answered, and takes the place of one", async () => {
  await using few = await Few.listen();
  await few.stall(MOST);
  for (let n = 0; n < 3; n++) {
    assert.equal(await few.ask(), 200);
    await few.has(MOST);
  }
});

Deno.test("where every connection is at work a new one is closed, and none of the others", async () => {
  await using few = await Few.listen();
  for (let i = 0; i < MOST; i++) await (await few.client()).send(get("/never"));
  await eventually(5_000, "all at work", () => few.dispatched === MOST ? true : undefined);
  assert.equal(await few.ask(), 0);
  await few.has(MOST);
});

Deno.test("where every connection is at work the one that asks for most at once makes room", async () => {
  await using few = await Few.listen();
  for (const count of [1, 2, 3, 2, 1, 1]) {
    await (await few.client()).send(get("/never").repeat(count));
  }
  await eventually(5_000, "all at work", () => few.dispatched === 10 ? true : undefined);
  const greedy = few.clients[2];
  assert.equal(await few.ask(), 200);
  await greedy?.closedByPeer(5_000);
  await few.has(MOST);
});

Deno.test("a client that reads nothing for too long is sent away; one that reads slowly is not", async () => {
  await using few = await Few.listen({ stalledMs: 700 });
  await few.stall(2);
  const slow = await few.client();
  await slow.send(get("/endless"));
  for (let n = 0; n < 15; n++) {
    // As much as makes the system take more from us.
    await slow.bytes(3_000_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await few.has(1);
  await slow.bytes(3_000_000);
});

Deno.test("who asks for more than so many before one is answered is sent away, and no more of it is answered", async () => {
  await using few = await Few.listen();
  const patient = await few.client();
  await patient.send(get("/").repeat(LIMITS.mostReplies));
  assert.deepEqual(await patient.replies(4), [200, 200, 200, 200]);
  few.dispatched = 0;
  const greedy = await few.client();
  await greedy.send(get("/never").repeat(1_000));
  await greedy.closedByPeer(5_000);
  assert.deepEqual([greedy.statuses, few.dispatched], [[], LIMITS.mostReplies]);
  assert.equal(await few.ask(), 200);
});

Deno.test("a connection that was ended is closed soon, also where its client keeps its own half open", async () => {
  await using few = await Few.listen({ leaveMs: 200 });
  few.server.on("clientError", (_, socket) => few.connections.endAfter(socket));
  const client = await few.client();
  await client.send(get("/") + "RUBBISH\r\n\r\n");
  assert.equal(await client.status(), 200);
  await few.has(0);
});

Deno.test("where descriptors ran out there may be fewer, and after a while without trouble as many as before", async () => {
  await using few = await Few.listen({ most: 100, calmMs: 300 });
  for (let i = 0; i < 60; i++) await (await few.client()).send("GET / HT");
  await few.has(60);
  few.connections.makeRoom();
  assert.deepEqual(few.room, [100, 44]);
  await few.has(44);
  // They are many still: that is no time to let more in.
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(few.room, [100, 44]);
  few.leave();
  await eventually(3_000, "all again", () => few.room.length === 4 ? true : undefined);
  assert.deepEqual(few.room, [100, 44, 88, 100]);
});

Deno.test("where descriptors ran out those who read nothing go, if nobody else does", async () => {
  await using few = await Few.listen({ most: 100 });
  await few.stall(33);
  few.connections.makeRoom();
  await few.has(17);
});

Deno.test("those that listen take no room from those that ask, and none of them makes room", async () => {
  await using few = await Few.listen();
  const listening: RawClient[] = [];
  for (let n = 0; n < 2 * MOST; n++) {
    const client = await few.client();
    await client.send(get("/listen"));
    listening.push(client);
  }
  await eventually(5_000, "all", () => few.dispatched === 2 * MOST ? true : undefined);
  await few.stall(MOST);
  for (let n = 0; n < 3; n++) assert.equal(await few.ask(), 200);
  await few.has(3 * MOST);
});

Deno.test("at the end those that listen have a moment to go", async () => {
  await using few = await Few.listen({ leaveMs: 50 });
  const client = await few.client();
  await client.send(get("/listen"));
  await eventually(5_000, "it listens", () => few.dispatched === 1 ? true : undefined);
  few.connections.close();
  await client.closedByPeer(5_000);
});

Deno.test("where those that listen took the descriptors, the oldest of them make room, and fewer may come", async () => {
  const allowed: number[] = [];
  await using few = await Few.listen(
    { mostListening: 100 },
    (listening) => allowed.push(listening),
  );
  for (let n = 0; n < 50; n++) await (await few.client()).send(get("/listen"));
  await eventually(5_000, "all", () => few.dispatched === 50 ? true : undefined);
  few.connections.makeRoom();
  await few.has(50 - 16);
  assert.deepEqual(allowed, [100, 34]);
  await few.clients[0]?.closedByPeer(5_000);
});
