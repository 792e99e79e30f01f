/**
 * Damage to the journal: files cut, changed, swapped or gone while nobody looked. Recovery never
 * invents a value, loses the damaged line at most, and says what it found.
 */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { StoreOpenError } from "../src/store.ts";
import {
  bytesAt,
  CHANGES,
  copyOf,
  JOURNAL,
  journalOnly,
  longLife,
  openWith,
  textAt,
} from "./fakes/damage.ts";
import { JournalToDamage, MUTATIONS } from "./fakes/damage_lab.ts";
import {
  contentsOf,
  deleteOf,
  idOf,
  importAll,
  kindsOf,
  open,
  PATH,
  printOf,
  putOf,
  stateOf,
} from "./fakes/store_kit.ts";

Deno.test("a journal cut at every byte gives its longest valid beginning, and no damage", async () => {
  const journal = await JournalToDamage.of(CHANGES);
  for (let size = 0; size <= journal.whole.length; size++) await journal.assertCut(size);
  console.log(`${journal.whole.length + 1} cuts`);
});

Deno.test("a journal damaged at every byte: nothing invented, only hit lines lost, all reported", async () => {
  const changes = [putOf(1), putOf(2, { content: "zwei 🙂" }), deleteOf(1), putOf(3), putOf(4)];
  const journal = await JournalToDamage.of(changes);
  let damaged = 0;
  for (const [name, mutation] of Object.entries(MUTATIONS)) {
    for (let at = 0; at < journal.whole.length; at++) {
      if (await journal.assertTold(name, mutation, at)) damaged++;
    }
  }
  console.log(`${damaged} damaged journals`);
});

Deno.test("lines doubled, swapped, repeated as a block or dropped are reported, and the state is right", async () => {
  const disk = await journalOnly();
  const lines = textAt(disk, JOURNAL).split(/(?<=\n)/);
  const expected = contentsOf(stateOf(CHANGES));
  const cases: Record<string, string[]> = {
    doubled: lines.flatMap((line, n) => n === 3 ? [line, line] : [line]),
    swapped: lines.map((line, n) => n === 2 ? lines[3]! : n === 3 ? lines[2]! : line),
    repeated: [...lines, ...lines.slice(2, 5)],
    "moved up": [lines[0]!, lines[4]!, ...lines.filter((_, n) => n !== 0 && n !== 4)],
  };
  for (const [name, mangled] of Object.entries(cases)) {
    const { state, recovery } = await openWith(disk, JOURNAL, mangled.join(""));
    assert.deepEqual(contentsOf(state), expected, name);
    assert.deepEqual(kindsOf(recovery), ["damage"], name);
  }
  const dropped = lines.filter((_, n) => n !== 3).join("");
  const { state, recovery } = await openWith(disk, JOURNAL, dropped);
  assert.deepEqual(contentsOf(state), contentsOf(stateOf(CHANGES.filter((_, n) => n !== 2))));
  assert.deepEqual(kindsOf(recovery), ["damage"]);
});

Deno.test("a damaged start can be gone on from, and the damage is kept aside once", async () => {
  const disk = await journalOnly();
  const first = await openWith(disk, JOURNAL, textAt(disk, JOURNAL).replace("zwei", "drei"));
  await first.store.append(putOf(9));
  const again = await open(copyOf(first.disk));
  assert.deepEqual(kindsOf(again.recovery), ["damage"]);
  assert.equal(again.recovery.notes[0]?.quarantine, first.recovery.notes[0]?.quarantine);
  await again.store.close();
  const healed = await open(copyOf(again.disk));
  // A person has not seen it yet.
  assert.deepEqual(healed.recovery, { integrity: "degraded", notes: [] });
  assert.deepEqual(contentsOf(healed.state), contentsOf(stateOf([...CHANGES, putOf(9)])));
});

Deno.test("a missing journal file is reported, and the rest is taken", async () => {
  const { disk, running } = await longLife();
  disk.remove(PATH); // So that all three files count: the older snapshot has the first.
  const names = [...disk.files().keys()].filter((path) => path.startsWith("/data/journal/"));
  assert.equal(names.length, 2);
  const whole = await open(copyOf(disk));
  assert.equal(printOf(whole.state), printOf(running.state));
  for (const [i, name] of names.entries()) {
    const without = copyOf(disk);
    without.remove(name);
    const { state, recovery } = await open(without);
    assert.deepEqual(recovery.integrity, i === 0 ? "degraded" : "ok", name);
    const lost = i === 0 ? [4, 5] : [6];
    for (const n of lost) assert.equal(state.get(idOf(n)), undefined);
  }
  for (const name of names) disk.remove(name);
  assert.deepEqual(kindsOf((await open(disk)).recovery), ["damage"]);
});

Deno.test("folders, links and files of others in the data folder are left alone", async () => {
  const { disk, running } = await longLife();
  disk.putOther("/data/journal/000009.log", "other");
  disk.putOther("/data/journal/000000.log", "folder");
  disk.put("/data/journal/000000.log/notes.txt", "mine");
  disk.put("/data/journal/notes.txt", "mine");
  disk.put("/data/shopping.json", "[]");
  const first = await open(disk);
  assert.deepEqual(first.recovery, { integrity: "ok", notes: [] });
  await first.store.compact();
  await first.store.append(putOf(7));
  await first.store.compact();
  await first.store.compact();
  await first.store.close();
  assert.deepEqual(first.log, []);
  const second = await open(disk);
  assert.deepEqual(contentsOf(second.state).entries.length, running.state.size + 1);
  assert.equal(textAt(disk, "/data/journal/000000.log/notes.txt"), "mine");
  assert.equal(textAt(disk, "/data/journal/notes.txt"), "mine");
});

Deno.test("a file that was never finished is no damage, not even when history went on behind it", async () => {
  const disk = await journalOnly();
  disk.put(JOURNAL, textAt(disk, JOURNAL) + "8c736521 8 {half a li");
  const second = "/data/journal/000002.log";
  const complete = textAt((await open(copyOf(disk))).disk, second);
  const stumps = Array.from(complete, (_, size) => [`${second}.tmp`, size] as const);
  for (const [name, size] of [...stumps, [second, complete.length] as const]) {
    const stump = copyOf(disk);
    stump.put(name, complete.slice(0, size));
    const opened = await open(stump);
    assert.deepEqual(kindsOf(opened.recovery), ["torn_tail"], `stump of ${size}`);
    assert.equal(opened.disk.files().has(name), false);
    await opened.store.append(putOf(9));
    // As where the stump's removal was not durable.
    opened.disk.put(name, complete.slice(0, size));
    const again = await open(copyOf(opened.disk));
    assert.deepEqual(again.recovery, { integrity: "ok", notes: [] }, `stump of ${size}`);
    assert.equal(printOf(again.state), printOf(stateOf([...CHANGES, putOf(9)])));
  }
});

/** By what may happen to a small file. Each leaves it without a header that can be read. */
const STUMPS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  "its first sector zeroed": (bytes) => bytes.slice().fill(0, 0, 512),
  "two bytes flipped": (bytes) =>
    bytes.map((byte, at) => at === 20 || at === bytes.length - 10 ? byte ^ 1 : byte),
  "cut to nothing": () => new Uint8Array(0),
  "cut within its header": (bytes) => bytes.slice(0, 50),
};

for (const [name, damage] of Object.entries(STUMPS)) {
  Deno.test(`a file with one record, ${name}, is not taken for one without`, async () => {
    const disk = await journalOnly([putOf(1)]);
    const damaged = damage(bytesAt(disk, JOURNAL));
    await assert.rejects(
      openWith(disk, JOURNAL, damaged),
      (error) => error instanceof StoreOpenError && error.fault === "unreadable",
    );
  });

  Deno.test(`a last file with one delete, ${name}, is damage`, async () => {
    const { store, disk } = await open(await journalOnly([putOf(1), putOf(2)]));
    await store.append(deleteOf(1));
    const second = "/data/journal/000002.log";
    const damaged = damage(bytesAt(disk, second));
    const { state, recovery, ...opened } = await openWith(disk, second, damaged);
    assert.deepEqual(kindsOf(recovery), ["damage"]);
    // What it says is found in quarantine; the memory is back, and somebody is told.
    assert.equal(printOf(state), printOf(stateOf([putOf(1), putOf(2)])));
    const kept = recovery.notes[0]?.quarantine;
    assert.deepEqual(bytesAt(opened.disk, `/data/${kept}`), damaged);
    await opened.store.append(putOf(3));
    const again = await open(copyOf(opened.disk));
    assert.equal(again.recovery.integrity, "degraded");
    assert.equal(printOf(again.state), printOf(stateOf([putOf(1), putOf(2), putOf(3)])));
  });
}

/** A line with a right checksum, whatever stands in it. */
function sealed(body: readonly number[]): Uint8Array {
  const sum = crc32(Uint8Array.from(body)).toString(16).padStart(8, "0");
  return Uint8Array.from([...new TextEncoder().encode(`${sum} `), ...body, 10]);
}

const NO_TEXTS: Readonly<Record<string, string>> = {
  "is not JSON": '1 {"op":"put"',
  "is not UTF-8": '1 "\xff"',
  "has a number that is not UTF-8": "\xff1 {}",
  "is no record": '1 {"op":"sing"}',
};

for (const [name, body] of Object.entries(NO_TEXTS)) {
  Deno.test(`a line under a right checksum that ${name} is damage`, async () => {
    const disk = await journalOnly();
    const line = sealed(Array.from(body, (character) => character.charCodeAt(0)));
    const whole = bytesAt(disk, JOURNAL), header = whole.indexOf(10) + 1;
    const rest = whole.subarray(header);
    const asHeader = await openWith(disk, JOURNAL, Uint8Array.of(...line, ...rest));
    assert.deepEqual(new Set(kindsOf(asHeader.recovery)), new Set(["damage"]));
    assert.equal(printOf(asHeader.state), printOf(stateOf(CHANGES)));
    const first = rest.indexOf(10) + 1;
    const asRecord = Uint8Array.of(...whole.subarray(0, header), ...line, ...rest.subarray(first));
    const { state, recovery } = await openWith(disk, JOURNAL, asRecord);
    assert.deepEqual(new Set(kindsOf(recovery)), new Set(["damage"]));
    assert.equal(printOf(state), printOf(stateOf(CHANGES.slice(1))));
  });
}

Deno.test("an import whose end is missing is rolled back, with a note", async () => {
  const opened = await open();
  await importAll(opened, [putOf(1), putOf(2)]);
  const unit = await opened.store.beginImport();
  await unit.stage([putOf(3), deleteOf(1)]);
  const { state, recovery } = await open(copyOf(opened.disk));
  assert.deepEqual(contentsOf(state), contentsOf(stateOf([putOf(1), putOf(2)])));
  assert.deepEqual(kindsOf(recovery), ["rolled_back_import"]);
});

Deno.test("starts without writes leave no files behind", async () => {
  const disk = await journalOnly();
  let current = disk;
  for (let starts = 0; starts < 20; starts++) current = copyOf((await open(current)).disk);
  const names = [...current.files().keys()].filter((path) => path.startsWith("/data/journal/"));
  assert.equal(names.length, 2);
});
