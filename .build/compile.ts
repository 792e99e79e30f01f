/**
 * Turns a bundle into one executable:
 * `deno task compile [--program manager] [--target linux/arm64] [--output FILE]`.
 *
 * The runtime inside it comes from DENORT_BIN (a local file, for places without that host) or from
 * the network, checked. Exit codes: 0 made; 69 the runtime cannot be had; 1 anything else.
 */
import { stat, utimes } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { DenortRefused, provideDenort } from "./denort.ts";
import { containerFlags, managerFlags } from "./permissions.ts";

/**
 * How the bundle is made. Of packages it takes what they have for wherever there is `fetch`: for
 * Node, Qdrant's client brings an HTTP client of its own, half a megabyte that Deno has no use for.
 */
export const BUNDLING = [
  "bundle",
  "--platform=browser",
  "--quiet",
  "--minify",
  "--keep-names",
] as const;

interface Program {
  readonly name: string;
  readonly entry: string;
  readonly bundle: string;
  /** What `deno bundle` is told beside `BUNDLING`. */
  readonly bundling: readonly string[];
  readonly flags: readonly string[];
}

/** Two binaries, each with its own rights: the manager's code is in no brain's memory. */
export const PROGRAMS = {
  brain: {
    name: "second-brain",
    entry: "main.ts",
    bundle: "dist/second-brain.js",
    bundling: ["--external=./src/manager/main.ts"],
    flags: containerFlags(),
  },
  manager: {
    name: "second-brain-manager",
    entry: "src/manager/main.ts",
    bundle: "dist/second-brain-manager.js",
    bundling: [],
    flags: managerFlags(),
  },
} as const satisfies Record<string, Program>;
type ProgramName = keyof typeof PROGRAMS;

const EXIT_UNAVAILABLE = 69;

/** From the names that `docker build` uses to those of Deno. */
const TARGETS: Readonly<Record<string, string>> = {
  "linux/amd64": "x86_64-unknown-linux-gnu",
  "linux/arm64": "aarch64-unknown-linux-gnu",
};

export interface CompileOptions {
  /** Left out: the brain. */
  readonly program?: ProgramName;
  readonly bundle: string;
  readonly output: string;
  readonly target?: string | undefined;
}

/** Arguments for `deno` that make the binary; the bundle has everything, so no npm, no config. */
export function compileArguments(
  { program = "brain", bundle, output, target }: CompileOptions,
): string[] {
  const { name, flags } = PROGRAMS[program];
  return [
    "compile",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-npm",
    "--no-remote",
    "--no-check",
    "--no-code-cache",
    "--unstable-no-legacy-abort",
    `--app-name=${name}`,
    ...flags,
    ...(target === undefined ? [] : [`--target=${target}`]),
    `--output=${output}`,
    bundle,
  ];
}

/** Compiles with the running Deno; true when the output was made. */
export async function compile(options: CompileOptions, env: Record<string, string> = {}) {
  // The file's time is embedded with it: a fixed one keeps equal sources equal binaries.
  await utimes(options.bundle, 0, 0);
  const command = new Deno.Command(Deno.execPath(), {
    args: compileArguments(options),
    env,
    stdin: "null",
  });
  return (await command.spawn().status).success;
}

async function denoCacheFolder(): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--no-config"] });
  const { stdout } = await command.output();
  const info = JSON.parse(new TextDecoder().decode(stdout)) as { denoDir: string };
  return info.denoDir;
}

async function provideRuntime(target: string): Promise<void> {
  const local = Deno.env.get("DENORT_BIN");
  if (local !== undefined && local !== "") {
    await stat(local);
    return;
  }
  const sha256 = Deno.env.get("DENORT_SHA256") || undefined;
  await provideDenort({ target, cacheFolder: await denoCacheFolder(), sha256 });
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      program: { type: "string", default: "brain" },
      target: { type: "string" },
      output: { type: "string" },
    },
  });
  const program = values.program === "manager" ? "manager" : "brain";
  const target = values.target === undefined
    ? Deno.build.target
    : TARGETS[values.target] ?? values.target;
  try {
    await provideRuntime(target);
  } catch (error) {
    if (error instanceof DenortRefused) {
      console.error(error.message);
      return 1;
    }
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`Cannot compile: the runtime for ${target} cannot be had (${reason}).`);
    console.error("Name a local copy of denort with DENORT_BIN, or run this where it can be had.");
    return EXIT_UNAVAILABLE;
  }
  const { name, bundle } = PROGRAMS[program];
  const { output = `dist/${name}` } = values;
  if (!await compile({ program, bundle, output, target })) return 1;
  const bytes = [await stat(bundle), await stat(output)].map((file) => file.size);
  console.log(`Compiled ${output} for ${target}: ${bytes[1]} bytes, ${bytes[0]} of them ours.`);
  return 0;
}

if (import.meta.main) process.exit(await main());
