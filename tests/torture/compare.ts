/**
 * The same rounds and the same checks for every subject: one item after the other is written, the
 * process is killed or its disk's power cut in the midst of it, it is started again and asked for
 * all that it has. Lost is what was acknowledged before that moment and is not there.
 */
import { random } from "../random.ts";
import { Place } from "../e2e/program.ts";
import { type Kind, TestDisk } from "../e2e/test_disk.ts";
import { install, type Running, type Subject, subjects } from "./subjects.ts";

/** So that the files stay of a size at which every subject is quick. */
const ROUNDS_A_FOLDER = 25;
const MOST_WRITES = 20;
const AT_ONCE = 8, BURSTS = 50;

export interface Score {
  rounds: number;
  acknowledged: number;
  lost: number;
  unreadable: number;
}

export interface Comparison {
  readonly name: string;
  readonly kills: Score;
  /** Undefined where no disk can be had whose power could be cut. */
  readonly cuts: Score | undefined;
  readonly together: { readonly acknowledged: number; readonly lost: number };
}

interface CompareOptions {
  readonly kills: number;
  /** How many on each kind of disk. */
  readonly cuts: ReadonlyMap<Kind, number>;
  readonly seed: number;
  readonly note: (text: string) => void;
  /** Heeded after each round, so that everything is put away. */
  readonly signal: AbortSignal;
}

export async function compare(options: CompareOptions): Promise<Comparison[]> {
  await using place = new Place();
  const packages = place.path("packages");
  await Deno.mkdir(packages);
  await install(packages);
  const found: Comparison[] = [];
  for (const subject of subjects(place, packages)) {
    options.note(`${subject.name}: ${options.kills} kills`);
    const kills = noScore();
    const data = place.path("data");
    await Deno.mkdir(data);
    await new Rounds(subject, kills, options, nothing, data).run(options.kills);
    const cuts = options.cuts.size === 0 ? undefined : await cutAll(place, subject, options);
    const together = await writeTogether(subject, data);
    await Deno.remove(data, { recursive: true });
    found.push({ name: subject.name, kills, cuts, together });
  }
  return found;
}

function noScore(): Score {
  return { rounds: 0, acknowledged: 0, lost: 0, unreadable: 0 };
}

/** What strikes before the kill, and what heals after it. */
interface Blow {
  strike(chance: number): Promise<void>;
  rise(): Promise<void>;
}

const nothing: Blow = { strike: () => Promise.resolve(), rise: () => Promise.resolve() };

async function cutAll(place: Place, subject: Subject, options: CompareOptions): Promise<Score> {
  const score = noScore();
  for (const [kind, cuts] of options.cuts) {
    options.note(`${subject.name}: ${cuts} power cuts on ${kind}`);
    await using disk = await TestDisk.make(kind, place.folder);
    const blow: Blow = {
      strike: (chance) => disk.cutPower(chance < 0.5 ? "logFlushed" : "nothingFlushed"),
      rise: () => disk.restart(),
    };
    await new Rounds(subject, score, options, blow, disk.folder).run(cuts);
  }
  return score;
}

class Rounds {
  readonly #subject: Subject;
  readonly #score: Score;
  readonly #chance: () => number;
  readonly #blow: Blow;
  readonly #parent: string;
  readonly #signal: AbortSignal;
  /** Acknowledged in the folder that is in use. */
  #acknowledged = new Set<string>();
  #folder = "";
  #count = 0;

  constructor(
    subject: Subject,
    score: Score,
    { seed, signal }: CompareOptions,
    blow: Blow,
    parent: string,
  ) {
    this.#subject = subject;
    this.#score = score;
    this.#chance = random(seed);
    this.#signal = signal;
    this.#blow = blow;
    this.#parent = parent;
  }

  async run(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      if (round % ROUNDS_A_FOLDER === 0) await this.#beginFolder(round);
      let running = await this.#start();
      if (running === undefined) {
        await this.#beginFolder(round);
        running = await this.#start();
        if (running === undefined) throw new Error(`Cannot compare: ${this.#subject.name}`);
      }
      await this.#round(running);
      this.#signal.throwIfAborted();
    }
    const last = await this.#start();
    await last?.kill();
  }

  async #beginFolder(round: number): Promise<void> {
    // What the folder before held is looked at once more, before it goes.
    if (this.#folder !== "") {
      await (await this.#start())?.kill();
      await Deno.remove(this.#folder, { recursive: true });
    }
    this.#acknowledged = new Set();
    this.#folder = `${this.#parent}/${round}`;
    await Deno.mkdir(this.#folder, { recursive: true });
    await sync(this.#folder);
  }

  /** Starts it, and counts what is missing; undefined where there is nothing to go on with. */
  async #start(): Promise<Running | undefined> {
    const running = await this.#subject.start(this.#folder);
    const all = await running?.readAll();
    if (running === undefined || all === undefined) {
      await running?.kill();
      if (this.#acknowledged.size > 0) this.#score.unreadable++;
      this.#score.lost += this.#acknowledged.size;
      this.#acknowledged = new Set();
      return undefined;
    }
    const lost = [...this.#acknowledged].filter((item) => !all.has(item));
    this.#score.lost += lost.length;
    for (const item of lost) this.#acknowledged.delete(item);
    return running;
  }

  async #round(running: Running): Promise<void> {
    const writes = Math.floor(this.#chance() * MOST_WRITES);
    for (let i = 0; i <= writes; i++) await this.#write(running);
    const underWay = this.#write(running);
    const waitMs = 3 * this.#chance();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    running.hangUp();
    await this.#blow.strike(this.#chance());
    await running.kill();
    await underWay;
    await this.#blow.rise();
    this.#score.rounds++;
  }

  async #write(running: Running): Promise<void> {
    const item = `item ${++this.#count} `.padEnd(200, "of some length ");
    if (!await running.write(item)) return;
    this.#acknowledged.add(item);
    this.#score.acknowledged++;
  }
}

/** The folder itself is not what is tried: it is there for good before anything is written. */
async function sync(folder: string): Promise<void> {
  using parent = await Deno.open(`${folder}/..`);
  await parent.sync();
}

/** Several writes at once, and nothing that goes wrong. */
async function writeTogether(
  subject: Subject,
  parent: string,
): Promise<{ acknowledged: number; lost: number }> {
  const folder = `${parent}/together`;
  await Deno.mkdir(folder);
  const running = await subject.start(folder);
  if (running === undefined) throw new Error(`Cannot compare: ${subject.name}`);
  const acknowledged: string[] = [];
  for (let burst = 0; burst < BURSTS; burst++) {
    const items = Array.from({ length: AT_ONCE }, (_, i) => `item ${burst} ${i}`);
    await Promise.all(items.map(async (item) => {
      if (await running.write(item)) acknowledged.push(item);
    }));
  }
  const all = await running.readAll();
  await running.kill();
  const lost = acknowledged.filter((item) => !all?.has(item)).length;
  return { acknowledged: acknowledged.length, lost };
}
