/**
 * Puts the runtime that `deno compile` embeds into Deno's cache, but only after its SHA-256 has
 * been checked: Deno itself takes whatever the download gives.
 *
 * The sum is the one published beside the archive, or the one given by the caller (DENORT_SHA256),
 * which then also guards against a host that changed both.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const RELEASES = "https://dl.deno.land/release";
const SUM_TIMEOUT_MS = 20_000;
const ARCHIVE_TIMEOUT_MS = 300_000;

export interface Denort {
  /** A Rust target triple, such as `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  /** Deno's cache folder, as `deno info --json` tells it. */
  readonly cacheFolder: string;
  /** 64 hexadecimal digits; left out, the published sum is asked for. */
  readonly sha256?: string | undefined;
  readonly fetch?: typeof fetch;
}

/** The archive was there, but is not what its sum says: never to be passed over as "not to be had". */
export class DenortRefused extends Error {
  override readonly name = "DenortRefused";
}

/** Where `deno compile` looks for the archive before it downloads one. */
export function archivePath({ target, cacheFolder }: Denort): string {
  return join(cacheFolder, "dl", "release", `v${Deno.version.deno}`, archiveName(target));
}

/** Resolves once a checked archive is in the cache; throws, leaving none there, otherwise. */
export async function provideDenort(wanted: Denort): Promise<void> {
  const download = wanted.fetch ?? fetch;
  const name = archiveName(wanted.target);
  const url = `${RELEASES}/v${Deno.version.deno}/${name}`;
  const expected = wanted.sha256?.toLowerCase() ??
    publishedSum(await text(download, `${url}.sha256sum`), name);
  const path = archivePath(wanted);
  const cached = await readFile(path).catch(() => undefined);
  if (cached !== undefined && sha256(cached) === expected) return;
  const archive = await bytes(download, url, ARCHIVE_TIMEOUT_MS);
  const actual = sha256(archive);
  if (actual !== expected) {
    throw new DenortRefused(`Cannot use ${name}: its SHA-256 is ${actual}, expected ${expected}`);
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, archive);
  await rename(`${path}.part`, path);
}

/**
 * The sum in a published file. Both of the usual forms occur among the releases:
 * `<sum>  <name>` of sha256sum, and a table with `Hash : <SUM>` of PowerShell.
 */
export function publishedSum(file: string, name: string): string {
  const sums = file.match(/\b[0-9a-fA-F]{64}\b/g) ?? [];
  const [sum] = sums;
  if (sum === undefined || sums.length > 1) {
    throw new DenortRefused(`Cannot check ${name}: its published checksum file is not understood`);
  }
  return sum.toLowerCase();
}

function archiveName(target: string): string {
  return `denort-${target}.zip`;
}

async function text(download: typeof fetch, url: string): Promise<string> {
  return new TextDecoder().decode(await bytes(download, url, SUM_TIMEOUT_MS));
}

async function bytes(
  download: typeof fetch,
  url: string,
  timeoutMs: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await download(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Cannot download ${url}: the answer was ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
