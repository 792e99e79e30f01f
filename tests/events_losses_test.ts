/** Listeners over what a power cut, or a disk that forgets, left of the journal. */
import assert from "node:assert/strict";
import { Ring } from "../src/events/ring.ts";
import { stepOf, type Stretch } from "../src/history.ts";
import { encodeLine } from "../src/store/journal.ts";
import { begin, heard, inWords, wordsOf } from "./fakes/listening.ts";
import { importAll, memoryOf, putOf } from "./fakes/store_kit.ts";

const PATH = "/data/journal/000001.log";
const long = (n: number) => putOf(n, { content: `${n} `.repeat(600) });

Deno.test("what is carried over is told behind what was before, and its place is known from then on", async () => {
  const first = await begin();
  await first.store.append(putOf(1));
  const seen = first.events.listen().position ?? "";
  const receipt = { op: "access", accesses: [] } as const;
  await Promise.all([...[2, 3, 4].map(long), receipt].map((change) => first.store.append(change)));
  first.fs.kill();
  const disk = first.disk.afterKill(), bytes = disk.files().get(PATH) ?? assert.fail();
  const at = new TextDecoder().decode(bytes).indexOf("3 3 3 3");
  bytes.fill(0, 512 * Math.ceil(at / 512), 512 * Math.ceil(at / 512) + 512);
  disk.put(PATH, bytes);
  const places = [seen];
  let life = await begin(disk, first.clock);
  assert.deepEqual(life.recovery.notes.map(({ kind }) => kind), ["torn_tail"]);
  const all = (await heard(life.events.listen(seen))).events;
  assert.deepEqual(all.map(inWords), ["memory.created 2", "memory.created 4"]);
  places.push(life.events.listen().position ?? "");
  assert.equal(places[1], all.at(-1)?.id);
  for (let runs = 0; runs < 2; runs++) {
    life.fs.kill();
    life = await begin(life.disk.afterKill(), life.clock);
    assert.deepEqual(await heard(life.events.listen(seen)), { events: all });
    assert.deepEqual(await wordsOf(life.events.listen(places[1])), []);
  }
  await importAll(life, [putOf(5)]);
  const told = ["memory.created 5", "import.finished 1+0"];
  assert.deepEqual(await wordsOf(life.events.listen(places[1])), told);
  await life.store.close();
});

Deno.test("where a line of a file before the snapshot is lost, nothing from before it is told, and all behind it is", async () => {
  const lineAt = (text: string, n: number) => text.split("\n")[n] ?? assert.fail();
  const harms: readonly (readonly [string, (text: string) => string, known: number])[] = [
    ["a byte is another", (text) => text.replace("memory 2", "memory X"), 3],
    ["a number is another", (text) => {
      const line = lineAt(text, 2), json = line.slice(line.indexOf("{"));
      return text.replace(`${line}\n`, new TextDecoder().decode(encodeLine(7, json)));
    }, 3],
    ["it has no meaning", (text) => {
      const line = lineAt(text, 2), json = line.slice(line.indexOf("{")).replace('"put"', '"PUT"');
      return text.replace(`${line}\n`, new TextDecoder().decode(encodeLine(2, json)));
    }, 3],
    ["the last is gone", (text) => text.replace(`${lineAt(text, 4)}\n`, ""), 4],
  ];
  for (const [name, harm, known] of harms) {
    const first = await begin();
    const listener = first.events.listen();
    for (const n of [1, 2, 3, 4]) await first.store.append(putOf(n));
    const { events } = await heard(listener);
    await first.store.compact();
    await first.store.append({ op: "put", memory: memoryOf(1) });
    first.fs.kill();
    const disk = first.disk.afterKill(), bytes = disk.files().get(PATH) ?? assert.fail();
    disk.put(PATH, harm(new TextDecoder().decode(bytes)));
    const second = await begin(disk, first.clock);
    assert.deepEqual(second.recovery.notes, [], name);
    const all = [...events.map(inWords), "memory.updated 1"];
    for (const [at, { id }] of events.entries()) {
      const told = at + 1 < known ? ["unknown"] : all.slice(at + 1);
      assert.deepEqual(await wordsOf(second.events.listen(id)), told, `${name}: behind ${at + 1}`);
    }
    await second.store.close();
  }
});

Deno.test("what was written behind an import's commit is the last, also where its file is gone", async () => {
  const first = await begin(), unit = await first.store.beginImport();
  await unit.stage([putOf(1)]);
  await unit.commit();
  await first.store.append(putOf(2));
  first.state.apply(putOf(1));
  unit.finish();
  const { position } = first.events.listen();
  for (let times = 0; times < 3; times++) await first.store.compact();
  first.fs.kill();
  const second = await begin(first.disk.afterKill(), first.clock);
  await second.store.append(putOf(3));
  assert.deepEqual(await wordsOf(second.events.listen(position ?? "")), ["memory.created 3"]);
  await second.store.close();
});

Deno.test("what does not reach up to where the start began is not put in front of it", () => {
  const floor = { seq: 5, place: 1, sum: 55 }, at = (seq: number) => ({ seq, sum: 11 * seq });
  const step = (seq: number) => stepOf(putOf(seq), at(seq)) ?? assert.fail();
  const stretches: readonly (readonly [Stretch, boolean])[] = [
    [{ floor: { ...at(2), place: 0 }, steps: [step(2), step(5)] }, true],
    [{ floor, steps: [] }, true],
    [{ floor: { ...at(2), place: 0 }, steps: [step(2), step(4)] }, false],
    [{ floor: { ...at(2), place: 0 }, steps: [] }, false],
    [{ floor: { ...at(2), place: 0 }, steps: [{ ...step(5), sum: 56 }] }, false],
  ];
  for (const [stretch, isUpTo] of stretches) {
    const ring = new Ring(100);
    ring.begin(floor);
    ring.prepend(stretch);
    ring.push(step(6));
    assert.deepEqual([ring.floor, ring.has(floor)], [isUpTo ? stretch.floor : floor, true]);
  }
});
