/**
 * A disk that fails under the real program: `failing_disk.c`, compiled once and loaded in front of
 * the C library, does what a test tells it while the program runs.
 */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { eventually } from "./conditions.ts";
import { Ledger } from "./ledger.ts";
import { type Env, Place, type Program } from "./program.ts";

const SOURCE = fileURLToPath(new URL("failing_disk.c", import.meta.url));

export interface Fault {
  readonly call: "write" | "sync" | "truncate" | "open" | "rename" | "link" | "remove";
  /** What must be in the file's path, the end of which is marked by a `$`. */
  readonly part: string;
  /** So many such calls go through first. */
  readonly skip?: number;
  /** So many are hit then; all of them where it is not given. */
  readonly times?: number;
  /**
   * An error's name; or `lose`, a sync that fails and takes with it what was written since the last
   * one; or a write that does so many bytes; or milliseconds to wait.
   */
  readonly does:
    | "EIO"
    | "ENOSPC"
    | "EDQUOT"
    | "EROFS"
    | "EACCES"
    | "EMFILE"
    | "lose"
    | { readonly shortBytes: number }
    | { readonly waitMs: number };
}

async function canCompile(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    return (await new Deno.Command("gcc", { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

const hasCompiler = await canCompile();

/** For the name of a test and its `ignore`: where faults cannot be injected, it says why. */
export const withFaults = {
  ignore: !hasCompiler,
  suffix: hasCompiler ? "" : " (skipped: no gcc on Linux here)",
};

function line({ call, part, skip = 0, times = 1e9, does }: Fault): string {
  const action = typeof does === "string"
    ? does === "lose" ? "lose" : String(constants.errno[does])
    : "shortBytes" in does
    ? `short ${does.shortBytes}`
    : `wait ${does.waitMs}`;
  return `${call} ${part} ${skip} ${times} ${action}\n`;
}

/** The disk under the data folder of one place. */
export class FailingDisk implements AsyncDisposable {
  readonly #folder: string;
  readonly #root: string;

  private constructor(folder: string, root: string) {
    this.#folder = folder;
    this.#root = root;
  }

  static async under({ folder: root }: Place): Promise<FailingDisk> {
    const folder = await Deno.makeTempDir({ prefix: "second-brain-disk-" });
    const disk = new FailingDisk(folder, root);
    const args = [
      "-O1",
      "-shared",
      "-fPIC",
      "-o",
      `${folder}/disk.so`,
      SOURCE,
      "-ldl",
      "-lpthread",
    ];
    const { success, stderr } = await new Deno.Command("gcc", { args }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    await disk.set();
    return disk;
  }

  /** For the program's environment. */
  get env(): Env {
    return {
      LD_PRELOAD: `${this.#folder}/disk.so`,
      DISK_FAULTS_ROOT: this.#root,
      DISK_FAULTS_RULES: `${this.#folder}/rules`,
      DISK_FAULTS_LOG: `${this.#folder}/log`,
    };
  }

  /** From now on these faults, counted anew, and no other; what waits goes on. */
  async set(...faults: readonly Fault[]): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/rules.new`, faults.map(line).join(""));
    await Deno.rename(`${this.#folder}/rules.new`, `${this.#folder}/rules`);
  }

  /** What was hit so far: the call, what was done, and the path below the data folder. */
  async hits(): Promise<string[]> {
    const text = await Deno.readTextFile(`${this.#folder}/log`).catch(() => "");
    return text.split("\n").slice(0, -1).map((one) => one.replace(`${this.#root}/`, ""));
  }

  /** Until a call of this kind was hit. */
  async hit(call: Fault["call"], ms = 10_000): Promise<void> {
    await eventually(ms, `a ${call} is hit`, async () => {
      return (await this.hits()).some((one) => one.startsWith(`${call} `)) ? true : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A program over a disk that can be told to fail, with a few memories. */
export async function onFailingDisk(
  test: (place: Place, disk: FailingDisk, program: Program, ledger: Ledger) => Promise<void>,
): Promise<void> {
  await using place = new Place();
  await using disk = await FailingDisk.under(place);
  const program = place.launch(disk.env);
  await program.ready();
  const ledger = new Ledger();
  for (let i = 0; i < 5; i++) assert.equal(await ledger.create(program), 201);
  await test(place, disk, program, ledger);
}
