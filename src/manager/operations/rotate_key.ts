/**
 * A new key; the old one is let in until its grace is over, when the reconciler takes it away. Over
 * once the brain takes the new one, so that nobody is given a key that opens nothing yet.
 */
import { BrainAccessError } from "../brain_access.ts";
import { ensureKey } from "./key_making.ts";
import { keySecretRef, newKey, requireKeys, withKeys } from "./keys.ts";
import { requireThere } from "./asked_of.ts";
import { applied } from "./brain_steps.ts";
import type { Args, Step, StepContext, StepOutcome, Verb } from "./step.ts";

/** A node brings a changed Secret to its pods about once a minute. */
const ASK_AGAIN_MS = 3_000;

function graceMs({ grace_seconds: seconds }: Args): number {
  return typeof seconds === "number" ? seconds * 1_000 : 0;
}

/** Compared and set: of two that rotate at once neither loses the other's key unseen. */
async function rotated(context: StepContext): Promise<StepOutcome> {
  const { cluster, record, operation, clock } = context;
  const { id, args } = operation;
  // Before the key itself: else a crash in between would let the former one in for ever.
  const until = Date.parse(operation.startedAt) + graceMs(args);
  const previousKeyUntil = new Date(Math.max(until, clock.now())).toISOString();
  await context.update((changed) =>
    changed.operation?.args["until_is_set"] === true ? changed : {
      ...changed,
      previousKeyUntil: graceMs(args) > 0 ? previousKeyUntil : null,
      operation: changed.operation === null
        ? null
        : { ...changed.operation, args: { ...changed.operation.args, until_is_set: true } },
    }
  );
  if (await ensureKey(context, id)) return "done";
  const secret = await cluster.get(keySecretRef(record));
  const keys = requireKeys(secret);
  if (secret === undefined || keys.madeBy === id) return "done";
  const current = newKey(context.randomBytes);
  const previous = graceMs(args) > 0 ? keys.current : undefined;
  await cluster.replace(withKeys(secret, { current, previous }, id));
  return "done";
}

async function taken(context: StepContext): Promise<StepOutcome> {
  const { record, brains, signal } = context;
  if (record.state !== "active") return "done";
  try {
    await brains.stats(await context.addressOf(record), signal);
    return "done";
  } catch (error) {
    if (!(error instanceof BrainAccessError)) throw error;
    return { waitMs: ASK_AGAIN_MS, for: "the brain to take the new key" };
  }
}

const apply: Step = { name: "apply", run: applied };
const rotate: Step = { name: "rotate", run: rotated };
const take: Step = { name: "take", run: taken };

export const rotateKey: Verb = {
  minutes: 10,
  prepare: ({ record }, asked) => {
    requireThere(record, "give a new key to");
    return Promise.resolve({ grace_seconds: asked["grace_seconds"] ?? 0 });
  },
  steps: () => [apply, rotate, take],
  // The new key stays: the brain has it as soon as it looks, and both are let in until then.
  wayBack: () => [],
};
