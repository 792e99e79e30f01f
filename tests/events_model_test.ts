/**
 * Listeners beside any life of a store: writes side by side, imports, compactions, failing disks,
 * clean stops, kills and power cuts; some listeners are slow, all come back with the last id they
 * saw. The model is a list: what was acknowledged, in its order, and of what was under way when the
 * process ended, what the next one finds. Each listener must have been told a piece of that list
 * without a gap, and may only be told to list anew where the journal let go of what he missed.
 */
import assert from "node:assert/strict";
import type { Listener } from "../src/events.ts";
import type { Change } from "../src/memory.ts";
import { State } from "../src/state.ts";
import type { OperationKind } from "./fakes/disk_faults.ts";
import { drain } from "./fakes/indexing.ts";
import { randomSurvival } from "./fakes/inode.ts";
import { begin, heard, inWords, type Life } from "./fakes/listening.ts";
import { below, codeOf, deleteOf, memoryOf, putOf, randomOf, seed } from "./fakes/store_kit.ts";

const LIVES = 40;
/** Held at least: few, so that slow listeners fall behind. */
const MOST = 40;
const isSync = (kind: OperationKind, path: string) => kind === "sync" && path.includes("journal");

/** A change, or an import of some: what is durable as one. */
interface Unit {
  readonly changes: readonly Change[];
  readonly words: readonly string[];
}

/** Someone who listens, at his own pace, and what he knows. */
class Follower {
  readonly told: string[] = [];
  /** Where in the list he began, or began anew. */
  from: number;
  lastId: string | null;
  #listener: Listener;
  /** How many snapshots there had been when his last event was told. */
  snapshots = 0;

  constructor(readonly isSlow: boolean, life: Life, model: Model) {
    this.from = model.list.length;
    this.#listener = life.events.listen();
    this.lastId = this.#listener.position;
    this.snapshots = model.snapshots;
  }

  get at(): number {
    return this.from + this.told.length;
  }

  comeBack(life: Life): void {
    this.#listener = life.events.listen(this.lastId ?? undefined);
  }

  async hear(life: Life, model: Model, most: number): Promise<void> {
    const { events, end } = await heard(this.#listener, most);
    this.told.push(...events.map(inWords));
    assert.deepEqual(
      this.told,
      model.list.slice(this.from, this.at),
      "a gap, a double, or disorder",
    );
    this.lastId = this.#listener.position;
    const missed = model.list.length - this.at;
    if (end === undefined) {
      assert.equal(
        this.at,
        model.heldAt ?? model.list.length,
        "something was not told, or too early",
      );
    }
    if (end === "behind") assert.ok(missed > MOST, "behind, and yet all was held");
    if (end === "unknown") {
      // The journal goes back to the snapshot before the last; and so many events are held.
      const isGone = model.snapshots - this.snapshots >= 2 || missed > MOST;
      assert.ok(isGone, "not known, and yet it is held");
    }
    if (end !== undefined) {
      model.relisted++;
      this.from = model.heldAt ?? model.list.length;
      this.told.length = 0;
      this.#listener = life.events.listen();
      this.lastId = this.#listener.position;
    }
    this.snapshots = model.snapshots;
  }
}

class Model {
  readonly list: string[] = [];
  readonly state = new State();
  underWay: Unit[] = [];
  /** At most: how often the journal may have let go of something. */
  snapshots = 0;
  relisted = 0;
  /** While an import is being applied: nothing from there on may be told. */
  heldAt: number | undefined;

  acknowledge(unit: Unit): void {
    this.underWay = this.underWay.filter((other) => other !== unit);
    this.#take(unit);
  }

  #take({ changes, words }: Unit): void {
    for (const change of changes) this.state.apply(change);
    this.list.push(...words);
  }

  /** What the next process found of what was under way: told events say which. */
  found(words: readonly string[]): void {
    let rest = [...words];
    for (const unit of this.underWay) {
      if (unit.words.length === 0 || unit.words.some((word, at) => rest[at] !== word)) continue;
      rest = rest.slice(unit.words.length);
      this.#take(unit);
    }
    assert.deepEqual(rest, [], "told of what was never sent");
    this.underWay = [];
  }
}

/** What is written beside an import comes before it or behind: the state's own order is no matter. */
function sorted(state: State): string[] {
  return [...state.entries()].map((entry) => JSON.stringify(entry)).toSorted();
}

function unitOf(changes: readonly Change[], isImport = false): Unit {
  const words: string[] = [];
  let created = 0;
  for (const change of changes) {
    if (change.op === "put") {
      const isNew = change.access !== undefined && change.existing === undefined;
      if (isNew) created++;
      words.push(`memory.${isNew ? "created" : "updated"} ${change.memory.metadata["n"]}`);
    } else if (change.op === "delete") words.push(`memory.deleted ${Number(change.id.slice(-12))}`);
  }
  if (isImport) words.push(`import.finished ${created}+${changes.length - created}`);
  return { changes, words };
}

class Run {
  readonly model = new Model();
  readonly followers: Follower[] = [];
  readonly #random: () => number;
  #n = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Of memories that are side by side under way each has another id. */
  #changes(count: number, from = 0): Change[] {
    return Array.from({ length: count }, (_, at) => {
      const n = ++this.#n, id = from + 10 * below(this.#random, 8) + at, kind = this.#random();
      if (kind < 0.2) return deleteOf(id);
      const memory = memoryOf(id, { content: `text ${n}`, metadata: { n: id } });
      if (kind < 0.5) return { op: "put", memory };
      const access = { access_count: n, last_accessed_at: null };
      return { op: "put", memory, access, ...kind < 0.6 && { existing: true } };
    });
  }

  #append(life: Life, change: Change): Promise<void> {
    const unit = unitOf([change]);
    this.model.underWay.push(unit);
    return life.store.append(change).then(() => this.model.acknowledge(unit));
  }

  async writes(life: Life, from = 0): Promise<void> {
    const changes = this.#changes(1 + below(this.#random, 5), from);
    await Promise.all(changes.map((change) => this.#append(life, change)));
  }

  async importing(life: Life): Promise<void> {
    const changes = this.#changes(1 + below(this.#random, 8)).filter(({ op }) => op === "put");
    const unit = unitOf(changes, true);
    const staged = await life.store.beginImport();
    try {
      await staged.stage(changes);
      this.model.underWay.push(unit);
      const beside = this.#random() < 0.5
        ? this.#append(life, putOf(1_000 + ++this.#n, { metadata: { n: 1_000 + this.#n } }))
        : undefined;
      await staged.commit().then(() => {
        this.model.heldAt = this.model.list.length;
        this.model.acknowledge(unit);
      });
      const behind = this.#random() < 0.5 ? this.writes(life, 500) : undefined;
      if (this.#random() < 0.5) await this.listen(life, false);
      for (const change of changes) life.state.apply(change);
      await beside;
      await behind;
    } finally {
      staged.finish();
      this.model.heldAt = undefined;
    }
  }

  async fault(life: Life): Promise<void> {
    life.fs.faults = [{ at: 1, code: "EIO", only: isSync }];
    await codeOf(this.writes(life));
    await drain();
    life.fs.faults = [];
    this.model.underWay = []; // It heals: what was not acknowledged never was.
    this.model.snapshots++;
    await life.clock.advance(5_000);
    assert.equal(life.store.status().mode, "ok");
  }

  async compact(life: Life): Promise<void> {
    this.model.snapshots++;
    await life.store.compact();
  }

  /** `all`: also the slow. While an import is applied nobody can have been told all. */
  async listen(life: Life, all: boolean): Promise<void> {
    for (const follower of this.followers) {
      if (follower.isSlow && !all && this.#random() < 0.8) continue;
      await follower.hear(life, this.model, 1 + below(this.#random, 7));
    }
  }

  /** Ends the process in some way, perhaps in the middle of something. */
  async end(life: Life): Promise<Life> {
    const chance = this.#random(), next = { most: MOST };
    if (chance < 0.3) {
      this.model.snapshots++;
      await life.store.close();
      return await begin(life.disk, life.clock, next);
    }
    const running = this.#random() < 0.7 ? this.writes(life).catch(() => {}) : undefined;
    for (let turns = below(this.#random, 12); turns > 0; turns--) await Promise.resolve();
    life.fs.kill();
    await Promise.race([running, drain()]);
    const disk = chance < 0.65
      ? life.disk.afterKill()
      : life.disk.afterPowerCut(randomSurvival(this.#random));
    return await begin(disk, life.clock, next);
  }

  /** The first who is told in a new life says what is found of what was under way. */
  async begin(life: Life): Promise<void> {
    const place = this.followers[0]?.lastId;
    assert.ok(place !== null && place !== undefined);
    const { events, end } = await heard(life.events.listen(place));
    if (end === undefined) {
      const known = this.model.list.length - (this.followers[0]?.at ?? 0);
      this.model.found(events.slice(known).map(inWords));
    }
    assert.equal(end, undefined, "one who heard all is not known any more");
    assert.deepEqual(sorted(life.state), sorted(this.model.state));
    for (const follower of this.followers) follower.comeBack(life);
  }
}

Deno.test(`whatever happens to the store, each listener is told all, once and in order (TEST_SEED=${seed})`, async () => {
  const random = randomOf(seed), run = new Run(random);
  let life = await begin(undefined, undefined, { most: MOST });
  run.followers.push(new Follower(false, life, run.model), new Follower(true, life, run.model));
  for (let lives = 0; lives < LIVES; lives++) {
    for (let steps = below(random, 6); steps > 0; steps--) {
      const chance = random();
      if (chance < 0.6) await run.writes(life);
      else if (chance < 0.8) await run.importing(life);
      else if (chance < 0.88) await run.compact(life);
      else if (chance < 0.93) await run.fault(life);
      await run.listen(life, false);
    }
    if (random() < 0.3) run.followers.push(new Follower(random() < 0.5, life, run.model));
    if (run.followers.length > 6) run.followers.splice(1, 1);
    await run.followers[0]?.hear(life, run.model, 9);
    const next = await run.end(life);
    await run.begin(next);
    life = next;
  }
  await run.listen(life, true);
  await life.store.close();
  console.log(`${run.model.list.length} events, ${run.model.relisted} times to list anew`);
  assert.ok(run.model.list.length > 5 * LIVES / 2, "hardly anything happened");
});
