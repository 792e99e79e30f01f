/** `second-brain reindex`. */
import type { Brain } from "../brain.ts";
import { AppError } from "../errors.ts";
import { type ReindexReport, reindexReportSchema } from "../reindexing.ts";
import type { CommandLine } from "./arguments.ts";
import { ask, remoteOf } from "./remote.ts";
import { CommandError, type Terminal } from "./terminal.ts";

const LOOK_MS = 1_000;
/** So long nothing may get done: a provider that is away is not waited for for ever. */
const PATIENCE_MS = 120_000;

/** `local` opens the brain in this environment's data folder for as long as the work takes. */
export async function runReindex(
  { options }: CommandLine,
  terminal: Terminal,
  local: <T>(work: (brain: Brain) => Promise<T>) => Promise<T>,
): Promise<void> {
  const remote = remoteOf(options, terminal.env);
  if (remote === undefined) {
    const report = await local((brain) => reindexLocally(brain, terminal.progress));
    terminal.say(`Done: ${counts(report)}. ${keeping(report)}`);
    return;
  }
  const reply = await ask(terminal, remote, "/admin/reindex", {
    contentType: "application/json",
    body: "",
  });
  const report = reindexReportSchema.parse(await reply.json());
  const begun = reply.status === 202 ? "It takes long, and goes on. So far" : "Done";
  terminal.say(`${begun}: ${counts(report)}. ${keeping(report)}`);
  if (report.pending > 0) terminal.say("What is pending is embedded in the background.");
}

async function reindexLocally(
  brain: Brain,
  progress: Terminal["progress"],
): Promise<ReindexReport> {
  const { indexer, reindexing } = brain;
  await settled(brain, progress);
  try {
    await indexer.reindex();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const why = indexer.vectorStore().detail ?? "it is out of reach";
    throw new CommandError(`Cannot bring the vector store in line: ${why}`);
  }
  await settled(brain, progress);
  const report = reindexing.report();
  if (report.pending === 0) return report;
  const why = indexer.status().detail ?? "it takes too long";
  throw new CommandError(`Cannot index all memories: ${counts(report)}. ${why}`);
}

/** Until nothing is left to do, or nothing gets done any more. */
async function settled({ indexer, reindexing }: Brain, progress: Terminal["progress"]) {
  const ended = Promise.withResolvers<void>();
  let seen = "", since = Date.now();
  // It also keeps the program alive: a wait between two attempts does not.
  const looking = setInterval(() => {
    const now = counts(reindexing.report());
    if (now !== seen) [seen, since] = [now, Date.now()];
    else if (Date.now() - since > PATIENCE_MS) ended.resolve();
    progress?.(now);
  }, LOOK_MS);
  try {
    await Promise.race([indexer.idle(), ended.promise]);
  } finally {
    clearInterval(looking);
  }
}

function counts({ indexed, pending, failed }: ReindexReport): string {
  return `${indexed} indexed, ${pending} pending, ${failed} failed`;
}

function keeping({ indexed, vector_store }: ReindexReport): string {
  const { kind, status, pending } = vector_store;
  if (kind === "memory") return "The vectors are searched in the service's own memory.";
  if (indexed === 0) return "There is nothing for Qdrant to hold, so it may not have been asked.";
  if (status === "ok" && pending === 0) return "Qdrant has all of them as they are now.";
  return `Qdrant may not have ${pending} of them yet.`;
}
