/** What tests of backups share: an export to back up, keys, and a service over a sink in memory. */
import type { BrainAccess, BrainAddress } from "../../src/manager/brain_access.ts";
import { type BackupOwner, Backups, type BackupsOptions } from "../../src/manager/backups.ts";
import { joinBytes } from "../../src/lines.ts";
import { FakeClock } from "../fakes/indexing.ts";
import { RamSink } from "./ram_sink.ts";

export const ADA: BackupOwner = { slug: "ada", life: "life-1" };
export const ADDRESS: BrainAddress = { url: "http://brain.user-ada.svc:8000", key: "k".repeat(40) };
export const KEY_A = new Uint8Array(32).fill(0xa);
export const KEY_B = new Uint8Array(32).fill(0xb);

export function never(): AbortSignal {
  return new AbortController().signal;
}

/** Lines as a brain would export them; none of them repeats. */
export function linesOf(memories: number, text = "the fence gets cedar posts"): string {
  return Array.from({ length: memories }, (_, n) => JSON.stringify({ id: n, text }) + "\n").join(
    "",
  );
}

export interface Kit {
  readonly backups: Backups;
  readonly sink: RamSink;
  readonly clock: FakeClock;
  /** What the brain exports next, in pieces. */
  export: () => AsyncIterable<Uint8Array>;
  /** The same sink and brain, with other keys. */
  with(options: Partial<BackupsOptions>): Backups;
}

export function kitOf(text = linesOf(3), options: Partial<BackupsOptions> = {}): Kit {
  const clock = new FakeClock();
  const sink = new RamSink({ now: () => clock.now() });
  let ids = 0, salts = 0;
  const brains: Pick<BrainAccess, "export" | "stats"> = {
    stats: () => Promise.resolve({ memories: 3, bytes: 1, version: "0.0.0-test" }),
    export: () => kit.export(),
  };
  const all: BackupsOptions = {
    sink,
    brains,
    keys: [KEY_A],
    clock,
    newId: () => `backup-${++ids}`,
    randomBytes: (bytes) => new Uint8Array(bytes).fill(++salts),
    ...options,
  };
  const kit: Kit = {
    backups: new Backups(all),
    sink,
    clock,
    export: () => piecesOf(text),
    with: (more) => new Backups({ ...all, ...more }),
  };
  return kit;
}

export async function* piecesOf(text: string, size = 100): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

export async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  return new TextDecoder().decode(joinBytes([...await Array.fromAsync(pieces), new Uint8Array()]));
}
