/**
 * Damage to the snapshot, edits by hand, backups put in place: what is there is found, what was
 * refused is kept aside, and a start is never empty by mistake.
 */
import assert from "node:assert/strict";
import { StoreOpenError } from "../src/store.ts";
import { bytesAt, copyOf, longLife, openWith, PREVIOUS, textAt } from "./fakes/damage.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import {
  contentsOf,
  idOf,
  kindsOf,
  memoryOf,
  open,
  PATH,
  printOf,
  putOf,
} from "./fakes/store_kit.ts";

Deno.test("a snapshot cut at every byte: the one before and the journal give everything", async () => {
  const { disk, running } = await longLife();
  const expected = printOf(running.state);
  const whole = bytesAt(disk, PATH);
  for (let size = 0; size < whole.length - 1; size++) {
    const { state, recovery, disk: after } = await openWith(disk, PATH, whole.slice(0, size));
    assert.equal(printOf(state), expected, `cut at ${size}`);
    assert.deepEqual(kindsOf(recovery), ["damage"], `cut at ${size}`);
    const kept = recovery.notes[0]?.quarantine;
    assert.deepEqual(bytesAt(after, `/data/${kept}`), whole.slice(0, size));
  }
});

Deno.test("a snapshot with one byte changed is taken as edited, or the one before is; never neither", async () => {
  const { disk, running } = await longLife();
  const expected = printOf(running.state);
  const whole = bytesAt(disk, PATH);
  let edited = 0;
  for (let at = 0; at < whole.length; at++) {
    const bytes = whole.with(at, whole[at]! ^ 1);
    const { state, recovery, disk: after } = await openWith(disk, PATH, bytes);
    const [note] = recovery.notes;
    assert.ok(note !== undefined, `flipped at ${at}`);
    assert.deepEqual(bytesAt(after, `/data/${note.quarantine}`), bytes);
    if (note.kind === "hand_edited") edited++;
    else assert.equal(printOf(state), expected, `flipped at ${at}`);
    // Whatever it says now: what was written after it is there.
    assert.ok(state.get(idOf(6)) && state.size >= 4, `flipped at ${at}`);
  }
  console.log(`${edited} of ${whole.length} changed snapshots taken as edited`);
});

Deno.test("other damage of the same size is kept beside what was kept before", async () => {
  const { disk } = await longLife();
  const whole = bytesAt(disk, PATH);
  const first = await openWith(disk, PATH, whole.with(0, 0));
  const second = await openWith(first.disk, PATH, whole.with(0, 1));
  for (const [{ recovery }, byte] of [[first, 0], [second, 1]] as const) {
    const kept = bytesAt(second.disk, `/data/${recovery.notes[0]?.quarantine}`);
    assert.deepEqual(kept, whole.with(0, byte));
  }
});

Deno.test("a folder where the snapshot should be: the one before and the journal", async () => {
  const { disk, running } = await longLife();
  disk.remove(PATH);
  disk.putOther(PATH, "folder");
  const { state, recovery } = await open(disk);
  assert.equal(printOf(state), printOf(running.state));
  assert.deepEqual(kindsOf(recovery), ["damage"]);
});

Deno.test("both snapshots bad: what is left of them line by line, and the journal", async () => {
  const { disk, running } = await longLife();
  const cut = textAt(disk, PATH);
  disk.put(PATH, cut.slice(0, cut.indexOf('"receipts"')));
  disk.put(PREVIOUS, "garbage");
  const { state, recovery } = await open(disk);
  assert.deepEqual(contentsOf(state).entries, contentsOf(running.state).entries);
  assert.equal(recovery.integrity, "degraded");
});

Deno.test("never an empty start where there were data", async () => {
  const unreadable = async (disk: SimulatedDisk) =>
    await assert.rejects(
      open(disk),
      (error) => error instanceof StoreOpenError && error.fault === "unreadable",
    );
  const disk = new SimulatedDisk();
  for (const text of ["", "\0\0\0\0", "garbage", "{", '{"memories":3}', "null", '"x"']) {
    disk.put(PATH, text);
    await unreadable(copyOf(disk));
  }
  const { disk: lived } = await longLife();
  for (const path of lived.files().keys()) lived.put(path, "x".repeat(2000));
  await unreadable(lived);
});

Deno.test("a snapshot edited by hand is taken as it stands, with a note and a copy", async () => {
  const { disk, running } = await longLife();
  const text = textAt(disk, PATH);
  const pretty = JSON.stringify(JSON.parse(text), null, 2);
  const changed = text.replace("memory 4", "memory four");
  const large = JSON.stringify({
    ...JSON.parse(text),
    receipts: Array.from({ length: 8 }, () => "x".repeat(1 << 20)),
  });
  const entries = contentsOf(running.state).entries;
  const four = entries.map((entry) =>
    entry.memory.id === idOf(4)
      ? { ...entry, memory: memoryOf(4, { content: "memory four" }) }
      : entry
  );
  for (
    const [edit, expected] of [[pretty, entries], [changed, four], [large, entries]] as const
  ) {
    const first = await openWith(disk, PATH, edit);
    assert.deepEqual(contentsOf(first.state).entries, expected);
    assert.deepEqual(kindsOf(first.recovery), ["hand_edited"]);
    assert.equal(first.recovery.integrity, "ok");
    assert.equal(textAt(first.disk, `/data/${first.recovery.notes[0]?.quarantine}`), edit);
    await first.store.close();
    const second = await open(first.disk);
    assert.deepEqual(contentsOf(second.state).entries, expected);
    assert.deepEqual(second.recovery, { integrity: "ok", notes: [] });
  }
});

Deno.test("after an edit the snapshot before still has the journal that it needs", async () => {
  const { disk, running } = await longLife();
  const edited = await openWith(
    disk,
    PATH,
    JSON.stringify(JSON.parse(textAt(disk, PATH)), null, 1),
  );
  await edited.store.append(putOf(40));
  await edited.store.compact();
  edited.disk.put(PATH, "garbage");
  const after = await open(copyOf(edited.disk));
  assert.deepEqual(kindsOf(after.recovery), ["damage"]);
  running.state.apply(putOf(40));
  assert.equal(printOf(after.state), printOf(running.state));
});

Deno.test("a plain array of memories, or a snapshot alone, is taken as a backup", async () => {
  const { disk, running } = await longLife();
  await running.store.close();
  const text = textAt(running.disk, PATH);
  const expected = contentsOf(running.state).entries;
  for (const backup of [text, JSON.stringify(JSON.parse(text).memories)]) {
    let restored = new SimulatedDisk();
    restored.put(PATH, backup);
    for (let starts = 0; starts < 3; starts++) {
      const { state, recovery, disk: after } = await open(restored);
      assert.deepEqual(contentsOf(state).entries, expected);
      assert.equal(recovery.integrity, "ok");
      assert.ok(kindsOf(recovery).every((kind) => kind === "hand_edited"));
      restored = copyOf(after);
    }
    const last = await open(restored);
    await last.store.append(putOf(50));
    const again = await open(copyOf(last.disk));
    assert.equal(again.recovery.integrity, "ok");
    assert.ok(again.state.get(idOf(50)));
  }
  void disk;
});

Deno.test("what a newer version wrote is refused, and nothing is touched", async () => {
  const { disk } = await longLife();
  const header = textAt(disk, "/data/journal/000003.log");
  const cases: readonly (readonly [string, string])[] = [
    [PATH, textAt(disk, PATH).replace("second-brain/3", "second-brain/4")],
    [PREVIOUS, '{\n  "format": "second-brain/7", "what": "ever" }'],
  ];
  assert.ok(header.includes("second-brain-journal/3"));
  for (const [path, text] of cases) {
    const newer = copyOf(disk);
    newer.put(path, text);
    newer.put(`${PATH}.tmp`, "half a snapshot");
    newer.remove("/data/.lock");
    const before = newer.files();
    await assert.rejects(
      open(newer),
      (error) => error instanceof StoreOpenError && error.fault === "newer",
    );
    const after = newer.files();
    after.delete("/data/.lock");
    assert.deepEqual(after, before);
  }
});
