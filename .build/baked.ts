/**
 * Reads back what `deno compile` wrote into a binary: its permissions, V8 flags and switches.
 *
 * The section begins with a magic word, the length of a JSON text in eight bytes (little endian)
 * and that text; where in the file it lies depends on the platform's executable format, so it is
 * searched for from the end. The runtime's own code has the word too, without the JSON.
 */
import type { Buffer } from "node:buffer";
import process from "node:process";
import { readFile } from "node:fs/promises";

const MAGIC = "d3n0l4nd";
const HEADER_BYTES = MAGIC.length + 8;

/** The part of the baked-in metadata that decides what the binary may do. */
export interface Baked {
  readonly permissions: Readonly<Record<string, readonly string[] | boolean | null>>;
  readonly v8_flags: readonly string[];
  readonly code_cache_key: number | null;
  readonly entrypoint_key: string;
  readonly unstable_config: { readonly features: readonly string[] };
  readonly otel_config: { readonly tracing_enabled: boolean; readonly metrics_enabled: boolean };
}

export async function readBaked(path: string): Promise<Baked> {
  const file = await readFile(path);
  let at = file.lastIndexOf(MAGIC);
  while (at >= 0) {
    const text = jsonAfter(file, at);
    if (text !== undefined) return JSON.parse(text) as Baked;
    at = at === 0 ? -1 : file.lastIndexOf(MAGIC, at - 1);
  }
  throw new Error(`Cannot read ${JSON.stringify(path)}: it is not an output of deno compile`);
}

function jsonAfter(file: Buffer, magicAt: number): string | undefined {
  const start = magicAt + HEADER_BYTES;
  if (start > file.length) return undefined;
  const length = file.readBigUInt64LE(magicAt + MAGIC.length);
  if (length > BigInt(file.length - start)) return undefined;
  const text = file.toString("utf8", start, start + Number(length));
  return text.startsWith('{"') && text.endsWith("}") ? text : undefined;
}

if (import.meta.main) {
  const path = Deno.args[0];
  if (path === undefined) {
    console.error("usage: deno run --allow-read .build/baked.ts BINARY");
    process.exit(2);
  }
  const { permissions, v8_flags, code_cache_key, unstable_config, otel_config } = await readBaked(
    path,
  );
  const shown = { permissions, v8_flags, code_cache_key, unstable_config, otel_config };
  console.log(JSON.stringify(shown, null, 2));
}
