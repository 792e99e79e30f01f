/**
 * The packages that we are compared with: installed for a run, into its own folder, as they are no
 * dependencies of the product. One that cannot be had is left out, and the tables say why.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const RIVALS = {
  "hnswlib-node": "3.0.0",
  "usearch": "2.25.3",
  "minisearch": "7.2.0",
  "@orama/orama": "3.1.18",
} as const;

export type RivalName = keyof typeof RIVALS;

export interface Rivals {
  /** What Node runs, and the packages' folder. */
  readonly arguments: readonly string[];
  /** Why there are none of that name; nothing where there are. */
  readonly missing: ReadonlyMap<RivalName, string>;
}

const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const source = fileURLToPath(new URL("rival_engines.ts", import.meta.url));

/** Takes seconds; hnswlib-node is compiled, which wants a C++ compiler, make and Python. */
export async function installRivals(folder: string): Promise<Rivals> {
  const missing = new Map<RivalName, string>();
  const bundle = join(folder, "rival_engines.mjs");
  const args = ["--expose-gc", "--max-old-space-size=8192", bundle, folder];
  await Deno.writeTextFile(join(folder, "package.json"), '{"private":true}\n');
  const bundled = await run(Deno.execPath(), [
    ...["bundle", "--quiet", `--config=${config}`, "--platform=deno", "-o", bundle, source],
  ], folder);
  const names = Object.keys(RIVALS) as RivalName[];
  if (bundled !== undefined) {
    for (const name of names) missing.set(name, `our program for Node: ${bundled}`);
    return { arguments: args, missing };
  }
  for (const name of names) {
    const problem = await install(name, folder);
    if (problem !== undefined) missing.set(name, problem);
  }
  return { arguments: args, missing };
}

async function install(name: RivalName, folder: string): Promise<string | undefined> {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const added = await run("npm", [
    ...["install", "--ignore-scripts", ...quiet, `${name}@${RIVALS[name]}`],
  ], folder);
  if (added !== undefined) return added;
  if (name === "hnswlib-node") {
    const built = await run("npm", ["rebuild", ...quiet, name], folder);
    if (built !== undefined) return built;
  }
  return await run("node", ["--eval", `require(${JSON.stringify(name)})`], folder);
}

/** What went wrong, on one line. */
async function run(command: string, args: string[], cwd: string): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(command, { args, cwd }).output();
    if (success) return undefined;
    const lines = new TextDecoder().decode(stderr).split("\n").filter((line) => line.trim() !== "");
    const told = lines.find((line) => /error/i.test(line)) ?? lines[0] ?? "no reason given";
    return `${command} ${args[0]}: ${told.trim()}`;
  } catch (error) {
    return `${command}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
