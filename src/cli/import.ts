/** `second-brain import`. */
import type { Brain } from "../brain.ts";
import { AppError } from "../errors.ts";
import { type ImportOptions, type ImportReport, importReportSchema } from "../import_draft.ts";
import { readJsonRecords, readLineRecords } from "../record_stream.ts";
import type { CommandLine } from "./arguments.ts";
import { ask, remoteOf } from "./remote.ts";
import { CommandError, counted, type Terminal } from "./terminal.ts";

const MOST_SHOWN = 10;

/** `local` opens the brain in this environment's data folder for as long as the work takes. */
export async function runImport(
  { operand = "-", options }: CommandLine,
  terminal: Terminal,
  local: <T>(work: (brain: Brain) => Promise<T>) => Promise<T>,
): Promise<void> {
  const isLines = options["format"] === "ndjson" ||
    options["format"] === undefined && /\.(ndjson|jsonl)$/i.test(operand);
  const pieces = counted(terminal.readPieces(operand), terminal.progress, "read");
  const how = importOptions(options);
  const remote = remoteOf(options, terminal.env);
  const report = remote === undefined
    ? await local((brain) => importLocally(brain, pieces, isLines, how))
    : importReportSchema.parse(
      await (await ask(terminal, remote, `/import?${query(how)}`, {
        contentType: isLines ? "application/x-ndjson" : "application/json",
        body: pieces,
      })).json(),
    );
  terminal.say(summary(report));
  for (const { index, id, reason } of report.errors.slice(0, MOST_SHOWN)) {
    terminal.say(`  record ${index}${id === null ? "" : ` (${id})`}: ${reason}`);
  }
}

async function importLocally(
  brain: Brain,
  pieces: AsyncIterable<Uint8Array>,
  isLines: boolean,
  how: ImportOptions,
): Promise<ImportReport> {
  try {
    const records = isLines ? readLineRecords(pieces) : readJsonRecords(pieces);
    return await brain.imports.run(records, how);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const shown = (error.errors ?? []).slice(0, MOST_SHOWN);
    const lines = shown.map(({ index, message }) => `\n  record ${index}: ${message}`);
    throw new CommandError(error.message + lines.join(""));
  }
}

function importOptions(options: CommandLine["options"]): ImportOptions {
  const userId = options["user-id"];
  const conflict = options["on-conflict"];
  const known = ["overwrite", "newest", "error"] as const;
  return {
    onConflict: known.find((name) => name === conflict) ?? "skip",
    onError: options["on-error"] === "skip" ? "skip" : "abort",
    dryRun: options["dry-run"] === true,
    userId: typeof userId === "string" ? userId : undefined,
  };
}

function query({ onConflict, onError, dryRun, userId }: ImportOptions): URLSearchParams {
  const parameters = new URLSearchParams({ on_conflict: onConflict, on_error: onError });
  if (dryRun) parameters.set("dry_run", "true");
  if (userId !== undefined) parameters.set("user_id", userId);
  return parameters;
}

function summary({ imported, updated, skipped, failed, dry_run }: ImportReport): string {
  const counts = `${imported} imported, ${updated} updated, ${skipped} skipped, ${failed} failed`;
  return dry_run ? `Nothing was changed. It would be: ${counts}.` : `Done: ${counts}.`;
}
