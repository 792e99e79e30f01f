/**
 * The steps that take a user's brain out of the cluster, in this order and no other: nothing runs,
 * his volume is kept and the record names it, as those that a restore replaced, only then his claims
 * go, and last the namespace.
 */
import { setFormerAside } from "../kept_volumes.ts";
import { deleteNamespace, dropClaims, stopBrain } from "../namespaces.ts";
import type { Operation } from "../record.ts";
import { findClaim, keepVolume, releaseClaim } from "../volumes.ts";
import { outcomeOf, type Step, type StepContext, type StepOutcome } from "./step.ts";

/**
 * Whether claims and namespace go by the hand of this operation: until then, what somebody else has
 * deleted is taken to safety whatever is under way.
 */
export function takesApart({ verb, step }: Operation): boolean {
  const mayEnd = verb === "delete" || verb === "undelete";
  return verb === "purge" || (mayEnd && ENDING.some(({ name }) => name === step));
}

export const ENDING: readonly Step[] = [
  { name: "stop", run: async ({ cluster, record }) => outcomeOf(await stopBrain(cluster, record)) },
  { name: "volume", run: setVolumeAside },
  {
    name: "namespace",
    run: async ({ cluster, record }) => outcomeOf(await deleteNamespace(cluster, record)),
  },
];

async function setVolumeAside(context: StepContext): Promise<StepOutcome> {
  const { cluster, record } = context;
  const claim = await findClaim(cluster, record, record.claim.number);
  if (claim !== undefined) {
    const volume = await keepVolume(cluster, record, claim);
    // None: no pod ever ran on it.
    if (volume !== undefined) await context.update((now) => ({ ...now, volume }));
    if (!await releaseClaim(cluster, claim)) return outcomeOf("its claim to be gone");
  }
  const awaited = await setFormerAside(cluster, context.record, (wanted) => context.update(wanted));
  // What a restore had begun to fill.
  return outcomeOf(awaited ?? await dropClaims(cluster, context.record, [record.claim.number]));
}
