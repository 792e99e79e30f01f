/**
 * One brain through many deaths. Each life begins with a check that everything that was ever
 * acknowledged is there, that nothing deleted came back, that nothing is half done and that no
 * damage is reported; then everybody writes until the end that the caller chose.
 */
import assert from "node:assert/strict";
import { random } from "../random.ts";
import { within } from "./conditions.ts";
import { Worker } from "./crash_model.ts";
import type { Program } from "./program.ts";

const WORKERS = 8;
/** One life in so many is asked for a search and a second export, which take their time. */
const THOROUGH_ONE_IN = 5;

interface TrialOptions {
  readonly launch: () => Program;
  /** Copied on a failure, so that it can be looked into. */
  readonly folder: string;
  readonly seed: number;
}

export class Trial {
  readonly chance: () => number;
  readonly #launch: () => Program;
  readonly #folder: string;
  readonly #seed: number;
  readonly #workers: readonly Worker[];
  /** Writes imports as large as a journal; never a victim of its own small requests. */
  readonly #bulk: Worker;
  #program: Program | undefined;
  lives = 0;
  acknowledged = 0;
  tornTails = 0;
  rolledBack = 0;
  readonly readyMs: number[] = [];

  constructor({ launch, folder, seed }: TrialOptions) {
    this.#launch = launch;
    this.#folder = folder;
    this.#seed = seed;
    this.chance = random(seed);
    this.#workers = Array.from({ length: WORKERS }, (_, number) => new Worker(number, seed));
    this.#bulk = new Worker(WORKERS, seed);
  }

  get #everybody(): readonly Worker[] {
    return [...this.#workers, this.#bulk];
  }

  get memories(): number {
    return this.#everybody.reduce((sum, { known }) => sum + known.size, 0);
  }

  /** A start that is not waited for. */
  launch(): Program {
    this.lives++;
    return this.#program = this.#launch();
  }

  /** A start, and the check of all that was promised before. */
  async recover(): Promise<Program> {
    const program = this.launch();
    this.readyMs.push(await program.ready());
    this.#checkRecovery(program);
    await this.#checkAll(program);
    await this.#bulk.shrinkBulk(program);
    return program;
  }

  /** Everybody writes; after so many answers `end` is called, which must end the process. */
  async write(program: Program, answers: number, end: () => Promise<void> | void): Promise<void> {
    let answered = 0;
    let ending: Promise<void> | undefined;
    const endOnce = () => ending ??= Promise.resolve(end());
    const onAnswer = () => {
      if (++answered >= answers) endOnce();
    };
    const all = Promise.all(this.#workers.map((one) => one.writeUntilGone(program, onAnswer)));
    if (answers === 0) endOnce();
    await within(150_000, all, () => `everybody is answered or cut off: ${program.out}`);
    assert.ok(ending, `nobody can write any more: ${program.out}`);
    await ending;
    await within(30_000, program.ended, () => "the end of the process");
    assert.equal(program.err, "");
    this.acknowledged += answered;
  }

  /** Large imports, and the end that comes to them from elsewhere. */
  async writeBulk(program: Program, end: () => Promise<void>): Promise<void> {
    await Promise.all([this.#bulk.writeBulkUntilGone(program), end()]);
    await within(30_000, program.ended, () => "the end of the process");
    assert.equal(program.err, "");
  }

  /** Runs the trial; what fails is kept, and said with all that is needed to try again. */
  async run(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isAbort(error)) throw error;
      await this.#program?.exitCode(100).catch(() => this.#program?.crash());
      const kept = await Deno.makeTempDir({ prefix: "second-brain-kept-" });
      await new Deno.Command("cp", { args: ["-a", `${this.#folder}/.`, kept] }).output();
      const where = `${name}, seed ${this.#seed}, life ${this.lives}; its folder is in ${kept}`;
      throw new Error(where, { cause: error });
    }
  }

  #checkRecovery(program: Program): void {
    const ready = program.event("ready");
    assert.equal(ready?.["integrity"], "ok", JSON.stringify(program.log));
    for (const { event, kind, level } of program.log) {
      if (event !== "recovery") continue;
      assert.equal(level, "info", JSON.stringify(program.log));
      if (kind === "torn_tail") this.tornTails++;
      if (kind === "rolled_back_import") this.rolledBack++;
    }
  }

  async #checkAll(program: Program): Promise<void> {
    const all = await everything(program);
    const idOf = new Map([...all].map(([id, content]) => [content, id]));
    for (const worker of this.#everybody) worker.check(all, idOf);
    this.#compare(all);
    await Promise.all(this.#workers.map((worker) => worker.retry(program)));
    if (this.chance() < 1 / THOROUGH_ONE_IN) await this.#checkThoroughly(program);
  }

  async #checkThoroughly(program: Program): Promise<void> {
    this.#compare(await everything(program));
    const [id, content] = [...this.#workers[0]?.known ?? []].at(-1) ?? [];
    if (id === undefined || content === undefined) return;
    const query = content.slice(0, 40);
    const found = await program.want(200, "POST", "/search", { query, limit: 100 });
    assert.ok(found.text.includes(id), `${id} is found by its words`);
  }

  #compare(all: ReadonlyMap<string, string>): void {
    const expected = new Map(this.#everybody.flatMap(({ expected }) => expected));
    for (const [id, content] of expected) assert.equal(all.get(id), content, id);
    assert.deepEqual([...all.keys()].filter((id) => !expected.has(id)), [], "sent by nobody");
  }
}

/** Whoever ran it has had enough: nothing was found. */
function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function everything(program: Program): Promise<Map<string, string>> {
  const { text } = await program.want(200, "POST", "/export", { format: "ndjson" });
  const lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const all = new Map(lines.map(({ id, content }) => [id, content]));
  assert.equal(all.size, lines.length, "no id twice");
  return all;
}
