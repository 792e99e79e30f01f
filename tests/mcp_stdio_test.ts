/** A brain for one client over lines, in process: what is read, what is written, and how it ends. */
import assert from "node:assert/strict";
import { parseCommandLine } from "../src/cli/arguments.ts";
import { mcpServer } from "../src/mcp/server.ts";
import { serveOverStdio, type StdioConnection } from "../src/mcp/stdio.ts";
import type { Tool } from "../src/mcp/tool.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { HttpApp, type Json, VERSION } from "./http_app.ts";

const MOST_BYTES = 10_000;

/** A client's end of the pipes, and one tool that answers when it is told to. */
class Client {
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  readonly connection: StdioConnection;
  /** What is under way, in its order. */
  readonly calls: { readonly answer: () => void; readonly signal: AbortSignal }[] = [];
  readonly #input = new TransformStream<Uint8Array, Uint8Array>(undefined, {
    highWaterMark: 1_000,
  });
  readonly #writer = this.#input.writable.getWriter();
  #out = "";

  constructor(out?: () => Promise<void>) {
    const log = (_: string, event: string) => void this.logged.push(event);
    const { brain } = new HttpApp();
    const { clock } = this;
    const served = { brain, tools: [this.#tool()], scope: "write", version: VERSION } as const;
    this.connection = serveOverStdio({
      server: () => mcpServer({ ...served, clock, log }),
      pieces: this.#input.readable,
      out: out ?? ((bytes) => Promise.resolve(void (this.#out += new TextDecoder().decode(bytes)))),
      maxMessageBytes: MOST_BYTES,
      clock,
      log,
    });
  }

  #tool(): Tool {
    return {
      name: "slow",
      description: "Answers when it is told to.",
      inputSchema: { type: "object", properties: {} },
      annotations: {
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      },
      scope: "read",
      call: (_, signal) => {
        const { promise, resolve } = Promise.withResolvers<{ readonly text: string }>();
        this.calls.push({ answer: () => resolve({ text: "done" }), signal });
        return promise;
      },
    };
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
    await this.clock.advance(0);
  }

  async send(...messages: Json[]): Promise<void> {
    await this.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
  }

  /** As a client of the older era begins. */
  async begin(): Promise<void> {
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: SELF };
    await this.send(request(0, "initialize", params));
    assert.equal(this.received.pop()?.id, 0);
    this.#out = "";
  }

  get received(): Json[] {
    return this.#out.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }

  /** What was answered, by id. */
  get answered(): Json[] {
    return this.received.map(({ id, error }) => error === undefined ? id : [id, error.code]);
  }

  async closeInput(): Promise<void> {
    await this.#writer.close();
    await this.clock.advance(0);
  }

  async end(): Promise<void> {
    await this.closeInput();
    await this.connection.ended;
    assert.equal(this.clock.waiting, 0, "no timer is left");
  }
}

const SELF = { name: "a test", version: "1.0.0" };

function request(id: number, method: string, params: Json = {}): Json {
  return { jsonrpc: "2.0", id, method, params };
}

const slow = (id: number) => request(id, "tools/call", { name: "slow", arguments: {} });

function newer(id: number, method: string, params: Json = {}): Json {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": SELF,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return request(id, method, { ...params, _meta });
}

Deno.test("a client of either era is served, each by what it says first", async () => {
  const older = new Client();
  await older.begin();
  await older.send(request(1, "tools/list"));
  await older.end();
  const present = new Client();
  await present.send(newer(0, "server/discover"), newer(1, "tools/list"));
  await present.end();
  const names = [older, present].map(({ received }) =>
    received.find(({ id }) => id === 1).result.tools.map(({ name }: Json) => name)
  );
  assert.deepEqual(names, [["slow"], ["slow"]]);
  assert.deepEqual(present.received[0].result.supportedVersions, ["2026-07-28"]);
});

Deno.test("what was asked before the end is answered, and then it ends", async () => {
  const client = new Client();
  await client.begin();
  await client.send(slow(1), slow(2));
  await client.closeInput();
  client.calls[1]?.answer();
  await client.clock.advance(5_000);
  assert.deepEqual(client.answered, [2]);
  client.calls[0]?.answer();
  await client.connection.ended;
  assert.deepEqual(client.answered, [2, 1]);
});

Deno.test("what has no answer ten seconds after the end gets none", async () => {
  const client = new Client();
  await client.begin();
  await client.send(slow(1));
  await client.closeInput();
  await client.clock.advance(9_999);
  assert.equal(client.calls[0]?.signal.aborted, false);
  await client.clock.advance(1);
  await client.connection.ended;
  assert.equal(client.calls[0]?.signal.aborted, true);
  client.calls[0]?.answer();
  await client.clock.advance(0);
  assert.deepEqual(client.answered, []);
});

Deno.test("a service that stops answers what is under way, and takes nothing more", async () => {
  const client = new Client();
  await client.begin();
  await client.send(slow(1));
  const closed = client.connection.close(6_000);
  await client.send(slow(2));
  client.calls[0]?.answer();
  await closed;
  await client.connection.ended;
  assert.deepEqual([client.answered, client.calls.length], [[1], 1]);
});

Deno.test("a request that is taken back is stopped, has no answer, and is not waited for", async () => {
  const client = new Client();
  await client.begin();
  await client.send(slow(1), {
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: 1 },
  });
  assert.equal(client.calls[0]?.signal.aborted, true);
  await client.end();
  assert.deepEqual(client.answered, []);
});

Deno.test("who listens is told that it is over when the service stops", async () => {
  const client = new Client();
  const notifications = { resourceSubscriptions: ["memory://recent"] };
  await client.send(newer(7, "subscriptions/listen", { notifications }));
  await client.connection.close(6_000);
  assert.deepEqual(client.received.map(({ id, method }) => id ?? method), [
    "notifications/subscriptions/acknowledged",
    7,
  ]);
});

Deno.test("what is no message is refused, and what follows is served", async () => {
  const client = new Client();
  await client.begin();
  await client.write(`garbage\n\n[]\n{"id":5}\n${" ".repeat(MOST_BYTES + 1)}\n`);
  await client.send(request(6, "no/such/method"), request(8, "ping"));
  await client.end();
  assert.deepEqual(client.answered, [
    [null, -32700],
    [null, -32600],
    [5, -32600],
    [null, -32600],
    [6, -32601],
    8,
  ]);
});

Deno.test("no more than so many requests are under way at a time", async () => {
  const client = new Client();
  await client.begin();
  await client.send(...Array.from({ length: 257 }, (_, id) => slow(id + 1)));
  assert.deepEqual([client.answered, client.calls.length], [[[257, -32000]], 256]);
  for (const { answer } of client.calls) answer();
  await client.end();
  assert.equal(client.received.length, 257);
});

Deno.test("an id whose answer is awaited is not taken a second time", async () => {
  const client = new Client();
  await client.begin();
  await client.send(slow(1), slow(1));
  assert.deepEqual([client.answered, client.calls.length], [[[1, -32600]], 1]);
  client.calls[0]?.answer();
  await client.clock.advance(0);
  await client.send(slow(1));
  client.calls[1]?.answer();
  await client.end();
  assert.deepEqual(client.answered, [[1, -32600], 1, 1]);
});

Deno.test("a client that reads no more is served no more", async () => {
  const client = new Client(() => Promise.reject(new Error("the reader is gone")));
  await client.write("garbage\n");
  await client.connection.ended;
  assert.ok(client.logged.includes("mcp_connection"));
});

Deno.test("the command line says where the brain is, and what may be done", () => {
  const { command, options } = parseCommandLine(
    ["mcp", "--url", "http://brain.test", "--key", "k", "--read-only"],
  );
  assert.deepEqual({ command, ...options }, {
    command: "mcp",
    url: "http://brain.test",
    key: "k",
    "read-only": true,
  });
  assert.throws(() => parseCommandLine(["mcp", "extra"]), /takes no "extra"/);
});
