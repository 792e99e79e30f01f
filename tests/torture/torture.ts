/**
 * `deno task torture`: everything that is meant to break the promise of the store, for as long as
 * it takes, and a table of what came of it.
 *
 *     deno task torture [--full] [--only kills,power] [--rounds N] [--seed N]
 *
 * Without `--full` each part is a few minutes' sample. `--rounds` is for one part. What fails says
 * with which seed, and a run's seed repeats its choices: what a process does between two of them
 * stays its own.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BUNDLING, PROGRAMS } from "../../.build/compile.ts";
import { type Kind, KINDS, whyNoDisk } from "../e2e/test_disk.ts";
import { compare, type Comparison, type Score } from "./compare.ts";
import { cuts, kills } from "./real.ts";
import { runSuite, type SuiteName } from "./suites.ts";
import {
  brokenEngines,
  damagedJournals,
  type Row,
  simulatedChains,
  simulatedCrashes,
} from "./simulated.ts";

const ROUNDS = {
  sample: { kills: 200, power: 100, compare: 50 },
  full: { kills: 10_000, power: 1_000, compare: 500 },
} as const;

type Part = keyof typeof ROUNDS.full | "simulated" | "damage" | "mutants" | SuiteName;

const PARTS: readonly Part[] = [
  "kills",
  "power",
  "order",
  "stopped",
  "simulated",
  "damage",
  "mutants",
  "fuzz",
  "manager",
  "compare",
];

interface Run {
  readonly isFull: boolean;
  readonly seed: number;
  /** Of the one part that was asked for. */
  readonly rounds: number | undefined;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

type Line = Row & { readonly took: string };

function partOf(name: string): Part {
  const found = PARTS.find((part) => part === name);
  if (found === undefined) throw new Error(`Cannot run "${name}": there are ${PARTS.join(", ")}`);
  return found;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      full: { type: "boolean", default: false },
      only: { type: "string", default: PARTS.join(",") },
      rounds: { type: "string" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  });
  const parts = values.only.split(",").map(partOf);
  const began = performance.now();
  const run: Run = {
    isFull: values.full,
    seed: Number(values.seed),
    rounds: values.rounds === undefined ? undefined : Number(values.rounds),
    note: (text) => console.error(`[${lasted(began)}] ${text}`),
    signal: interrupted(),
  };
  console.log(
    `seed ${run.seed}; ${navigator.hardwareConcurrency} processors; ${Deno.version.deno}`,
  );
  await using bundle = await Bundle.make();
  Deno.env.set("SECOND_BRAIN_BUNDLE", bundle.path);
  return await runParts(parts, run);
}

/**
 * At Ctrl-C the round ends and everything is put away; at another one later it just ends. (One
 * Ctrl-C may arrive twice: from the terminal, and from `deno task`.)
 */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  let firstMs = Infinity;
  const stop = () => {
    if (performance.now() - firstMs > 3_000) Deno.exit(130);
    firstMs = Math.min(firstMs, performance.now());
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  return controller.signal;
}

/** The number of parts that failed. */
async function runParts(parts: readonly Part[], run: Run): Promise<number> {
  const lines: Line[] = [];
  let failed = 0;
  for (const part of parts) {
    if (run.signal.aborted) break;
    try {
      for (const step of stepsOf(part, run)) {
        const began = performance.now();
        const row = await step();
        if (row !== undefined) lines.push({ ...row, took: lasted(began) });
      }
    } catch (error) {
      failed++;
      if (run.signal.aborted) break;
      console.error(error);
      const size = run.isFull ? " --full" : "";
      console.error(`FAILED ${part}: deno task torture${size} --only ${part} --seed ${run.seed}`);
    }
  }
  if (lines.length > 0) console.log(`\n${table(lines)}`);
  return failed;
}

function stepsOf(part: Part, run: Run): readonly (() => Promise<Row | undefined>)[] {
  const { seed, isFull, rounds } = run;
  const size = isFull ? "full" : "commit";
  const counts = ROUNDS[isFull ? "full" : "sample"];
  switch (part) {
    case "kills":
      return [() => kills({ ...run, count: rounds ?? counts.kills })];
    case "power":
      return [() => cuts({ ...run, count: rounds ?? counts.power })];
    case "compare":
      return [() => comparison(run, rounds ?? counts.compare)];
    case "simulated":
      return [
        () => simulatedCrashes(size, seed),
        () => simulatedChains(size, seed),
        () => damagedJournals(size, seed),
        brokenEngines,
      ];
    case "damage":
      return [() => damagedJournals(size, seed)];
    case "mutants":
      return [() => brokenEngines()];
    default:
      return [() => runSuite(part, isFull, rounds, seed)];
  }
}

async function comparison(
  { seed, note, signal }: Run,
  rounds: number,
): Promise<undefined> {
  const kinds: Kind[] = [];
  for (const kind of KINDS) {
    if (await whyNoDisk(kind) === undefined) kinds.push(kind);
  }
  const cuts = new Map(kinds.map((kind) => [kind, Math.round(rounds / kinds.length)]));
  const found = await compare({ kills: rounds, cuts, seed, note, signal });
  console.log(`\n${comparisonTable(found)}`);
  console.log(`\ndeno task torture --only compare --rounds ${rounds} --seed ${seed}`);
}

function table(lines: readonly Line[]): string {
  return markdown(
    ["what", "how many", "what came of it", "took", "command"],
    lines.map(({ name, figure, detail, took, command }) => {
      return [name, figure, detail, took, `\`${command}\``];
    }),
  );
}

function comparisonTable(found: readonly Comparison[]): string {
  const cells = (score: Score | undefined) =>
    score === undefined
      ? ["", "", "", ""]
      : [score.rounds, score.acknowledged, score.lost, score.unreadable].map(String);
  return markdown(
    [
      "what",
      ...["kills", "acknowledged", "lost", "unreadable"],
      ...["power cuts", "acknowledged", "lost", "unreadable"],
      ...["8 writes at once, no crash: acknowledged", "lost"],
    ],
    found.map(({ name, kills, cuts, together }) => [
      name,
      ...cells(kills),
      ...cells(cuts),
      String(together.acknowledged),
      String(together.lost),
    ]),
  );
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function lasted(began: number): string {
  const seconds = Math.round((performance.now() - began) / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** The very file that ships, made from what is here; it also starts the quickest. */
class Bundle implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<Bundle> {
    const bundle = new Bundle(await Deno.makeTempDir({ prefix: "second-brain-bundle-" }));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...BUNDLING, ...PROGRAMS.brain.bundling, "-o", bundle.path, "main.ts"],
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
    }).output();
    if (!success) throw new Error(`Cannot bundle: ${new TextDecoder().decode(stderr)}`);
    return bundle;
  }

  get path(): string {
    return `${this.#folder}/second-brain.js`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

// Those who wait for signals would keep it from ending.
Deno.exit(await main(Deno.args) === 0 ? 0 : 1);
