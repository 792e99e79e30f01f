/** What takes its time: clients that do, the end of a service with such clients, a large start. */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";
import { KEY, Place, type Program } from "./program.ts";
import { head, RawClient } from "./raw.ts";

const JSON_TYPE = "Content-Type: application/json";

/** A character at a time, for as long as the other side listens. */
async function drip(client: RawClient, over: () => boolean): Promise<void> {
  while (!over() && await client.send("x")) {
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

Deno.test("a client that dawdles over its head or its body is sent away", async () => {
  await using place = new Place();
  const program = await place.serve();
  const client = () => RawClient.connect(program.port);
  using silent = await client();
  using slowHead = await client();
  using slowBody = await client();
  using stalledBody = await client();
  await slowHead.send("GET /stats HTTP/1.1\r\nX-Slow: ");
  await slowBody.send(head("POST /memories", KEY, JSON_TYPE, "Content-Length: 5000"));
  await stalledBody.send(head("POST /import", KEY, JSON_TYPE, "Content-Length: 5000") + "[");
  let isOver = false;
  const drips = [slowHead, slowBody].map((one) => drip(one, () => isOver));
  try {
    const [silentMs, headMs, status, stalled] = await Promise.all([
      silent.closedByPeer(45_000),
      slowHead.closedByPeer(20_000),
      slowBody.status(45_000),
      stalledBody.status(45_000),
    ]);
    console.log(`silent closed after ${silentMs.toFixed()} ms, slow head ${headMs.toFixed()} ms`);
    assert.ok(headMs > 9_000 && headMs < 16_000, "after ten seconds, looked at every two");
    assert.ok(silentMs < 16_000, `silent for ${silentMs}`);
    for (const { got } of [silent, slowHead]) {
      assert.match(got, /^HTTP\/1\.1 408 .*"detail":"Cannot read the request: it took too long/s);
    }
    assert.ok(status === 408 || status === 0, String(status));
    assert.ok(stalled === 408 || stalled === 0, String(stalled));
    assert.equal((await program.want(200, "GET", "/memories")).at("total"), 0);
  } finally {
    isOver = true;
    await Promise.all(drips);
  }
});

async function fill(program: Program, count: number, filler: string): Promise<void> {
  const lines = Array.from(
    { length: count },
    (_, i) => JSON.stringify({ content: `${i} ${filler}`, tags: [`t${i % 9}`] }),
  );
  await program.want(200, "POST", "/import", lines.join("\n"), {
    "Content-Type": "application/x-ndjson",
  });
}

Deno.test("a stop waits for the writes under way, and for no client that hangs on", async () => {
  await using place = new Place();
  const program = await place.serve();
  // More than the buffers of a connection take of an export.
  await fill(program, 300, "x".repeat(60_000));
  using clients = new DisposableStack();
  for (let i = 0; i < 20; i++) {
    const client = clients.use(await RawClient.connect(program.port));
    await client.send("POST /memories HTTP/1.1\r\nHos");
  }
  const body = `{"content":"sent before the stop, ended after it"}`;
  const writing = clients.use(await RawClient.connect(program.port));
  const half = clients.use(await RawClient.connect(program.port));
  const reading = clients.use(await RawClient.connect(program.port));
  const length = `Content-Length: ${body.length}`;
  await writing.send(head("POST /memories", KEY, JSON_TYPE, length) + body.slice(0, 9));
  await half.send(head("POST /memories", KEY, JSON_TYPE, length) + body.slice(0, 9));
  await reading.send(head("POST /export", KEY));
  assert.equal(await reading.status(), 200);

  const stopped = program.stop();
  await eventually(5_000, "it is stopping", () => program.event("stopping"));
  await writing.send(body.slice(9));
  assert.equal(await writing.status(), 201);
  const { code, ms } = await stopped;
  console.log(`stopped after ${ms.toFixed()} ms beside clients that hang on`);
  assert.equal(code, 0);
  assert.equal(program.err, "");
  const next = await place.serve();
  assert.equal((await next.want(200, "GET", "/memories")).at("total"), 301);
});

Deno.test("writes that are under way when the stop comes are answered, and are there afterwards", async () => {
  await using place = new Place();
  const program = await place.serve();
  const stored: string[] = [];
  let stopped: ReturnType<Program["stop"]> | undefined;
  const write = async (content: string): Promise<number> => {
    try {
      const { status } = await program.ask("POST", "/memories", { content });
      if (status === 201) stored.push(content);
      if (stored.length === 60) stopped ??= program.stop();
      return status;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return 0;
    }
  };
  const write30 = async (_: unknown, worker: number) => {
    for (let i = 0; i < 30; i++) {
      const status = await write(`${worker} ${i}`);
      if (status !== 201) return assert.ok([0, 503].includes(status), `answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }).map(write30));
  const { code, ms } = await (stopped ?? assert.fail("never stopped"));
  assert.equal(code, 0);
  const snapshot = await Deno.readTextFile(place.memories);
  for (const content of stored) assert.ok(snapshot.includes(`"content":"${content}"`), content);
  const count = JSON.parse(snapshot).memories.length;
  console.log(`${stored.length} answered, ${count} stored, stopped within ${ms.toFixed()} ms`);
  assert.equal(count, stored.length, "what was stored was answered");
});

/** As a rule it is two or three: the rest is for a machine with much else to do. */
const BACK_MS = 8_000;

Deno.test(`twenty thousand memories are back within ${BACK_MS} ms of a start`, async () => {
  await using place = new Place();
  const first = await place.serve();
  const began = performance.now();
  await fill(first, 20_000, "and another word ".repeat(15));
  const importMs = performance.now() - began;
  await first.crash();
  const times: number[] = [];
  for (const end of ["crash", "stop"] as const) {
    const program = place.launch();
    await program.listening();
    const live = await program.ask("GET", "/health/live");
    assert.equal(live.status, 200);
    times.push(await program.ready());
    assert.equal((await program.want(200, "GET", "/memories?limit=1")).at("total"), 20_000);
    await program[end]();
  }
  const program = await place.serve();
  times.push(Number(program.event("ready")?.["ms"]));
  console.log(
    `20,000 memories: imported in ${importMs.toFixed()} ms; ready ${
      times[0]?.toFixed()
    } ms after ` +
      `kill -9 and ${times[1]?.toFixed()} ms again; loading a snapshot takes ${times[2]} ms`,
  );
  for (const ms of times) assert.ok(ms < BACK_MS, `${ms} ms`);
});
