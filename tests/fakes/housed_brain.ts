/** A brain over the store on a simulated disk, as the program has it, but for HTTP. */
import type { BackupPlan } from "../../src/backups.ts";
import { Brain } from "../../src/brain.ts";
import type { ImportOptions, ImportReport } from "../../src/import_draft.ts";
import type { QuotaLimits } from "../../src/quota.ts";
import { readLineRecords } from "../../src/record_stream.ts";
import { ExportFiles } from "../../src/store/export_files.ts";
import type { FileStoreOptions } from "../../src/store/file_options.ts";
import type { TextIndex } from "../../src/text_index.ts";
import { Bm25Index } from "../../src/text_index/bm25.ts";
import { FloatScan } from "./float_scan.ts";
import { SimulatedDisk, SimulatedFileSystem, type SimulatedOptions } from "./file_system.ts";
import { FakeClock } from "./indexing.ts";
import { fileStoreOn, idOf, PATH } from "./store_kit.ts";

export const START = Date.parse("2026-01-31T12:00:00.000Z");

export interface HousedOptions {
  readonly disk?: SimulatedDisk;
  readonly simulated?: SimulatedOptions;
  readonly clock?: FakeClock;
  readonly limits?: QuotaLimits;
  readonly backupPlan?: BackupPlan | undefined;
  readonly textIndex?: TextIndex;
  readonly freeBytes?: () => Promise<number | undefined>;
  readonly storeOptions?: Partial<FileStoreOptions>;
  readonly heap?: { readonly isShort: boolean; readonly isFull: boolean };
}

export interface Housed {
  readonly brain: Brain;
  readonly fs: SimulatedFileSystem;
  readonly disk: SimulatedDisk;
  readonly clock: FakeClock;
  readonly log: { event: string; detail: Record<string, string | number> }[];
  readonly exportFolder: ExportFiles;
}

/** Not yet opened. */
export async function housed(options: HousedOptions = {}): Promise<Housed> {
  const { disk = new SimulatedDisk() } = options;
  const clock = options.clock ?? new FakeClock();
  if (options.clock === undefined) await clock.advance(START);
  const fs = new SimulatedFileSystem(disk, options.simulated);
  const log: Housed["log"] = [];
  const exportFolder = new ExportFiles(fs, "/data/exports");
  if (options.freeBytes !== undefined) exportFolder.freeBytes = options.freeBytes;
  let ids = 0;
  const brain = new Brain({
    store: fileStoreOn(fs, PATH, clock, log, options.storeOptions),
    textIndex: options.textIndex ?? new Bm25Index(),
    newVectorIndex: () => new FloatScan(),
    exportFolder,
    embeddingsBytes: () => 0,
    limits: options.limits ?? { memories: 0, bytes: 0 },
    backupPlan: options.backupPlan,
    heap: options.heap ?? { isShort: false, isFull: false },
    clock,
    newId: () => idOf(1_000 + ++ids),
    run: "run",
    random: () => 0.5,
    version: "0.0.0-test",
    log: (event, detail) => log.push({ event, detail }),
  });
  return { brain, fs, disk, clock, log, exportFolder };
}

export async function opened(options: HousedOptions = {}): Promise<Housed> {
  const all = await housed(options);
  await all.brain.open();
  all.brain.backups.start();
  return all;
}

export async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of pieces) text += decoder.decode(piece, { stream: true });
  return text;
}

/** All that a brain holds: a memory a line, in the order of their ids. */
export async function canonical(brain: Brain): Promise<string> {
  const text = await textOf(
    brain.exports.stream({ format: "ndjson", includeEmbeddings: "own" }).pieces,
  );
  return text.split("\n").sort().join("\n");
}

export async function importLines(
  brain: Brain,
  records: readonly object[],
  onConflict: ImportOptions["onConflict"],
  key?: string,
): Promise<ImportReport> {
  const text = records.map((record) => JSON.stringify(record) + "\n").join("");
  const pieces = ReadableStream.from([new TextEncoder().encode(text)]);
  const options: ImportOptions = { onConflict, onError: "abort", dryRun: false };
  const asked = key === undefined ? undefined : { key, request: () => text };
  return await brain.imports.run(readLineRecords(pieces), options, asked);
}
