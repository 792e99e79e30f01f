/** Builds broken engines in folders of their own, and lets the hunt loose on each. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Variant } from "./variants.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What the hunt is made of. */
const PARTS = ["src", "tests/fakes", "tests/mutants"];
const FILES = ["deno.json", "deno.lock", "tests/noted.ts"];
const HUNT_MS = 120_000;

const resultSchema = z.object({
  by: z.string().nullable(),
  states: z.int(),
  recovered: z.int(),
  seconds: z.string(),
  message: z.string(),
});

export type Result = z.infer<typeof resultSchema>;

/** The engine with the variant's edits, and the hunt beside it; without a variant, as it is. */
async function build(folder: string, variant: Variant | undefined): Promise<void> {
  for (const part of PARTS) await copyFolder(`${ROOT}${part}`, `${folder}/${part}`);
  for (const file of FILES) await Deno.copyFile(`${ROOT}${file}`, `${folder}/${file}`);
  if (variant === undefined) return;
  for (const [file, text] of await brokenFiles(variant)) {
    await Deno.writeTextFile(`${folder}/src/store/${file}`, text);
  }
}

/** By their names, the files of a broken engine that differ. Throws where an edit has no place. */
export async function brokenFiles({ name, edits }: Variant): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { file, from, to } of edits) {
    const text = texts.get(file) ?? await Deno.readTextFile(`${ROOT}src/store/${file}`);
    assert.equal(text.split(from).length - 1, 1, `${name}: in ${file}, once: ${from}`);
    texts.set(file, text.replace(from, () => to));
  }
  return texts;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** What the hunt found; one that stands still or dies was found by where it did. */
export async function hunt(variant: Variant | undefined): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "engine-" });
  try {
    await build(folder, variant);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--cached-only", "tests/mutants/hunt.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(HUNT_MS),
    }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n").filter((line) => line !== "");
    const why = new TextDecoder().decode(stderr).slice(0, 2_000);
    assert.ok(lines.length > 0, `${variant?.name ?? "the engine as it is"}: does not run: ${why}`);
    const last: unknown = JSON.parse(lines.at(-1) ?? "");
    const result = resultSchema.safeParse(last);
    if (result.success) return result.data;
    const { hunting } = z.object({ hunting: z.string() }).parse(last);
    return {
      by: `${hunting}: it stood still`,
      states: 0,
      recovered: 0,
      seconds: "-",
      message: why,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
