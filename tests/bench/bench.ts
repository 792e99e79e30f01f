/**
 * `deno task bench`: measures the real program over HTTP and prints one table for each question.
 *
 *     deno task bench [PART ...] [--quick] [--only PART,...] [--sizes N,...] [--alone] [--folder DIR]
 *
 * PART: writes, reads, search, mcp, qdrant, start, pauses, memory; without one, all of them. `search` is
 * http, words, vectors and served, which are also to be had one by one; it installs the packages
 * that it compares us with by npm, into a folder that goes when it ends, and takes a quarter of an
 * hour. --alone leaves the other vector indexes out.
 *
 * Numbers of different runs and machines do not compare; ratios and lines of one run do.
 */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Folders } from "./folders.ts";
import { measureAssistants } from "./assistants.ts";
import { measureMemory } from "./memory.ts";
import { measurePauses } from "./pauses.ts";
import { endAll, Load } from "./processes.ts";
import { measureReads } from "./reads.ts";
import type { Run } from "./run.ts";
import { Goals } from "./search/goals.ts";
import { installRivals, type Rivals } from "./search/rivals.ts";
import { measureServed } from "./search/served.ts";
import { measureStored } from "./search/stored.ts";
import { measureVectors } from "./search/vectors.ts";
import { measureWords } from "./search/words.ts";
import { measureSearches } from "./searches.ts";
import { measureStarts } from "./starts.ts";
import { measureWrites } from "./writes.ts";

const PARTS = {
  writes: measureWrites,
  reads: measureReads,
  http: measureSearches,
  words: measureWords,
  vectors: measureVectors,
  served: measureServed,
  mcp: measureAssistants,
  qdrant: measureStored,
  start: measureStarts,
  pauses: measurePauses,
  memory: measureMemory,
};

/** Parts that go by one name. */
const SEARCH: readonly (keyof typeof PARTS)[] = ["http", "words", "vectors", "served"];

const SCALE = {
  full: {
    sizes: [1_000, 10_000, 100_000],
    wordSizes: [1_000, 10_000, 50_000, 100_000],
    rounds: 5,
    seconds: 1.5,
    starts: 3,
    searches: 300,
    questions: 100,
  },
  quick: {
    sizes: [1_000, 4_000],
    wordSizes: [1_000, 4_000],
    rounds: 2,
    seconds: 0.4,
    starts: 1,
    searches: 100,
    questions: 40,
  },
};

function isPart(name: string): name is keyof typeof PARTS {
  return Object.hasOwn(PARTS, name);
}

function partsOf(names: readonly string[]): (keyof typeof PARTS)[] {
  if (names.length === 0) return Object.keys(PARTS).filter(isPart);
  return names.flatMap((name) => {
    if (name === "search") return SEARCH;
    if (isPart(name)) return [name];
    throw new Error(`Cannot measure "${name}": there are search, ${Object.keys(PARTS).join(", ")}`);
  });
}

/** How many memories to measure with, in place of what the scale says. */
function sizesOf(text: string): { readonly sizes: number[]; readonly wordSizes: number[] } {
  const sizes = text.split(",").map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size > 0)) return { sizes, wordSizes: sizes };
  throw new Error(`Cannot measure with "${text}": --sizes wants whole numbers between commas`);
}

async function main(args: string[]): Promise<void> {
  const { values: { quick, only, sizes, alone, folder }, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      sizes: { type: "string" },
      alone: { type: "boolean", default: false },
      folder: { type: "string", default: tmpdir() },
    },
  });
  const parts = partsOf([...positionals, ...only?.split(",") ?? []]);
  const root = await Deno.makeTempDir({ dir: resolve(folder), prefix: "second-brain-bench-" });
  const began = performance.now();
  const clean = async () => {
    await endAll();
    await Deno.remove(root, { recursive: true });
  };
  Deno.addSignalListener("SIGINT", () => clean().finally(() => Deno.exit(130)));
  try {
    console.log(machineLine(root));
    console.log(`Command: deno task bench ${args.join(" ")}`.trimEnd());
    const load = new Load();
    const prober = new Load();
    let rivals: Promise<Rivals> | undefined;
    const folders = new Folders(root);
    const run: Run = {
      ...(quick ? SCALE.quick : SCALE.full),
      ...(sizes !== undefined && sizesOf(sizes)),
      alone,
      folders,
      rivals: () => rivals ??= folders.empty().then(installRivals),
      goals: new Goals(),
      load,
      prober,
      print: (text) => console.log(`\n${text}`),
      note: (text) => console.error(`[${seconds(began)} s] ${text}`),
    };
    for (const name of parts) await PARTS[name](run);
    if (run.goals.text !== undefined) run.print(run.goals.text);
    await load.end();
    await prober.end();
    console.log(`\nMeasured in ${seconds(began)} s; the load was ${loads()} at the end.`);
  } finally {
    await clean();
  }
}

function seconds(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(0);
}

function loads(): string {
  return Deno.loadavg().map((load) => load.toFixed(1)).join(", ");
}

function machineLine(root: string): string {
  const model = read("/proc/cpuinfo", /^model name\s*: (.*)$/m) ?? Deno.build.arch;
  const memory = (Deno.systemMemoryInfo().total / 2 ** 30).toFixed(0);
  return `Machine: ${navigator.hardwareConcurrency} cores (${model}), ${memory} GiB, ` +
    `${Deno.build.os}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}; data on ` +
    `${fileSystemOf(root) ?? "an unknown file system"}; load ${loads()} before. ` +
    "One process answers, one asks.";
}

function read(path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(path, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** The kind of file system, as fsync costs nothing on one in memory. */
function fileSystemOf(path: string): string | undefined {
  let mounts: string;
  try {
    mounts = readFileSync("/proc/mounts", "utf8");
  } catch {
    return undefined;
  }
  const holding = mounts.split("\n").map((line) => line.split(" "))
    .filter(([, mounted = ""]) => mounted !== "" && `${path}/`.startsWith(join(mounted, "/")));
  return holding.toSorted((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0))[0]?.[2];
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
