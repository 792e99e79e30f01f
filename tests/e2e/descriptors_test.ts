/** Descriptors that run out, by the operator's limit or by those who connect: it goes on serving. */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";
import { Ledger } from "./ledger.ts";
import { KEY, Place, type Program } from "./program.ts";
import { head, RawClient } from "./raw.ts";

/** Connections that say half a word, and hold on. */
async function halfOpen(program: Program, count: number): Promise<DisposableStack> {
  using clients = new DisposableStack();
  for (let i = 0; i < count; i++) {
    const client = clients.use(await RawClient.connect(program.port));
    await client.send("GET /stats HTTP/1.1\r\nX-Slow: ");
  }
  return clients.move();
}

/** Runs what follows with so many descriptors, and no means to get more. */
function withDescriptors(count: number): readonly string[] {
  return ["sh", "-c", `ulimit -n ${count}; exec "$0" "$@"`];
}

/** One request on a connection of its own; 0 where it was turned away. */
async function asks(program: Program): Promise<number> {
  try {
    using client = await RawClient.connect(program.port);
    await client.send(head("GET /stats", KEY, "Connection: close"));
    return await client.status(2_000);
  } catch {
    return 0; // Refused, or not heard in time: it is asked again.
  }
}

async function served(program: Program): Promise<number> {
  const began = performance.now();
  await eventually(20_000, "served", async () => await asks(program) === 200 ? true : undefined);
  return performance.now() - began;
}

/** How many descriptors this process may have; 0 where the system does not say. */
async function ownLimit(): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  const limits = await Deno.readTextFile("/proc/self/limits");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
}

const FEW = 64, MANY = 4_000;
const limit = await ownLimit();
const isShort = limit < MANY + 500;

Deno.test({
  name: `with few descriptors and three times the connections it serves again, and loses nothing${
    limit === 0 ? " (skipped: not on Linux)" : ""
  }`,
  ignore: limit === 0,
  async fn() {
    await using place = new Place();
    const program = place.launch({}, withDescriptors(FEW));
    await program.ready();
    const ledger = new Ledger();
    for (let i = 0; i < 10; i++) assert.equal(await ledger.create(program), 201);
    {
      using _clients = await halfOpen(program, 3 * FEW);
      const ms = await served(program);
      console.log(`${FEW} descriptors: served ${ms.toFixed()} ms after the flood, beside it`);
      // Once it knows how few it can have, nobody is kept out.
      for (let i = 0; i < 20; i++) assert.equal(await asks(program), 200);
      assert.equal(await ledger.create(program), 201);
    }
    assert.notEqual(program.event("listening_anew"), undefined, "it had run out");
    assert.equal(program.err, "");
    assert.equal((await program.stop()).code, 0);
    const next = await place.serve();
    await ledger.check(next);
  },
});

Deno.test({
  name: `four thousand half-open connections do not keep out one that asks, nor fill the memory${
    isShort ? ` (skipped: ${limit} descriptors are too few to try it)` : ""
  }`,
  ignore: isShort,
  async fn() {
    await using place = new Place();
    const program = await place.serve();
    const ledger = new Ledger();
    assert.equal(await ledger.create(program), 201);
    const before = await residentMib(program);
    using _clients = await halfOpen(program, MANY);
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      assert.equal(await asks(program), 200);
      times.push(performance.now() - began);
    }
    const after = await residentMib(program);
    const [median = NaN] = times.sort((a, b) => a - b).slice(10);
    console.log(
      `beside ${MANY} half-open connections: ${median.toFixed(1)} ms a request, ` +
        `${before.toFixed()} MiB before and ${after.toFixed()} MiB after`,
    );
    assert.ok(median < 250, String(median));
    assert.ok(after - before < 100, "of memory");
    assert.equal(await ledger.create(program), 201);
    assert.equal((await program.stop()).code, 0);
    assert.equal(program.err, "");
  },
});

async function residentMib({ pid }: Program): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
