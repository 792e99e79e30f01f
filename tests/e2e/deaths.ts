/**
 * A brain that dies again and again, each time at another moment: between two answers, while it
 * starts, in the midst of an import, while a fresh snapshot is written, on its way to a clean end.
 * What it dies of is the caller's: SIGKILL here, and the power in `power_cuts.ts`.
 */
import assert from "node:assert/strict";
import { Trial } from "./crash_trial.ts";
import { eventually, within } from "./conditions.ts";
import type { Place, Program } from "./program.ts";

/** What a brain lives on, and dies of. */
export interface Ground {
  readonly name: string;
  /** Its data folder. */
  readonly folder: string;
  launch(): Program;
  /** Ends it at once, or does nothing more than the rest where it has ended by itself. */
  strike(program: Program): Promise<void>;
  /** Between a death and the next start. */
  rise(): Promise<void>;
}

/** How often it died at which moment. */
export interface Deaths {
  writes: number;
  start: number;
  import: number;
  snapshot: number;
  stop: number;
}

export interface Tally {
  readonly deaths: Deaths;
  readonly cleanStops: number;
  readonly acknowledged: number;
  readonly tornTails: number;
  readonly rolledBack: number;
  readonly memories: number;
  readonly readyMs: readonly number[];
}

export interface DeathOptions {
  readonly seed: number;
  readonly deaths: number;
  /** Told after each death how many there were. */
  readonly progress?: (deaths: number) => void;
}

export function killing(place: Place): Ground {
  return {
    name: "kill -9",
    folder: place.folder,
    launch: () => place.launch(),
    strike: (program) => program.exitCode(0).then(() => {}, () => program.kill()),
    rise: () => Promise.resolve(),
  };
}

/** Throws at the first thing that is lost, back, half done or called damaged. */
export async function dieOften(ground: Ground, options: DeathOptions): Promise<Tally> {
  const { folder, launch } = ground;
  const trial = new Trial({ launch, folder, seed: options.seed });
  const lives = new Lives(trial, ground);
  await trial.run(ground.name, () => lives.run(options));
  const { acknowledged, tornTails, rolledBack, memories, readyMs } = trial;
  const { deaths, cleanStops } = lives;
  return { deaths, cleanStops, acknowledged, tornTails, rolledBack, memories, readyMs };
}

class Lives {
  readonly #trial: Trial;
  readonly #ground: Ground;
  readonly deaths: Deaths = { writes: 0, start: 0, import: 0, snapshot: 0, stop: 0 };
  cleanStops = 0;

  constructor(trial: Trial, ground: Ground) {
    this.#trial = trial;
    this.#ground = ground;
  }

  async run({ deaths, progress }: DeathOptions): Promise<void> {
    for (let died = 0; died < deaths;) {
      const moment = await this.#live();
      if (moment === undefined) this.cleanStops++;
      else {
        this.deaths[moment]++;
        died++;
        progress?.(died);
      }
      await this.#ground.rise();
    }
    const last = await this.#trial.recover();
    assert.equal((await last.stop()).code, 0);
    const { memories } = JSON.parse(
      await Deno.readTextFile(`${this.#ground.folder}/memories.json`),
    );
    assert.equal(memories.length, this.#trial.memories);
  }

  /** One life; the moment of its death, or undefined where it came to its end. */
  async #live(): Promise<keyof Deaths | undefined> {
    const { chance } = this.#trial;
    if (chance() < 0.25) return await this.#dieInStart();
    const program = await this.#trial.recover();
    const kind = chance();
    const answers = Math.floor(chance() * 70);
    if (kind < 0.05) return await this.#dieInImport(program);
    if (kind < 0.08) return await this.#dieInSnapshot(program);
    if (kind < 0.18) return await this.#dieInStop(program, answers);
    if (kind < 0.22) return await this.#stop(program, answers);
    await this.#trial.write(program, answers, () => this.#ground.strike(program));
    return "writes";
  }

  /** A start that does not come to its end must cost nothing either. */
  async #dieInStart(): Promise<"start"> {
    const program = this.#trial.launch();
    const chance = this.#trial.chance();
    if (chance < 0.3) await program.listening();
    // Most of a start is spent on loading the program, in which nothing can happen to the data.
    else if (chance < 0.9) await lasting(80 + 200 * this.#trial.chance());
    await this.#ground.strike(program);
    await within(10_000, program.ended, () => "the end of the process");
    return "start";
  }

  async #dieInImport(program: Program): Promise<"import"> {
    const ms = 120 * this.#trial.chance();
    await this.#trial.writeBulk(program, async () => {
      await lasting(ms);
      await this.#ground.strike(program);
    });
    return "import";
  }

  async #dieInSnapshot(program: Program): Promise<"snapshot"> {
    const ms = 15 * this.#trial.chance();
    await this.#trial.writeBulk(program, async () => {
      await freshSnapshot(this.#ground.folder);
      await lasting(ms);
      await this.#ground.strike(program);
    });
    return "snapshot";
  }

  async #dieInStop(program: Program, answers: number): Promise<"stop"> {
    const ms = 30 * this.#trial.chance();
    await this.#trial.write(program, answers, async () => {
      program.kill("SIGTERM");
      await lasting(ms);
      await this.#ground.strike(program);
    });
    return "stop";
  }

  async #stop(program: Program, answers: number): Promise<undefined> {
    await this.#trial.write(program, answers, () => program.kill("SIGTERM"));
    assert.equal((await within(10_000, program.ended, () => "its end")).code, 0);
  }
}

/** Until a snapshot is on its way, or was there between two looks. */
async function freshSnapshot(folder: string): Promise<void> {
  const path = `${folder}/memories.json`;
  const before = await inodeOf(path);
  await eventually(20_000, "a fresh snapshot", async () => {
    const isDraft = await inodeOf(`${path}.tmp`) !== undefined;
    return isDraft || await inodeOf(path) !== before || undefined;
  });
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).ino ?? undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
