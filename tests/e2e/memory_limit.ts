/**
 * A limit on memory around one program, as a container has it: a control group of the kernel's,
 * version 1 or 2, which counts the page cache too but gives it up before anything is refused.
 */
import assert from "node:assert/strict";

const MIB = 1024 * 1024;
const V1 = "/sys/fs/cgroup/memory", V2 = "/sys/fs/cgroup";

interface Names {
  readonly parent: string;
  readonly limit: string;
  readonly peak: string;
  /** Holds a line with how often somebody was killed. */
  readonly kills: string;
}

const NAMES: readonly Names[] = [
  {
    parent: V1,
    limit: "memory.limit_in_bytes",
    peak: "memory.max_usage_in_bytes",
    kills: "memory.oom_control",
  },
  { parent: V2, limit: "memory.max", peak: "memory.peak", kills: "memory.events" },
];

/** The version that this machine lets us use. */
async function usable(): Promise<Names | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  for (const names of NAMES) {
    const folder = `${names.parent}/second-brain-probe-${crypto.randomUUID()}`;
    try {
      await Deno.mkdir(folder);
    } catch {
      continue; // No such version here, or not ours to use.
    }
    try {
      await Deno.stat(`${folder}/${names.limit}`);
      return names;
    } catch {
      continue; // Its memory is not counted.
    } finally {
      await Deno.remove(folder);
    }
  }
  return undefined;
}

const here = await usable();

/** For the names of tests and their `ignore`. */
export const withMemoryLimits = {
  ignore: here === undefined,
  suffix: here === undefined ? " (skipped: no control group that limits memory here)" : "",
};

export class MemoryLimit implements AsyncDisposable {
  readonly #folder: string;
  readonly #names: Names;

  private constructor(folder: string, names: Names) {
    this.#folder = folder;
    this.#names = names;
  }

  static async of(mib: number): Promise<MemoryLimit> {
    assert.ok(here, "a control group");
    const limit = new MemoryLimit(`${here.parent}/second-brain-${crypto.randomUUID()}`, here);
    await Deno.mkdir(limit.#folder);
    await Deno.writeTextFile(`${limit.#folder}/${here.limit}`, String(mib * MIB));
    return limit;
  }

  /** Runs what follows within the limit. */
  get under(): readonly string[] {
    return ["sh", "-c", `echo $$ >${this.#folder}/cgroup.procs; exec "$0" "$@"`];
  }

  /** The most that was ever in use, page cache included; undefined where that is not counted. */
  async peakMib(): Promise<number | undefined> {
    try {
      return Number(await Deno.readTextFile(`${this.#folder}/${this.#names.peak}`)) / MIB;
    } catch {
      return undefined;
    }
  }

  async kills(): Promise<number> {
    const text = await Deno.readTextFile(`${this.#folder}/${this.#names.kills}`);
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
  }

  /** What ran in it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder);
  }
}
