/** Events as programs hear them: over kills, starts and broken connections; and at the end. */
import assert from "node:assert/strict";
import { below, randomOf, seed } from "../fakes/store_kit.ts";
import { eventually, within } from "./conditions.ts";
import { EventListener, type Heard } from "./event_listener.ts";
import { KEY, Place, type Program } from "./program.ts";
import { head, RawClient } from "./raw.ts";

const LIVES = 3, WRITES = 60;

/** What was asked of each memory, and how much of that was answered. */
class Asked {
  readonly created = new Set<string>();
  readonly deleted = new Set<string>();
  readonly updates = new Map<string, { asked: number; done: number }>();

  async write(program: Program, random: () => number): Promise<void> {
    const known = [...this.created].filter((id) => !this.deleted.has(id));
    const id = known[below(random, known.length + 1)];
    if (id === undefined || random() < 0.4) {
      const made = await program.want(201, "POST", "/memories", { content: `note ${random()}` });
      this.created.add(String(made.at("id")));
    } else if (random() < 0.6) {
      const update = this.updates.get(id) ?? { asked: 0, done: 0 };
      this.updates.set(id, update);
      update.asked++;
      const json = { content: `changed ${random()}` };
      const { status } = await program.ask("PATCH", `/memories/${id}`, json);
      // Another may have deleted it meanwhile.
      assert.ok(status === 200 || status === 404 && this.deleted.has(id), `PATCH ${status}`);
      if (status === 200) update.done++;
    } else {
      this.deleted.add(id); // Where the answer is lost, it may be gone or not: it is left alone.
      await program.want(204, "DELETE", `/memories/${id}`);
    }
  }

  /** Each is told once; what was not answered may have come to pass or not. */
  require(heard: readonly Heard[]): void {
    const of = (id: string, type: string) =>
      heard.filter((event) => event.memory_id === id && event.type === `memory.${type}`).length;
    for (const id of this.created) {
      const { asked = 0, done = 0 } = this.updates.get(id) ?? {};
      const updated = of(id, "updated");
      assert.equal(of(id, "created"), 1, `${id} created`);
      assert.ok(updated >= done && updated <= asked, `${id}: ${done} <= ${updated} <= ${asked}`);
      assert.ok(of(id, "deleted") <= Number(this.deleted.has(id)), `${id} deleted`);
    }
  }
}

/** Those that are left, if each event is believed. */
function leftBy(heard: readonly Heard[]): string[] {
  const left = new Set<string>();
  for (const { type, memory_id } of heard) {
    if (memory_id === null) continue;
    if (type === "memory.created") assert.ok(!left.has(memory_id), "created twice");
    if (type !== "memory.created") assert.ok(left.has(memory_id), `${type} of what is not there`);
    if (type === "memory.deleted") left.delete(memory_id);
    else left.add(memory_id);
  }
  return [...left].toSorted();
}

Deno.test(`every durable change is heard once and in order, over kills, broken connections and slow readers (seed ${seed})`, async () => {
  const random = randomOf(seed);
  await using place = new Place();
  let program = await place.serve({ RATE_LIMIT_PER_MINUTE: "0" });
  const current = () => program;
  await using all = new AsyncDisposableStack();
  const listeners = [
    all.use(new EventListener(current, "sse")),
    all.use(new EventListener(current, "websocket")),
    all.use(new EventListener(current, "sse", 40)),
  ];
  await Promise.all(listeners.map(({ begun }) => begun));
  const asked = new Asked();
  for (let life = 1; life <= LIVES; life++) {
    let left = WRITES;
    const write = async () => {
      while (left-- > 0) {
        await asked.write(program, random).catch((error) => {
          if (!(error instanceof TypeError)) throw error; // It was killed while it was asked.
        });
        if (random() < 0.04) listeners[below(random, listeners.length)]?.cut();
      }
    };
    const writing = Promise.all([write(), write(), write()]);
    writing.catch(() => {}); // It is awaited below.
    if (life < LIVES) {
      await eventually(20_000, "in the middle", () => left < WRITES / 3 ? true : undefined);
      await program.crash();
    }
    await writing;
    if (life < LIVES) program = await place.serve({ RATE_LIMIT_PER_MINUTE: "0" });
  }
  const listed = await program.want(200, "GET", "/memories?limit=100");
  const { memories } = JSON.parse(listed.text);
  const ids: string[] = memories.map(({ id }: { id: string }) => id).toSorted();
  const last = await program.want(201, "POST", "/memories", { content: "the last" });
  for (const listener of listeners) {
    const isLast = () => listener.heard.at(-1)?.memory_id === last.at("id");
    await eventually(20_000, "the last event", () => isLast() || undefined);
    await listener.stop();
  }
  const [first, ...others] = listeners.map(({ heard }) => heard.slice(0, -1));
  assert.ok(first !== undefined);
  assert.equal(new Set(first.map(({ id }) => id)).size, first.length);
  for (const other of others) assert.deepEqual(other, first);
  assert.deepEqual(leftBy(first), ids);
  asked.require(first);
  assert.deepEqual(listeners.flatMap(({ ends }) => ends), []);
  const cuts = listeners.map(({ cuts }) => cuts);
  console.log(`${first.length} events over ${LIVES} lives, cut off ${cuts}, TEST_SEED=${seed}`);
});

Deno.test("a stop is told to all who listen and ends at once, also beside one that reads nothing", async () => {
  await using place = new Place();
  const program = await place.serve();
  await using all = new AsyncDisposableStack();
  const listeners = [
    all.use(new EventListener(() => program, "sse")),
    all.use(new EventListener(() => program, "websocket")),
  ];
  await Promise.all(listeners.map(({ begun }) => begun));
  using stuck = await RawClient.connect(program.port);
  await stuck.send(head("GET /events?include=memory", KEY));
  assert.equal(await stuck.status(), 200);
  // More than the system takes from us for one that reads nothing.
  for (let n = 0; n < 40; n++) {
    await program.want(201, "POST", "/memories", { content: "long ".repeat(19_000) });
  }
  using silent = await RawClient.connect(program.port);
  await silent.send(upgrade(`Authorization: Bearer ${KEY}`));
  assert.equal(await silent.status(), 101);
  const { code, ms } = await program.stop();
  await Promise.all(listeners.map((one) => one.stop()));
  assert.deepEqual([code, program.err, listeners.map(({ ends }) => ends)], [0, "", [
    ["stopping"],
    ["stopping"],
  ]]);
  assert.ok(ms < 4_000, `${ms} ms`);
  await silent.closedByPeer(1_000);
  assert.match(silent.got, /The service is stopping/);
});

function upgrade(...headers: readonly string[]): string {
  return [
    "GET /ws HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  ].join("\r\n") + "\r\n\r\n";
}

Deno.test("a WebSocket is opened by whoever is let in, and refused as any request is", async () => {
  await using place = new Place();
  const program = await place.serve({ CONTAINER_READ_KEY: `${KEY}-read` });
  const bearer = `Authorization: Bearer ${KEY}`;
  const offer = (...all: string[]) => `Sec-WebSocket-Protocol: ${all.join(", ")}`;
  const table: readonly (readonly [number, string])[] = [
    [101, upgrade(bearer)],
    [101, upgrade(`X-API-Key: ${KEY}-read`)],
    [101, upgrade(offer("second-brain.v1", `bearer.${KEY}`))],
    [101, upgrade(offer(`bearer.${KEY}-read`, "second-brain.v1"))],
    [400, upgrade(offer(`bearer.${KEY}`))],
    [400, upgrade(bearer, offer("chat"))],
    [400, upgrade(bearer).replace("/ws", "/ws?last_event_id=1.1.00000000")],
    [400, upgrade(bearer, "Host: localhost")],
    [400, upgrade(bearer).replace("Sec-WebSocket-Key", "X-Other")],
    [400, upgrade(bearer).replace("Version: 13", "Version: 8")],
    [400, head("GET /ws", KEY)],
    [401, upgrade()],
    [401, upgrade().replace("/ws", `/ws?key=${KEY}`)],
    [401, upgrade(offer("second-brain.v1", `bearer.${KEY}x`))],
    [401, upgrade(bearer, offer("second-brain.v1", `bearer.${KEY}x`))],
    [401, upgrade(bearer, `Authorization: Bearer ${KEY}x`)],
    [403, upgrade(bearer, "Origin: https://evil.example")],
    [421, upgrade(bearer).replace("Host: localhost", "Host: evil.example")],
    // Elsewhere nothing is upgraded.
    [200, upgrade(bearer).replace("/ws", "/stats")],
    [404, upgrade(bearer).replace("/ws", "/ws/more")],
    [405, upgrade(bearer).replace("GET", "POST")],
  ];
  for (const [status, bytes] of table) {
    using client = await RawClient.connect(program.port);
    await client.send(bytes);
    assert.deepEqual([bytes, await client.status()], [bytes, status], client.got);
    assert.ok(!client.got.includes(KEY), client.got);
    if (
      status >= 400 && status !== 404 && status !== 405 && bytes.includes("Sec-WebSocket-Version")
    ) {
      assert.match(client.got, /urn:second-brain:error:/);
    }
  }
  await within(5_000, program.stop(), () => "the end");
  assert.equal(program.err, "");
});

Deno.test("a thousand listen, and others are answered beside them", async () => {
  await using place = new Place();
  const program = await place.serve({ RATE_LIMIT_PER_MINUTE: "0" });
  const before = await residentKib(program);
  using clients = new DisposableStack();
  const listeners: RawClient[] = [];
  for (let n = 0; n < 1_000; n++) {
    const client = clients.use(await RawClient.connect(program.port));
    await client.send(head("GET /events", KEY));
    listeners.push(client);
  }
  await Promise.all(listeners.map((client) => client.until("\n\n")));
  const each = Math.round((await residentKib(program) - before) / 1_000);
  assert.equal((await program.ask("GET", "/events")).status, 503);
  const began = performance.now();
  await program.want(201, "POST", "/memories", { content: "told to all" });
  await Promise.all(listeners.map((client) => client.until("event: memory.created")));
  const ms = Math.round(performance.now() - began);
  for (let n = 0; n < 20; n++) await program.want(200, "GET", "/stats");
  console.log(`a thousand are told in ${ms} ms; ${each} KiB each`);
  assert.ok(ms < 5_000 && each < 200, `${ms} ms, ${each} KiB`);
  assert.equal((await program.stop()).code, 0);
});

async function residentKib({ pid }: Program): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}
