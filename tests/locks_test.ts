/** Locks: one at a time for each id, in the order they came, and nobody while a set is held. */
import assert from "node:assert/strict";
import { Locks } from "../src/locks.ts";
import { drain } from "./fakes/indexing.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

/** Work that goes on until it is told to end, and notes both. */
function workshop(locks: Locks) {
  const notes: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string, id: string) =>
    locks.run(id, async () => {
      notes.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      notes.push(`${name} ends`);
    });
  const end = async (name: string) => {
    (ends.get(name) ?? assert.fail(`${name} has not begun`))();
    await drain();
    return notes.splice(0);
  };
  const noted = async () => {
    await drain();
    return notes.splice(0);
  };
  return { start, end, noted };
}

Deno.test("work on one id goes one by one in the order it came, other ids go on beside it", async () => {
  const { start, end, noted } = workshop(new Locks());
  const all = [start("a1", "a"), start("a2", "a"), start("b1", "b"), start("a3", "a")];
  assert.deepEqual(await noted(), ["a1 begins", "b1 begins"]);
  assert.deepEqual(await end("a1"), ["a1 ends", "a2 begins"]);
  assert.deepEqual(await end("a2"), ["a2 ends", "a3 begins"]);
  assert.deepEqual(await end("b1"), ["b1 ends"]);
  assert.deepEqual(await end("a3"), ["a3 ends"]);
  await Promise.all(all);
});

Deno.test("work that fails lets the next one go, and its error through", async () => {
  const locks = new Locks();
  const failing = locks.run("a", () => Promise.reject(new Error("no")));
  const next = locks.run("a", () => Promise.resolve(7));
  await assert.rejects(failing, /^Error: no$/);
  assert.equal(await next, 7);
});

Deno.test("a hold waits for work that has begun, and holds up those in line and those who come", async () => {
  const locks = new Locks();
  const { start, end, noted } = workshop(locks);
  const all = [start("a1", "a"), start("a2", "a"), start("c1", "c")];
  await noted();
  let held = false;
  const hold = locks.hold(new Set(["a", "b"])).then((release) => {
    held = true;
    return release;
  });
  all.push(start("b1", "b"), start("c2", "c"));
  assert.deepEqual([await noted(), held], [[], false]);
  assert.deepEqual([await end("c1"), held], [["c1 ends", "c2 begins"], false]);
  assert.deepEqual([await end("a1"), held], [["a1 ends"], true]);
  all.push(start("a3", "a"));
  assert.deepEqual(await noted(), []);
  (await hold)();
  assert.deepEqual((await noted()).toSorted(), ["a2 begins", "b1 begins"]);
  for (const name of ["a2", "a3", "b1", "c2"]) await end(name);
  await Promise.all(all);
});

Deno.test(`nobody is ever inside together, and all come to an end (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const locks = new Locks();
  const inside = new Map<string, number>();
  const turns = async (id: string) => {
    inside.set(id, (inside.get(id) ?? 0) + 1);
    assert.equal(inside.get(id), 1, id);
    for (let n = below(random, 4); n > 0; n--) await Promise.resolve();
    inside.set(id, 0);
  };
  const hold = async () => {
    const ids = new Set(["a", "b", "c"].slice(below(random, 3)));
    // As imports do: one after the other, each holding its ids.
    await locks.run("import", async () => {
      const release = await locks.hold(ids);
      await Promise.all([...ids].map(turns));
      release();
    });
  };
  const all: Promise<void>[] = [];
  for (let n = 0; n < 2_000; n++) {
    const id = "abc"[below(random, 3)] ?? "";
    all.push(random() < 0.1 ? hold() : locks.run(id, () => turns(id)));
    if (random() < 0.3) await Promise.resolve();
  }
  await Promise.all(all);
});
