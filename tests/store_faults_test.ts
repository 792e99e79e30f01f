/**
 * A disk that fails: every file operation once and from then on, with each error. What was
 * acknowledged is always there, a refusal is final, and the store heals by itself.
 */
import assert from "node:assert/strict";
import { AppError } from "../src/errors.ts";
import { decodeLine } from "../src/store/journal.ts";
import { type Fault, takesSpace } from "./fakes/disk_faults.ts";
import { SimulatedDisk, type SimulatedOptions } from "./fakes/file_system.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./fakes/inode.ts";
import {
  codeOf,
  idOf,
  open,
  type Opened,
  printOf,
  putOf,
  randomOf,
  seed,
  simulated,
  stateOf,
} from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

const REFUSALS = ["insufficient_storage", "read_only", "not_ready", "overloaded"];

/** What became of each change, by the number of its memory. */
class Fates {
  readonly stored = new Set<number>();
  readonly refused = new Set<number>();
  readonly unknown = new Set<number>();

  async follow(numbers: readonly number[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
      for (const n of numbers) this.stored.add(n);
    } catch (error) {
      assert.ok(error instanceof AppError, `not an AppError: ${error}`);
      const fate = error.code === "storage_failed" ? this.unknown : this.refused;
      if (fate === this.refused) assert.ok(REFUSALS.includes(error.code), error.code);
      for (const n of numbers) fate.add(n);
    }
  }

  /** While running, what is unknown was not applied. */
  check({ state }: Opened, where: string, running: boolean): void {
    for (const n of this.stored) assert.ok(state.get(idOf(n)), `${where}: ${n} is lost`);
    const absent = running ? [...this.refused, ...this.unknown] : this.refused;
    for (const n of absent) assert.equal(state.get(idOf(n)), undefined, `${where}: ${n} came back`);
  }
}

let numbers = 0;

async function work(opened: Opened, fates: Fates): Promise<void> {
  const { store, state } = opened;
  const put = () => {
    const n = ++numbers;
    return fates.follow([n], () => store.append(putOf(n)));
  };
  await put();
  await Promise.all([put(), put(), put()]);
  await store.compact();
  await put();
  const imported = [++numbers, ++numbers];
  await fates.follow(imported, async () => {
    const unit = await store.beginImport();
    try {
      const changes = imported.map((n) => putOf(n));
      await unit.stage(changes);
      await unit.commit();
      for (const change of changes) state.apply(change);
    } finally {
      unit.finish();
    }
  });
  await Promise.all([store.compact(), put(), put()]);
  await put();
}

/** No number stands on two records, wherever they lie. */
function assertNumberedOnce(disk: SimulatedDisk, where: string): void {
  const seen = new Map<number, string>();
  for (const [path, bytes] of disk.files()) {
    if (!path.startsWith("/data/journal/")) continue;
    for (const text of new TextDecoder().decode(bytes).split("\n").slice(1)) {
      const line = decodeLine(new TextEncoder().encode(text));
      if (line === undefined) continue;
      assert.equal(seen.get(line.seq) ?? line.json, line.json, `${where}: ${line.seq} twice`);
      seen.set(line.seq, line.json);
    }
  }
}

/** A disk that has seen one life: two snapshots, records behind them, a torn tail; or a new one. */
async function livedDisk(fates: Fates): Promise<SimulatedDisk> {
  const opened = await open();
  await work(opened, fates);
  await work(opened, fates);
  const name = "/data/journal/000005.log";
  const journal = opened.disk.files().get(name);
  assert.ok(journal !== undefined);
  opened.fs.kill();
  const disk = opened.disk.afterPowerCut(everythingSurvives);
  disk.put(name, Uint8Array.of(...journal, 1, 2, 3));
  return disk;
}

/** One life with a fault, what it looks like from inside, and what the next ones find. */
async function suffer(
  fault: Fault,
  lived: boolean,
  where: string,
  random: () => number,
): Promise<void> {
  const clock = new FakeClock(), fates = new Fates();
  const start = lived ? await livedDisk(fates) : new SimulatedDisk();
  const opened = simulated(start, { faults: [fault] }, clock);
  const { store, state, fs, disk } = opened;
  let up = false;
  try {
    await store.open(state);
    up = true;
  } catch (error) {
    assert.ok(fs.calls.length >= fault.at, `${where}: nothing failed`);
    assert.equal(fs.opened, 0, `${where}: a file is left open`);
    assert.ok(error instanceof Error);
  }
  if (up) {
    await work(opened, fates);
    assert.ok(fs.calls.length >= fault.at, `${where}: nothing failed`);
    fates.check(opened, where, true);
    await assertSurvives(disk, fates, `${where}, before it healed`, random);
    fs.faults = [];
    await recovered(opened, where);
    await work(opened, fates);
    fates.check(opened, where, true);
    assertNumberedOnce(disk, where);
    await assertSurvives(disk, fates, `${where}, healed`, random, printOf(state));
    await store.close();
    assert.equal(fs.opened, 0, `${where}: a file is left open`);
    assert.equal(clock.waiting, 0, where);
  }
  const after = await assertSurvives(disk, fates, `${where}, closed`, random);
  if (up) assert.equal(printOf(after.state), printOf(state), where);
}

/** Healed, or with room again: by itself, once the disk does what it is told. */
async function recovered({ store, clock }: Opened, where: string): Promise<void> {
  const isWell = () => store.status().mode === "ok" && store.status().disk === "ok";
  for (let waits = 0; !isWell(); waits++) {
    assert.ok(waits < 60, `${where}: did not heal`);
    await clock.advance(10_000);
  }
}

/** Power cuts with little and with some luck: nothing acknowledged is lost, nothing refused there. */
async function assertSurvives(
  disk: SimulatedDisk,
  fates: Fates,
  where: string,
  random: () => number,
  expected?: string,
): Promise<Opened> {
  for (const survival of [randomSurvival(random), nothingSurvives]) {
    const opened = await open(disk.afterPowerCut(survival));
    fates.check(opened, where, false);
    assert.deepEqual(opened.recovery.notes.filter(({ kind }) => kind === "damage"), [], where);
    if (expected !== undefined) assert.equal(printOf(opened.state), expected, where);
    if (survival === nothingSurvives) return opened;
  }
  throw new Error("unreachable");
}

const CODES = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE"];

const ERRORS: readonly (readonly [string, Partial<Fault>])[] = [
  // Whatever an operation may come back with, also what it never does by any manual.
  ...CODES.map((code) => [code, {}] as const),
  // A write that fails has often written something.
  ["EIO", { only: (kind) => kind === "write", part: 0.7 }],
  ["ENOSPC", { only: takesSpace, part: 0.5 }],
  ["ENOSPC", { only: (kind) => kind === "sync" || kind === "syncFolder" }],
  ["EMFILE", { only: (kind) => ["create", "open", "syncFolder", "lock", "list"].includes(kind) }],
];

/** How many operations, and which, a life without faults has. */
async function callsOf(lived: boolean) {
  const fates = new Fates();
  const opened = await open(lived ? await livedDisk(fates) : new SimulatedDisk());
  await work(opened, fates);
  const calls = [...opened.fs.calls];
  await opened.store.close();
  return calls;
}

for (const lived of [false, true]) {
  for (const sticky of [false, true]) {
    const name = `in ${lived ? "a folder that was used" : "a new folder"}, every file operation ` +
      `fails ${sticky ? "from then on" : "once"}`;
    Deno.test(name, async () => {
      const random = randomOf(seed);
      const calls = await callsOf(lived);
      let lives = 0;
      for (const [code, more] of ERRORS) {
        for (const [i, { kind, path }] of calls.entries()) {
          // One that strikes once waits for an operation of its kind: the same as at that one.
          if (more.only?.(kind, path) === false) continue;
          const where = `${code}${more.part ?? ""} at ${i + 1} (${kind}), TEST_SEED=${seed}`;
          await suffer({ at: i + 1, code, sticky, ...more }, lived, where, random);
          lives++;
        }
      }
      const all = CODES.length * calls.length;
      assert.ok(lives > all);
      console.log(
        `${lives} lives: all of ${calls.length} operations x ${CODES.length} errors, and more`,
      );
    });
  }
}

Deno.test("short writes of every length, and a disk that is full after every byte", async () => {
  const random = randomOf(seed), changes = [putOf(1), putOf(2, { content: "zwei 🙂" })];
  const line = async (options: SimulatedOptions, faults: readonly Fault[]) => {
    const opened = await open(undefined, options);
    opened.fs.faults = faults;
    const codes = await Promise.all(changes.map((change) => codeOf(opened.store.append(change))));
    return { ...opened, codes };
  };
  const whole = (await line({}, [])).store.status().journalBytes;
  let lives = 0;
  for (let length = 1; length <= whole; length++) {
    const short = await line({ shorten: (most) => Math.min(most, length) }, []);
    assert.deepEqual(short.codes, ["stored", "stored"]);
    const stored = await open(short.disk.afterPowerCut(nothingSurvives));
    assert.equal(printOf(stored.state), printOf(stateOf(changes)), `short at ${length}`);
    for (const code of ["ENOSPC", "EDQUOT", "EIO"]) {
      const isWrite: Fault["only"] = (kind, path) => kind === "write" && /journal/.test(path);
      const fault = { at: 1, code, sticky: true, only: isWrite, part: (length - 0.5) / whole };
      const { codes, disk } = await line({}, [fault]);
      const expected = code === "EIO" ? "storage_failed" : "insufficient_storage";
      assert.deepEqual(codes, [expected, expected], `${code} after ${length - 1} bytes`);
      for (const survival of [nothingSurvives, everythingSurvives, randomSurvival(random)]) {
        const { state, recovery } = await open(disk.afterPowerCut(survival));
        const where = `${code} after ${length - 1} bytes`;
        assert.equal(recovery.integrity, "ok", where);
        // A definite no has left nothing; what is unknown is some beginning of the batch.
        if (code !== "EIO") assert.equal(state.size, 0, where);
        const possible = [0, 1, 2].map((count) => printOf(stateOf(changes.slice(0, count))));
        assert.ok(possible.includes(printOf(state)), where);
        lives++;
      }
      lives++;
    }
  }
  console.log(`${lives} lives, over ${whole} bytes`);
});
