/** The end of a user for good: volume, backups, and at last his record. */
import { ManagerError } from "../errors.ts";
import { destroyVolumes } from "../kept_volumes.ts";
import { VERBS } from "../record.ts";
import { destroyVolume, findClaim, isBound } from "../volumes.ts";
import { ENDING } from "./ending.ts";
import { destroySnapshots } from "./snapshots.ts";
import type { Step, Verb } from "./step.ts";
import { outcomeOf } from "./waking.ts";

const destroy: Step = {
  name: "destroy",
  run: async ({ cluster, record }) => {
    const { volume } = record;
    const isGone = volume === null || await destroyVolume(cluster, record, volume);
    const areGone = await destroyVolumes(cluster, record);
    return outcomeOf(isGone && areGone ? undefined : "the storage driver to destroy his volume");
  },
};

const backups: Step = {
  name: "backups",
  run: async (context) => {
    await context.backups.deleteAll(context.record, context.signal);
    return outcomeOf(await destroySnapshots(context));
  },
};

const forget: Step = {
  name: "forget",
  run: async ({ event, remove }) => {
    await event("Purged", "Nothing of him is left");
    await remove();
    return "done";
  },
};

export const purge: Verb = {
  minutes: 120,
  takesOver: VERBS.filter((verb) => verb !== "purge"),
  prepare: async ({ record, cluster }) => {
    const isEnding = record.operation?.verb === "delete" && record.operation.failure === null;
    if (record.state !== "deleted" && !isEnding) {
      const claim = await findClaim(cluster, record, record.claim.number);
      const hasData = record.volume !== null || (claim !== undefined && isBound(claim));
      if (hasData) {
        throw new ManagerError("wrong_state", "Cannot purge: the user is in use; delete him first");
      }
    }
    return {};
  },
  steps: () => [...ENDING, destroy, backups, forget],
  // What was begun is not undone: it is tried again when it is next asked for, or due.
  wayBack: () => [],
};
