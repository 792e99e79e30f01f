/**
 * A brain that is killed again and again, each time at another moment: between two answers, while
 * it starts, in the midst of an import, while a fresh snapshot is written, on its way to a clean end.
 */
import assert from "node:assert/strict";
import { Trial } from "./crash_trial.ts";
import { eventually, within } from "./conditions.ts";
import type { Place, Program } from "./program.ts";

const MOMENTS = ["writes", "start", "import", "snapshot", "stop"] as const;

interface Tally {
  readonly kills: Record<typeof MOMENTS[number], number>;
  readonly cleanStops: number;
  readonly acknowledged: number;
  readonly tornTails: number;
  readonly rolledBack: number;
  readonly memories: number;
  readonly readyMs: readonly number[];
}

interface KillOptions {
  readonly place: Place;
  readonly seed: number;
  readonly kills: number;
  /** Called after each life. */
  readonly progress?: (kills: number) => void;
}

/** Throws at the first thing that is lost, back, half done or called damaged. */
export async function killRounds(options: KillOptions): Promise<Tally> {
  const { place, seed } = options;
  const trial = new Trial({ launch: () => place.launch(), folder: place.folder, seed });
  const killer = new Killer(trial, place);
  await trial.run(`kill -9`, () => killer.run(options));
  const { acknowledged, tornTails, rolledBack, memories, readyMs } = trial;
  const { kills, cleanStops } = killer;
  return { kills, cleanStops, acknowledged, tornTails, rolledBack, memories, readyMs };
}

class Killer {
  readonly #trial: Trial;
  readonly #place: Place;
  readonly kills = { writes: 0, start: 0, import: 0, snapshot: 0, stop: 0 };
  cleanStops = 0;

  constructor(trial: Trial, place: Place) {
    this.#trial = trial;
    this.#place = place;
  }

  async run({ kills, progress }: KillOptions): Promise<void> {
    for (let done = 0; done < kills;) {
      if (this.#trial.chance() < 0.25) await this.#killStart();
      else await this.#end(await this.#trial.recover());
      done = MOMENTS.reduce((sum, moment) => sum + this.kills[moment], 0);
      progress?.(done);
    }
    const last = await this.#trial.recover();
    assert.equal((await last.stop()).code, 0);
    const { memories } = JSON.parse(await Deno.readTextFile(this.#place.memories));
    assert.equal(memories.length, this.#trial.memories);
  }

  /** A start that does not come to its end must cost nothing either. */
  async #killStart(): Promise<void> {
    const program = this.#trial.launch();
    const chance = this.#trial.chance();
    if (chance < 0.3) await program.listening();
    // Most of a start is spent on loading the program, in which nothing can happen to the data.
    else if (chance < 0.9) await lasting(80 + 200 * this.#trial.chance());
    await program.crash();
    this.kills.start++;
  }

  async #end(program: Program): Promise<void> {
    const { chance } = this.#trial;
    const kind = chance();
    const answers = Math.floor(chance() * 70);
    if (kind < 0.05) return await this.#killImport(program);
    if (kind < 0.08) return await this.#killSnapshot(program);
    if (kind < 0.18) return await this.#killStop(program, answers);
    if (kind < 0.22) return await this.#stop(program, answers);
    await this.#trial.write(program, answers, () => program.kill());
    this.kills.writes++;
  }

  async #killImport(program: Program): Promise<void> {
    const ms = 120 * this.#trial.chance();
    await this.#trial.writeBulk(program, async () => {
      await lasting(ms);
      program.kill();
    });
    this.kills.import++;
  }

  async #killSnapshot(program: Program): Promise<void> {
    const ms = 15 * this.#trial.chance();
    await this.#trial.writeBulk(program, async () => {
      await fresh(this.#place);
      await lasting(ms);
      program.kill();
    });
    this.kills.snapshot++;
  }

  async #killStop(program: Program, answers: number): Promise<void> {
    const ms = 30 * this.#trial.chance();
    await this.#trial.write(program, answers, async () => {
      program.kill("SIGTERM");
      // Either it is over by then, or it is killed in the midst of its end.
      await program.exitCode(ms).catch(() => program.kill());
    });
    this.kills.stop++;
  }

  async #stop(program: Program, answers: number): Promise<void> {
    await this.#trial.write(program, answers, () => program.kill("SIGTERM"));
    assert.equal((await within(10_000, program.ended, () => "its end")).code, 0);
    this.cleanStops++;
  }
}

/** Until a snapshot is on its way, or was there between two looks. */
async function fresh({ folder, memories }: Place): Promise<void> {
  const before = await inodeOf(memories);
  await eventually(20_000, "a fresh snapshot", async () => {
    const isDraft = await inodeOf(`${memories}.tmp`) !== undefined;
    return isDraft || await inodeOf(memories) !== before ? folder : undefined;
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
