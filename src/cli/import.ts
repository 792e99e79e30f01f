/** `second-brain import`. */
import type { Brain } from "../brain.ts";
import { AppError } from "../errors.ts";
import { type ImportOptions, type ImportReport, importReportSchema } from "../import_draft.ts";
import { type RawRecord, readJsonRecords, readLineRecords } from "../record_stream.ts";
import type { CommandLine } from "./arguments.ts";
import { UsageError } from "./command_line.ts";
import { ask, remoteOf } from "./remote.ts";
import { CommandError, counted, type Terminal } from "./terminal.ts";

const MOST_SHOWN = 10;
const OF_NOTES: readonly string[] = ["obsidian", "markdown"];
const OF_USERS: readonly string[] = ["mem0"];
const WERE_HERE =
  "Skipped are those that are here already: --on-conflict overwrite takes what was " +
  "edited since, --collection NAME what is of another folder of the same name.";

/** What is brought in, as it lies there or as it was made of another program's files. */
interface Given {
  readonly pieces: AsyncIterable<Uint8Array>;
  readonly isLines: boolean;
  /** What is to be said of it behind the report, once it was read. */
  readonly account: (report: ImportReport) => readonly string[];
}

/** `local` opens the brain in this environment's data folder for as long as the work takes. */
export async function runImport(
  line: CommandLine,
  terminal: Terminal,
  local: <T>(work: (brain: Brain) => Promise<T>) => Promise<T>,
): Promise<void> {
  const how = importOptions(line.options);
  const remote = remoteOf(line.options, terminal.env);
  const { pieces, isLines, account } = await given(line, how, terminal);
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
  for (const text of account(report)) terminal.say(text);
}

async function given(
  { operand = "-", options }: CommandLine,
  { onError }: ImportOptions,
  terminal: Terminal,
): Promise<Given> {
  const { from, format, collection } = options;
  requireFitting(options);
  if (typeof from !== "string") {
    const pieces = counted(terminal.readPieces(operand), terminal.progress, "read");
    const isLines = format === "ndjson" ||
      format === undefined && /\.(ndjson|jsonl)$/i.test(operand);
    return { pieces, isLines, account: () => [] };
  }
  const { ForeignRecords } = await import("./import_from.ts");
  const skipsFaults = onError === "skip";
  const named = typeof collection === "string" ? collection : undefined;
  const records = new ForeignRecords(
    { from, path: operand, skipsFaults, collection: named },
    terminal,
  );
  const account = ({ skipped }: ImportReport) => [
    ...(skipped > 0 && OF_NOTES.includes(from) ? [WERE_HERE] : []),
    ...records.report(),
  ];
  return { pieces: records.lines(), isLines: true, account };
}

/** Throws `UsageError` where the options do not go together. */
function requireFitting({ from, format, collection, ...others }: CommandLine["options"]): void {
  const isOf = (sources: readonly string[]) => typeof from === "string" && sources.includes(from);
  if (collection !== undefined && !isOf(OF_NOTES)) {
    throw new UsageError("Cannot use --collection: it goes with --from obsidian or markdown");
  }
  if (from === undefined) return;
  if (format !== undefined) {
    throw new UsageError("Cannot use --format: what --from names has a form of its own");
  }
  if (others["user-id"] !== undefined && !isOf(OF_USERS)) {
    throw new UsageError("Cannot use --user-id: of those only mem0 has users");
  }
}

async function importLocally(
  brain: Brain,
  pieces: AsyncIterable<Uint8Array>,
  isLines: boolean,
  how: ImportOptions,
): Promise<ImportReport> {
  try {
    const records: AsyncIterable<readonly RawRecord[]> = isLines
      ? readLineRecords(pieces)
      : readJsonRecords(pieces);
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
