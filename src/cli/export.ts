/** `second-brain export`. */
import { amountOfMemories } from "../amount.ts";
import type { Brain } from "../brain.ts";
import type { ExportRequest } from "../exports.ts";
import type { CommandLine } from "./arguments.ts";
import { UsageError } from "./command_line.ts";
import type { Exported } from "./export_to.ts";
import { ask, type Remote, remoteOf } from "./remote.ts";
import { CommandError, counted, type Terminal } from "./terminal.ts";

const STAYS =
  "That form has names and texts alone: tags, metadata, importance and times stay behind.";

/** `local` opens the brain in this environment's data folder for as long as the work takes. */
export async function runExport(
  { options }: CommandLine,
  terminal: Terminal,
  local: <T>(work: (brain: Brain) => Promise<T>) => Promise<T>,
): Promise<void> {
  const request = exportRequest(options);
  const remote = remoteOf(options, terminal.env);
  if (remote === undefined) {
    await local((brain) => write(brain.exports.stream(request), options, terminal));
  } else await write(await remoteExport(request, remote, terminal), options, terminal);
}

/** Throws `UsageError` where the options do not go together. */
function exportRequest(options: CommandLine["options"]): ExportRequest {
  const { to, format, output } = options;
  const includeEmbeddings = options["include-embeddings"] === true;
  if (to === undefined) {
    return { format: format === "ndjson" ? "ndjson" : "json", includeEmbeddings };
  }
  if (format !== undefined) {
    throw new UsageError("Cannot use --format: what --to names has a form of its own");
  }
  if (to === "markdown") {
    if (typeof output !== "string" || output === "-") {
      throw new UsageError("Cannot export as markdown: name a new folder with --output");
    }
    // Vectors that clients sent are theirs, and in no file but this one.
    return { format: "ndjson", includeEmbeddings: includeEmbeddings || "own" };
  }
  if (includeEmbeddings) {
    throw new UsageError(`Cannot use --include-embeddings: ${to} has no room for vectors`);
  }
  return { format: "ndjson", includeEmbeddings };
}

async function remoteExport(
  { format, includeEmbeddings }: ExportRequest,
  remote: Remote,
  terminal: Terminal,
): Promise<Exported> {
  const reply = await ask(terminal, remote, "/export", {
    contentType: "application/json",
    body: JSON.stringify({ format, include_embeddings: includeEmbeddings }),
  });
  if (reply.body === null) throw new CommandError("Cannot export: the brain sent nothing");
  const total = Number(reply.headers.get("X-Total-Count") ?? 0);
  return { pieces: received(reply.body), total };
}

async function write(
  exported: Exported,
  options: CommandLine["options"],
  terminal: Terminal,
): Promise<void> {
  const amount = amountOfMemories(exported.total);
  if (options["dry-run"] === true) {
    for await (const _ of counted(exported.pieces, terminal.progress, "read"));
    terminal.say(`Nothing was written. It would be: ${amount}.`);
  } else {
    await writeOut(exported, options, terminal);
    terminal.say(`Exported ${amount}.`);
  }
  if (options["to"] === "server-memory") terminal.say(STAYS);
}

async function writeOut(
  exported: Exported,
  { to, output }: CommandLine["options"],
  terminal: Terminal,
): Promise<void> {
  const isFile = typeof output === "string" && output !== "-";
  if (to === "markdown" && isFile) {
    const { exportMarkdown } = await import("./export_to.ts");
    await exportMarkdown(exported, output, terminal.progress);
    return;
  }
  const pieces = to === undefined
    ? exported.pieces
    : (await import("./export_to.ts")).serverMemoryPieces(exported);
  const shown = counted(pieces, terminal.progress, "exported");
  if (isFile) await terminal.writeFile(output, shown);
  else for await (const piece of shown) await terminal.out(piece);
}

async function* received(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {
    throw new CommandError("Cannot export: the connection to the brain broke");
  }
}
