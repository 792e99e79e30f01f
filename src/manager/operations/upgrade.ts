/**
 * Another tier, up or down. What may be refused comes first, while nothing has changed for the
 * brain: the room in the namespace, a trial of the new pod, the storage. Storage grows before the
 * tier does and never shrinks. A failure leads back to the former tier.
 */
import { type KubeObject, refOf } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import { TIER_NAMES, type TierName } from "../tiers.ts";
import { isOf } from "../volumes.ts";
import { applied, matched, settle, settled } from "./brain_steps.ts";
import { growthAwaited, growVolume } from "./growth.ts";
import { podOf } from "./pod.ts";
import type { Args, Step, StepContext, StepOutcome, Verb } from "./step.ts";
import { prepareUpgrade } from "./upgrade_check.ts";

const TRIAL = "brain-trial";
const ROOM: readonly string[] = ["ResourceQuota", "LimitRange"];

function tierIn(args: Args, name: "tier" | "from"): TierName {
  const found = TIER_NAMES.find((tier) => tier === args[name]);
  if (found === undefined) throw new Error(`The operation has no tier under "${name}"`);
  return found;
}

function mayRestart({ allow_restart: allowed }: Args): boolean {
  return allowed !== false;
}

/** As the record will be; a larger claim where the tier has one. */
function inTier(record: UserRecord, tier: TierName): UserRecord {
  return record.tier === tier ? record : { ...record, tier, generation: record.generation + 1 };
}

/** On the way up the walls move first; on the way down they come closer once nobody leans on them. */
async function widen(context: StepContext): Promise<StepOutcome> {
  const { record, operation: { args } } = context;
  const [to, from] = [tierIn(args, "tier"), tierIn(args, "from")];
  if (TIER_NAMES.indexOf(to) < TIER_NAMES.indexOf(from)) return "done";
  for (const object of context.wantedObjects(inTier(record, to))) {
    if (ROOM.includes(object.kind)) await context.cluster.apply(object);
  }
  return "done";
}

/** A StatefulSet takes an impossible pod and fails later; the pod itself is refused, with why. */
async function tryOut(context: StepContext): Promise<StepOutcome> {
  const { record, operation: { args } } = context;
  const wanted = context.wantedObjects(inTier(record, tierIn(args, "tier")));
  const set = wanted.find(({ kind }) => kind === "StatefulSet");
  if (set === undefined) throw new Error("The manifests have no StatefulSet");
  await context.cluster.create(podOf(set, TRIAL), { dryRun: true });
  return "done";
}

function switched(name: "tier" | "from") {
  return async (context: StepContext): Promise<StepOutcome> => {
    await context.update((record) => inTier(record, tierIn(context.operation.args, name)));
    return await applied(context);
  };
}

/** Once nothing uses it any more: what the other tier has beside this one's. */
function shed(other: "tier" | "from") {
  return async (
    { cluster, record, operation, wantedObjects }: StepContext,
  ): Promise<StepOutcome> => {
    const nameOf = ({ kind, metadata: { name } }: KubeObject) => `${kind} ${name}`;
    const wanted = new Set(wantedObjects(record).map(nameOf));
    for (const object of wantedObjects(inTier(record, tierIn(operation.args, other)))) {
      if (wanted.has(nameOf(object))) continue;
      const there = await cluster.get(refOf(object));
      if (there === undefined || !isOf(there, record)) continue;
      const { uid } = there.metadata;
      if (uid !== undefined) await cluster.delete(refOf(object), { uid });
    }
    return "done";
  };
}

async function matchedAsAllowed(context: StepContext): Promise<StepOutcome> {
  return await matched(context, mayRestart(context.operation.args));
}

async function grown(context: StepContext): Promise<StepOutcome> {
  const awaited = await growthAwaited(context);
  return awaited === undefined ? "done" : { waitMs: 2_000, for: awaited };
}

const steps: readonly Step[] = [
  { name: "widen", run: widen },
  { name: "try_out", run: tryOut },
  { name: "grow", run: (context) => growVolume(context, tierIn(context.operation.args, "tier")) },
  { name: "switch", run: switched("tier") },
  { name: "match", run: matchedAsAllowed },
  settle,
  { name: "grown", run: grown },
  { name: "shed", run: shed("from") },
];

const wayBack: readonly Step[] = [
  { name: "switch_back", run: switched("from") },
  // Whatever was allowed: a pod that does not run is worse than one that was restarted.
  { name: "match_back", run: (context) => matched(context, true) },
  { name: "settle_back", run: settled },
  { name: "shed_back", run: shed("tier") },
];

export const upgrade: Verb = {
  // A pod that finds no place leaves the user without a brain: a new machine may come, in that time.
  minutes: 10,
  prepare: prepareUpgrade,
  steps: () => steps,
  wayBack: () => wayBack,
};
