/** The real program, killed and with its power cut, for longer than a commit has time for. */
import { type Deaths, dieOften, type Ground, killing, type Tally } from "../e2e/deaths.ts";
import { cutAfterFirstWrites, powerCuts } from "../e2e/power_cuts.ts";
import { Place } from "../e2e/program.ts";
import { type Kind, TestDisk, whyNoDisk } from "../e2e/test_disk.ts";
import type { Row } from "./simulated.ts";

/** One more than most machines that try this have processors: each of them waits a good deal. */
const LOOPS = 3;
/** A batch has a brain, a folder and a seed of its own. */
const KILLS_A_BATCH = 50, CUTS_A_BATCH = 25, FIRST_CUTS_A_BATCH = 3;

export interface RealOptions {
  readonly seed: number;
  readonly count: number;
  readonly note: (text: string) => void;
  /** Heeded after each death, so that everything is put away. */
  readonly signal: AbortSignal;
}

/** A kind of disk, its mount options, and its share of the cuts. */
const DISKS: readonly (readonly [Kind, string, number])[] = [
  ["ext4", "", 0.5],
  ["ext4", "data=writeback", 0.2],
  ["xfs", "", 0.3],
];

export async function kills(options: RealOptions): Promise<Row> {
  const { seed, count } = options;
  const sum = new Sum(options, "kills");
  await inParallel(batches(count, KILLS_A_BATCH), async (deaths, batch) => {
    await using place = new Place();
    await sum.add(killing(place), seed + batch, deaths);
  });
  return {
    name: "kill -9 of the running service, over HTTP",
    figure: sum.deaths.toLocaleString("en"),
    detail: `${sum.moments}; ${sum.detail}`,
    command: `deno task torture --only kills --rounds ${count} --seed ${seed}`,
  };
}

export async function cuts(options: RealOptions): Promise<Row> {
  const { seed, count } = options;
  const disks = await usableDisks(options.note);
  const sum = new Sum(options, "power cuts");
  const plan = disks.flatMap(([kind, mount, share]) =>
    batches(Math.round(count * share), CUTS_A_BATCH).map((size) => ({ kind, mount, size }))
  );
  await inParallel(plan, async ({ kind, mount, size }, batch) => {
    await using place = new Place();
    await using disk = await TestDisk.make(kind, place.folder, mount);
    const firsts = Math.min(size, FIRST_CUTS_A_BATCH);
    for (let i = 0; i < firsts; i++) {
      await cutAfterFirstWrites(place, disk, seed + batch * CUTS_A_BATCH + i);
      sum.first();
    }
    await sum.add(powerCuts(place, disk, seed + batch), seed + batch, size - firsts);
  });
  const kinds = disks.map(([kind, mount]) => [kind, mount].filter((one) => one).join(" "));
  return {
    name: `power cuts on real file systems (${kinds.join(", ")})`,
    figure: sum.deaths.toLocaleString("en"),
    detail: `${sum.moments}; ${sum.detail}`,
    command: `deno task torture --only power --rounds ${count} --seed ${seed}`,
  };
}

async function usableDisks(note: (text: string) => void): Promise<typeof DISKS> {
  const usable: (typeof DISKS[number])[] = [];
  for (const disk of DISKS) {
    const why = await whyNoDisk(disk[0]);
    if (why === undefined) usable.push(disk);
    else note(`no power cuts on ${disk[0]}: it ${why}`);
  }
  if (usable.length === 0) throw new Error("Cannot cut any power: there is no disk to do it to");
  return usable;
}

function batches(count: number, size: number): number[] {
  return Array.from(
    { length: Math.ceil(count / size) },
    (_, batch) => Math.min(size, count - batch * size),
  );
}

async function inParallel<T>(
  jobs: readonly T[],
  work: (job: T, number: number) => Promise<void>,
): Promise<void> {
  const left = [...jobs.entries()];
  await Promise.all(Array.from({ length: LOOPS }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      try {
        await work(next[1], next[0]);
      } catch (error) {
        left.length = 0; // The other loop ends its batch, and then there is nothing more to do.
        throw error;
      }
    }
  }));
}

/** What all batches came to. */
class Sum {
  readonly #options: RealOptions;
  readonly #what: string;
  readonly #tallies: Tally[] = [];
  #firsts = 0;
  deaths = 0;

  constructor(options: RealOptions, what: string) {
    this.#options = options;
    this.#what = what;
  }

  first(): void {
    this.#firsts++;
    this.#died();
  }

  #died(): void {
    this.deaths++;
    const { count, note, signal } = this.#options;
    if (this.deaths % 100 === 0) note(`${this.deaths} of ${count} ${this.#what}`);
    signal.throwIfAborted();
  }

  async add(ground: Ground, seed: number, deaths: number): Promise<void> {
    const progress = () => this.#died();
    this.#tallies.push(await dieOften(ground, { seed, deaths, progress }));
  }

  #total(of: (tally: Tally) => number): number {
    return this.#tallies.reduce((sum, tally) => sum + of(tally), 0);
  }

  get moments(): string {
    const at = (moment: keyof Deaths) => this.#total(({ deaths }) => deaths[moment]);
    return [
      `${at("writes")} under writes`,
      `${at("start")} in starts`,
      `${at("import")} in imports`,
      `${at("snapshot")} in snapshots`,
      `${at("stop")} after SIGTERM`,
      ...this.#firsts > 0 ? [`${this.#firsts} after the first writes of a new folder`] : [],
    ].join(", ");
  }

  get detail(): string {
    const ready = this.#tallies.flatMap(({ readyMs }) => readyMs).toSorted((a, b) => a - b);
    const at = (share: number) => `${Math.round(ready.at(share * (ready.length - 1)) ?? 0)} ms`;
    const acknowledged = this.#total((tally) => tally.acknowledged);
    return `${acknowledged.toLocaleString("en")} acknowledged requests, 0 lost, 0 back after a ` +
      `delete, 0 half done, 0 called damage; ready again after ${at(0.5)}, at most ${at(1)}`;
  }
}
