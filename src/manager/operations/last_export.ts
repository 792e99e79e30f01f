/** The steps of a backup by export: for its own sake, and before a user is deleted. */
import { SinkError } from "../backup_sink.ts";
import { BrainAccessError } from "../brain_access.ts";
import { ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import { isInPlace } from "../namespaces.ts";
import { TIERS } from "../tiers.ts";
import type { Step, StepContext, StepOutcome } from "./step.ts";
import { answering, up } from "./waking.ts";

/** From the begin of the operation; longer than a pod takes to come up on another node. */
const PATIENCE_MS = 10 * 60_000;
const AGAIN_MS = 5_000;
/** As JSON, what is stored takes more room; not by far as much as this. */
const MOST_PER_QUOTA = 8;

/** One who is suspended, or lost his namespace, is brought up for it. */
export const wake: Step = {
  name: "wake",
  run: async (context) => {
    const outcome = await awake(context);
    const last = outcome === "done" ? await answering(context) : outcome;
    return last === "done" ? last : patiently(context, last, last.for);
  },
};

async function awake(context: StepContext): Promise<StepOutcome> {
  const { cluster, record } = context;
  // What cannot be put right around a brain that answers holds up no backup of it.
  const isHere = record.state === "active" && record.volume === null &&
    await isInPlace(cluster, record);
  if (isHere && await answering(context) === "done") return "done";
  try {
    return await up(context, { ...context.record, state: "active" });
  } catch (error) {
    if (!(error instanceof ManagerError) || error.code !== "wrong_state") throw error;
    throw failure(error.message);
  }
}

/** The backup has the operation's id: run again, it is the same one. */
export const take: Step = {
  name: "export",
  run: async (context) => {
    const { record, backups, signal, operation } = context;
    try {
      const address = await context.addressOf(record);
      const { id, at, bytes, memories } = await backups.create(
        record,
        address,
        signal,
        operation.id,
        MOST_PER_QUOTA * TIERS[record.tier].quotaBytes,
      );
      await context.update((now) => ({ ...now, lastBackup: { id, at, bytes, memories } }));
      return "done";
    } catch (error) {
      if (!isPassing(error)) throw error;
      // It may have been lost since it was woken.
      await awake(context);
      return patiently(context, { waitMs: AGAIN_MS, for: "its brain to answer" }, error.message);
    }
  },
};

function isPassing(error: unknown): error is Error {
  return error instanceof BrainAccessError && error.fault !== "refused" ||
    error instanceof SinkError && error.fault === "unavailable" ||
    error instanceof ClusterError && error.fault === "not_found";
}

function patiently(context: StepContext, outcome: StepOutcome, reason: string): StepOutcome {
  const { clock, operation: { startedAt } } = context;
  if (clock.now() < Date.parse(startedAt) + PATIENCE_MS) return outcome;
  throw failure(`waited in vain for it: ${reason}`);
}

function failure(reason: string): ManagerError {
  return new ManagerError(
    "backup_failed",
    `Cannot back up: ${reason}; mend that, or delete without a backup`,
  );
}
