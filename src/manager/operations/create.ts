/** A user's namespace, and all in it, as it is wanted; with a key of its own, and a brain that answers. */
import { ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import { namespaceOf } from "../user_id.ts";
import { LIFE_LABEL } from "../volumes.ts";
import { requireThere } from "./asked_of.ts";
import { apply, settle } from "./brain_steps.ts";
import {
  type Args,
  outcomeOf,
  type Preparation,
  type Step,
  type StepContext,
  type StepOutcome,
  type Verb,
} from "./step.ts";

const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const USER_ID = "second-brain/user-id";

/** Created, not applied: one that somebody else makes at the same moment is not touched. */
async function namespaced(context: StepContext): Promise<StepOutcome> {
  const { cluster, record } = context;
  const name = namespaceOf(record.slug);
  const found = await cluster.get({ ...NAMESPACE, name });
  if (found === undefined) {
    const wanted = context.wantedObjects(record).find(({ kind }) => kind === NAMESPACE.kind);
    if (wanted === undefined) throw new Error("The manifests have no namespace");
    try {
      await cluster.create(wanted);
    } catch (error) {
      if (!(error instanceof ClusterError && error.fault === "already_exists")) throw error;
    }
    return outcomeOf("its namespace to be made");
  }
  if (isGoing(found)) {
    requireHis(found, record);
    return { waitMs: 2_000, for: "its former namespace to be gone" };
  }
  requireOfThisLife(found, record);
  return "done";
}

function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function requireHis({ metadata }: KubeObject, { userId }: UserRecord): void {
  if (metadata.annotations?.[USER_ID] === userId) return;
  throw new ManagerError(
    "name_collision",
    `Cannot use the namespace "${metadata.name}": it is not this user's; it was left alone`,
  );
}

function requireOfThisLife(namespace: KubeObject, record: UserRecord): void {
  requireHis(namespace, record);
  if (namespace.metadata.labels?.[LIFE_LABEL] === record.life) return;
  throw new ManagerError(
    "name_collision",
    `Cannot use the namespace "${namespace.metadata.name}": it is left over from a former user ` +
      'of that name, or was made with "render"; see what is in it, and delete it by hand',
  );
}

/** Whoever is in the register was begun once: a record is written with its first operation in it. */
async function prepare(
  { cluster, record }: Preparation,
  asked: Args,
): Promise<Args | undefined> {
  requireThere(record, "create");
  if (asked["tier"] !== record.tier) {
    throw new ManagerError(
      "tier_conflict",
      `Cannot create the user as "${
        asked["tier"]
      }": he is there, with the tier "${record.tier}"; ` +
        "change it with an upgrade",
    );
  }
  const { operation, lastOperation } = record;
  const isThere = operation !== null || lastOperation !== null;
  const hasFailed = lastOperation?.verb === "create" && lastOperation.outcome === "failed";
  if (isThere && !hasFailed) return undefined;
  const found = await cluster.get({ ...NAMESPACE, name: namespaceOf(record.slug) });
  if (found === undefined) return {};
  requireHis(found, record);
  if (isGoing(found)) {
    throw new ManagerError(
      "user_deleting",
      "Cannot create the user: the namespace of a former one is still being deleted; try again",
      { retryAfterS: 10 },
    );
  }
  requireOfThisLife(found, record);
  return {};
}

const namespace: Step = { name: "namespace", run: namespaced };

export const create: Verb = {
  minutes: 15,
  prepare,
  steps: () => [namespace, apply, settle],
  // What there is stays: asked again, it is gone on with.
  wayBack: () => [],
};
