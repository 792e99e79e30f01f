/** Steps that bring a user's brain up, and to rest again, whatever there is of him. */
import { ClusterError } from "../cluster.ts";
import { bringUp, movePod, stopBrain } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { ensureKey } from "./key_making.ts";
import { outcomeOf, type Step, type StepContext, type StepOutcome } from "./step.ts";

/** All that he should have is there, and his pod, if one is wanted, on the claim in use. */
export async function up(context: StepContext, record: UserRecord): Promise<StepOutcome> {
  const { cluster } = context;
  const makeKey = async () => {
    await ensureKey({ ...context, record }, context.operation.id);
  };
  const awaited = await bringUp(cluster, record, context.wantedObjects(record), makeKey) ??
    await movePod(cluster, record);
  return outcomeOf(awaited);
}

export async function answering(context: StepContext): Promise<StepOutcome> {
  const { brains, record, signal } = context;
  try {
    if (await brains.isReady(await context.addressOf(record), signal)) return "done";
  } catch (error) {
    // He has no key, so he has no pod either.
    if (!(error instanceof ClusterError && error.fault === "not_found")) throw error;
  }
  return outcomeOf("its brain to answer");
}

/** As the record wants him again, and to be reached, if he is to run. */
export async function back(context: StepContext): Promise<StepOutcome> {
  const outcome = await up(context, context.record);
  return outcome === "done" && context.record.state === "active" ? answering(context) : outcome;
}

/** Of a suspended user, the brain that was woken for a while. */
export const rest: Step = {
  name: "rest",
  run: async ({ cluster, record }) =>
    outcomeOf(record.state === "active" ? undefined : await stopBrain(cluster, record)),
};
