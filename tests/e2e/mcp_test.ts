/**
 * Assistants, as they come: the protocol's own clients against a real process over HTTP, against one
 * that they start on a folder, and against one that is a bridge to the first.
 */
import assert from "node:assert/strict";
import { programArguments } from "../../.build/permissions.ts";
import { ALL_SETS, type Assistant, ASSISTANTS, everyTool, type Started } from "../mcp_clients.ts";
import { KEY, Place, type Program } from "./program.ts";

/** The SDK's own way to end a process leaves a timer of two seconds, which holds nothing up. */
const SDK = { sanitizeOps: false, sanitizeResources: false };

const READ_KEY = "e2e-a-key-for-reading-0123";
const SELF = { name: "a test", version: "1.0.0" };

/** The oldest and the newest: what is between them speaks as the oldest. */
const ENDS = ["the SDK 1", "the SDK 2 as of 2026"] as const;

/** How an assistant starts the program on the folder of a place. */
function started(place: Place, args: readonly string[], env: Record<string, string>): Started {
  const own = Deno.env.get("DENO_DIR");
  return {
    command: Deno.execPath(),
    args: [...programArguments(place.folder), "mcp", ...args],
    env: {
      ...{ NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...(own !== undefined && { DENO_DIR: own }) },
      ...{ MEMORY_PERSIST_PATH: place.memories, ...env },
    },
    cwd: place.folder,
  };
}

function bridged(place: Place, { url }: Pick<Program, "url">, ...args: string[]): Started {
  return started(place, ["--url", url, ...args], { CONTAINER_API_KEY: KEY });
}

/** Every tool is listed, and called, and does what it is for. */
async function wholeDay(assistant: Assistant, what: string): Promise<void> {
  const names = await assistant.tools();
  const called = await everyTool(assistant, what.replaceAll(/[^A-Za-z0-9]/g, ""));
  assert.deepEqual(called.toSorted(), names.toSorted(), what);
  assert.equal(names.length, 19, what);
  await assistant.close();
}

const CHANGING = /^(create|add|delete|memory_(add|update|delete)|memory$)/;

/** Whoever is to change nothing is offered nothing that does. */
async function readsOnly(assistant: Assistant): Promise<void> {
  const names = await assistant.tools();
  assert.deepEqual(names.filter((name) => CHANGING.test(name)), []);
  assert.ok(names.includes("memory_search"));
  const { isError } = await assistant.call("memory_add", { content: "x" });
  assert.equal(isError, true);
}

Deno.test("nothing but messages is written, and all that was asked is answered", async () => {
  await using place = new Place();
  const ask = (id: number, method: string, params = {}) =>
    JSON.stringify({ jsonrpc: "2.0", id, method, params });
  const add = { name: "memory_add", arguments: { content: "the ferry leaves at seven" } };
  const lines = [
    ask(0, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: SELF }),
    JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
    ...Array.from({ length: 50 }, (_, id) => ask(id + 1, "tools/call", add)),
    "this is no message",
  ];
  const { code, out, err } = await place.run(["mcp"], { stdin: `${lines.join("\n")}\n` });
  assert.equal(code, 0, err);
  const said = out.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  const ids = said.map(({ id }) => id ?? -1).toSorted((a, b) => a - b);
  assert.deepEqual(ids, Array.from({ length: 52 }, (_, index) => index - 1));
  assert.deepEqual(said.filter(({ result }) => result?.isError !== undefined), []);
  const events = err.split("\n").slice(0, -1).map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["ready", "words_ready", "stopping", "stopped"]);
  const brain = await place.serve();
  assert.equal((await brain.want(200, "GET", "/stats")).at("total_memories"), 50);
});

/** The body of the next request on a connection; undefined at its end. */
async function nextBody(connection: Deno.TcpConn): Promise<string | undefined> {
  const bytes = new Uint8Array(64 * 1024), decoder = new TextDecoder();
  for (let text = "";;) {
    const read = await connection.read(bytes);
    if (read === null) return undefined;
    text += decoder.decode(bytes.subarray(0, read));
    const [head = "", body] = text.split("\r\n\r\n");
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
    if (body !== undefined && body.length >= length) return body;
  }
}

/** Answers the first request of all, and hangs up on whatever else comes, as a brain that dies. */
function dyingBrain() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked: string[] = [];
  const serve = async (connection: Deno.TcpConn) => {
    for (let body = await nextBody(connection); body !== undefined;) {
      asked.push(body);
      if (asked.length > 1) break;
      const answer = JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} });
      const type = "Content-Type: application/json";
      const head = `HTTP/1.1 200 OK\r\n${type}\r\nContent-Length: ${answer.length}\r\n\r\n`;
      await connection.write(new TextEncoder().encode(head + answer));
      // On a connection that is used again, this is the next request.
      body = await nextBody(connection);
    }
    connection.close();
  };
  const serving = (async () => {
    for await (const connection of listener) await serve(connection);
  })();
  return { url: `http://127.0.0.1:${listener.addr.port}`, asked, listener, serving };
}

Deno.test("what may have reached a brain that died is not sent to it again", async () => {
  await using place = new Place();
  const { url, asked, listener, serving } = dyingBrain();
  const [first, second] = [1, 2].map((id) => {
    const params = { name: "memory_add", arguments: { content: "once" } };
    return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
  });
  const child = place.spawn(["mcp", "--url", url, "--key", KEY], { stdin: "" });
  const input = child.stdin.getWriter();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await input.write(new TextEncoder().encode(`${first}\n`));
  assert.equal(JSON.parse((await lines.read()).value ?? "").id, 1);
  await input.write(new TextEncoder().encode(`${second}\n`));
  const { id, error } = JSON.parse((await lines.read()).value ?? "");
  assert.match(error.message, /may have been done/);
  assert.deepEqual([id, asked], [2, [first, second]]);
  await Promise.all([input.close(), lines.cancel(), child.stderr.cancel()]);
  assert.equal((await child.status).code, 0);
  listener.close();
  await serving;
});

Deno.test({
  name: "official clients list and call every tool over HTTP, and through a bridge",
  ...SDK,
  async fn() {
    await using place = new Place();
    const brain = await place.serve({ MCP_TOOLS: ALL_SETS, CONTAINER_READ_KEY: READ_KEY });
    for (const [who, connect] of Object.entries(ASSISTANTS)) {
      await wholeDay(await connect({ url: `${brain.url}/mcp`, key: KEY }), `${who} over HTTP`);
    }
    for (const who of ENDS) {
      await wholeDay(await ASSISTANTS[who](bridged(place, brain)), `${who} through a bridge`);
    }
    await brain.want(404, "POST", "/mcp/elsewhere", {});
    const connect = ASSISTANTS["the SDK 2 as of 2026"];
    for (
      const way of [
        { url: `${brain.url}/mcp`, key: READ_KEY },
        { url: `${brain.url}/mcp/read-only`, key: KEY },
        bridged(place, brain, "--read-only"),
      ]
    ) {
      const assistant = await connect(way);
      await readsOnly(assistant);
      await assistant.close();
    }
  },
});

Deno.test({
  name: "official clients list and call every tool of a brain that they start, and it stays",
  ...SDK,
  async fn() {
    await using place = new Place();
    const way = started(place, [], { MCP_TOOLS: ALL_SETS });
    for (const who of ENDS) await wholeDay(await ASSISTANTS[who](way), `${who} alone`);
    const reading = started(place, ["--read-only"], { MCP_TOOLS: ALL_SETS });
    const assistant = await ASSISTANTS["the SDK 1"](reading);
    await readsOnly(assistant);
    const kept = await assistant.call("memory_list", { tags: ["theSDK1alone"] });
    const [{ content }] = kept.structuredContent.memories;
    assert.equal(content, "theSDK1alone: the ferry leaves the harbour at seven, in summer at six");
    const { code, out, err } = await place.run(["mcp"]);
    assert.deepEqual([code, out], [75, ""]);
    assert.match(err, /^Cannot open the data folder: a brain is running on it.*--url and --key/m);
    await assistant.close();
  },
});

Deno.test({
  name: "a request through a bridge waits for a brain that was killed and starts again",
  ...SDK,
  async fn() {
    await using place = new Place();
    const brain = await place.serve();
    // The address of the protocol will do as well as that of the brain.
    const way = bridged(place, { url: `${brain.url}/mcp` });
    const assistant = await ASSISTANTS["the SDK 2 as before 2026"](way);
    const { structuredContent } = await assistant.call("memory_add", { content: "kept" });
    await brain.crash();
    const asked = assistant.call("memory_get", { id: structuredContent.id });
    await place.serve({ PORT: String(brain.port) });
    assert.match(JSON.stringify((await asked).structuredContent), /"content":"kept"/);
    await assistant.close();
  },
});
