/** Steps that verbs share: objects applied, the pod brought to what they say, and waited for. */
import { ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import type { KubeObject } from "../kube_object.ts";
import { differsOnlyInResources } from "../manifests.ts";
import { bringUp, podRef, stopBrain } from "../namespaces.ts";
import { ensureKey } from "./key_making.ts";
import {
  delayOf,
  hasResources,
  isObserved,
  isReady,
  resizeOf,
  resizeRefusal,
  setRef,
} from "./pod.ts";
import { outcomeOf, type Step, type StepContext, type StepOutcome } from "./step.ts";

const LATER_MS = 2_000;
const GRACE_S = 60;

/** All that the record wants is there. */
export async function applied(context: StepContext): Promise<StepOutcome> {
  const { cluster, record } = context;
  const objects = context.wantedObjects(record);
  const makeKey = async () => {
    await ensureKey(context, context.operation.id);
  };
  const awaited = await bringUp(cluster, record, objects, makeKey);
  return awaited === undefined ? "done" : { waitMs: LATER_MS, for: awaited };
}

/**
 * The pod is as the template says: it is grown or shrunk as it runs where it can be, and else ended
 * gracefully, and the StatefulSet makes the next one. Which of the two follows from what is there,
 * so it can be run again at any point.
 */
export async function matched(
  context: StepContext,
  mayRestart: boolean,
): Promise<StepOutcome> {
  const { cluster, record } = context;
  if (record.state !== "active") return "done";
  const set = await cluster.get(setRef(record));
  if (set === undefined) throw new ClusterError("not_found", 404, "", "the StatefulSet is gone");
  // Before that, the next pod could be made of the former template.
  if (!isObserved(set)) return outcomeOf("its new template to be seen");
  const pod = await cluster.get(podRef(record));
  if (pod === undefined) return outcomeOf("its pod to be made");
  if (pod.metadata.deletionTimestamp !== undefined) return outcomeOf("its former pod to end");
  if (!differsOnlyInResources(pod, set)) return await replace(context, pod, mayRestart);
  const { asked, had } = hasResources(pod, set);
  if (had) return "done";
  const refusal = resizeRefusal(pod);
  if (!context.capabilities.resize || (asked && refusal !== undefined)) {
    return await replace(context, pod, mayRestart, refusal);
  }
  if (asked) return outcomeOf("its pod to be resized");
  return await resize(context, pod, set, mayRestart);
}

async function resize(
  context: StepContext,
  pod: KubeObject,
  set: KubeObject,
  mayRestart: boolean,
): Promise<StepOutcome> {
  try {
    const ref = podRef(context.record);
    await context.cluster.patch(ref, resizeOf(pod, set), { subresource: "resize" });
  } catch (error) {
    // Not every amount can be changed everywhere; a new pod can have any.
    const isRefused = error instanceof ClusterError &&
      (error.fault === "invalid" || error.fault === "unsupported");
    if (!isRefused) throw error;
    return await replace(context, pod, mayRestart, error.message);
  }
  return outcomeOf("its pod to be resized");
}

async function replace(
  context: StepContext,
  pod: KubeObject,
  mayRestart: boolean,
  why = "its pod has to be replaced",
): Promise<StepOutcome> {
  if (!mayRestart) {
    throw new ManagerError(
      "restart_needed",
      `Cannot go on without a restart: ${why}; allow it with "allow_restart"`,
    );
  }
  const { uid } = pod.metadata;
  await context.cluster.delete(podRef(context.record), {
    ...(uid !== undefined && { uid }),
    graceS: GRACE_S,
  });
  return outcomeOf("its former pod to end");
}

/** The brain answers, where one is wanted; where none is, it has ended. */
export async function settled(context: StepContext): Promise<StepOutcome> {
  const { cluster, record } = context;
  if (record.state !== "active") {
    const awaited = await stopBrain(cluster, record);
    return outcomeOf(awaited);
  }
  const pod = await cluster.get(podRef(record));
  if (pod === undefined) return outcomeOf("its pod to be made");
  return isReady(pod) ? "done" : outcomeOf(delayOf(pod));
}

export const apply: Step = { name: "apply", run: applied };
export const settle: Step = { name: "settle", run: settled };
/** For verbs that restart by their nature. */
export const match: Step = { name: "match", run: (context) => matched(context, true) };
