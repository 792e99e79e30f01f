/** How a user is, as the cluster has him now: for people who ask what is wrong, and programs alike. */
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { type Cluster, ClusterError } from "../cluster.ts";
import type { KubeObject } from "../kube_object.ts";
import { bytesOf, claimName } from "../manifests.ts";
import type { UserRecord } from "../record.ts";
import { TIERS } from "../tiers.ts";
import { namespaceOf } from "../user_id.ts";
import type { Condition } from "./user_view.ts";

const HOUR_MS = 3_600_000;
const MOST_CHARACTERS = 500;

const conditionSchema = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const podSchema = z.looseObject({
  status: z.looseObject({ conditions: z.array(conditionSchema).nullish() }).optional(),
});
const claimSchema = z.looseObject({
  status: z.looseObject({
    phase: z.string().optional(),
    capacity: z.record(z.string(), z.string()).optional(),
  }).optional(),
});

/** Undefined: there is none. */
type Seen = KubeObject | Unseen | undefined;

export async function conditionsOf(
  cluster: Cluster,
  record: UserRecord,
  clock: Clock,
): Promise<Condition[]> {
  const namespace = namespaceOf(record.slug);
  const see = async (kind: string, name: string): Promise<Seen> => {
    try {
      return await cluster.get({ apiVersion: "v1", kind, namespace, name });
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return error.fault === "unavailable" ? NOT_SAID : REFUSED;
    }
  };
  const claimed = claimName(record.claim.number);
  const [pod, claim] = await Promise.all([
    see("Pod", "brain-0"),
    see("PersistentVolumeClaim", claimed),
  ]);
  return [
    ready(record, pod),
    volumeBound(claim),
    resized(record, pod, claim),
    backupFresh(record, clock),
    operationSucceeded(record),
  ];
}

type Told = Pick<Condition, "status" | "reason" | "message">;

function told(status: Condition["status"], reason: string, message: string): Told {
  return { status, reason, message: message.slice(0, MOST_CHARACTERS) };
}

/** Why the cluster did not say. */
type Unseen = Told & { readonly status: "unknown" };

const NOT_SAID: Unseen = {
  ...{ status: "unknown", reason: "ClusterAway" },
  message: "The cluster did not say; try again",
};
const REFUSED: Unseen = {
  ...{ status: "unknown", reason: "ClusterRefused" },
  message: "The cluster refused to say; see what the doctor says",
};

function isUnseen(seen: Seen): seen is Unseen {
  return seen === NOT_SAID || seen === REFUSED;
}

function ready(record: UserRecord, pod: Seen): Condition {
  return { type: "Ready", ...readiness(record, pod) };
}

function readiness({ state }: UserRecord, pod: Seen): Told {
  if (state === "suspended") return told("false", "Suspended", "The user is suspended");
  if (state === "deleted") return told("false", "Deleted", "The user is deleted");
  if (isUnseen(pod)) return pod;
  if (pod === undefined) return told("false", "NoPod", "The brain has no pod");
  if (pod.metadata.deletionTimestamp !== undefined) {
    return told("false", "Stopping", "The brain's pod is ending");
  }
  const place = podCondition(pod, "PodScheduled");
  if (place?.status === "False") {
    return told("false", "NoPlace", `The brain's pod finds no place: ${place.message ?? "?"}`);
  }
  if (podCondition(pod, "Ready")?.status === "True") {
    return told("true", "Ready", "The brain answers");
  }
  return told("false", "NotReady", "The brain's pod runs, and does not answer yet");
}

function podCondition(pod: KubeObject, type: string) {
  return podSchema.parse(pod).status?.conditions?.find((condition) => condition.type === type);
}

function volumeBound(claim: Seen): Condition {
  const type = "VolumeBound";
  if (isUnseen(claim)) return { type, ...claim };
  if (claim === undefined) return { type, ...told("false", "NoClaim", "There is no claim") };
  const { status } = claimSchema.parse(claim);
  if (status?.phase === "Bound") {
    return { type, ...told("true", "Bound", "The claim has its volume") };
  }
  const message = `The claim waits for a volume (${status?.phase ?? "no phase"})`;
  return { type, ...told("false", "NotBound", message) };
}

function resized(record: UserRecord, pod: Seen, claim: Seen): Condition {
  const type = "Resized";
  if (isUnseen(pod)) return { type, ...pod };
  if (isUnseen(claim)) return { type, ...claim };
  if (claim !== undefined) {
    const capacity = claimSchema.parse(claim).status?.capacity?.["storage"];
    if (capacity !== undefined && bytesOf(capacity) < record.claim.storageBytes) {
      const message = `The volume has ${capacity}, and grows to ${record.claim.storageBytes} bytes`;
      return { type, ...told("false", "VolumeGrowing", message) };
    }
  }
  const waits = pod === undefined
    ? undefined
    : podCondition(pod, "PodResizePending") ?? podCondition(pod, "PodResizeInProgress");
  if (waits?.status === "True") {
    const message = `The pod is being resized: ${waits.message ?? waits.reason ?? waits.type}`;
    return { type, ...told("false", "PodResizing", message) };
  }
  return { type, ...told("true", "AsWanted", "Pod and volume have the size of the tier") };
}

/** Late only after two intervals: one may just be being made. */
function backupFresh({ tier, lastBackup, createdAt, state }: UserRecord, clock: Clock): Condition {
  const type = "BackupFresh";
  const { everyHours } = TIERS[tier].backups;
  if (state !== "active") {
    return { type, ...told("true", "NotDue", "Backups are made of running brains alone") };
  }
  const since = Date.parse(lastBackup?.at ?? createdAt);
  if (clock.now() - since > 2 * everyHours * HOUR_MS) {
    const message = lastBackup === null
      ? "There is no backup"
      : `The last backup is of ${lastBackup.at}; one is due every ${everyHours} hours`;
    return { type, ...told("false", "Late", message) };
  }
  if (lastBackup === null) return { type, ...told("true", "NotDue", "The first one is not due") };
  return { type, ...told("true", "Fresh", `The last backup is of ${lastBackup.at}`) };
}

function operationSucceeded({ operation, lastOperation }: UserRecord): Condition {
  const type = "OperationSucceeded";
  if (operation !== null) {
    const { verb, step, waitingFor, failure } = operation;
    const way = failure === null ? "is under way" : `failed and is put back: ${failure.message}`;
    const waits = waitingFor === null ? "" : `; it waits for ${waitingFor}`;
    return { type, ...told("unknown", "UnderWay", `"${verb}" ${way}, at "${step}"${waits}`) };
  }
  if (lastOperation === null) return { type, ...told("true", "None", "Nothing was done yet") };
  const { verb, failure } = lastOperation;
  if (failure === null) return { type, ...told("true", "Succeeded", `"${verb}" succeeded`) };
  return { type, ...told("false", "Failed", `"${verb}" failed: ${failure.message}`) };
}
