/**
 * The end of a user for good: snapshots, volume, backups, and at last his record. Whatever breaks off,
 * from the first step on he counts as deleted, and his time as over.
 */
import { timestamp } from "../../clock.ts";
import { ManagerError } from "../errors.ts";
import { destroyVolumes } from "../kept_volumes.ts";
import { VERBS } from "../record.ts";
import { destroyVolume, findClaim, isBound, listVolumes } from "../volumes.ts";
import { ENDING } from "./ending.ts";
import { destroySnapshots } from "./snapshots.ts";
import { outcomeOf, type Step, type Verb } from "./step.ts";

const close: Step = {
  name: "close",
  run: async ({ clock, update }) => {
    const now = timestamp(clock);
    await update((record) => {
      const isOver = record.state === "deleted" && record.purgeAt !== null && record.purgeAt <= now;
      if (isOver) return record;
      return {
        ...record,
        state: "deleted",
        generation: record.generation + 1,
        deletedAt: record.deletedAt ?? now,
        purgeAt: now,
        previousKeyUntil: null,
      };
    });
    return "done";
  },
};

/** Before the volume that they are of: there are drivers that cannot destroy it before. */
const snapshots: Step = {
  name: "snapshots",
  run: async (context) => outcomeOf(await destroySnapshots(context)),
};

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
    return "done";
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
      const hasData = record.volume !== null || record.lastBackup !== null ||
        (claim !== undefined && isBound(claim)) ||
        (await listVolumes(cluster, record)).length > 0;
      if (hasData) {
        throw new ManagerError("wrong_state", "Cannot purge: the user is in use; delete him first");
      }
    }
    return {};
  },
  steps: () => [close, ...ENDING, snapshots, destroy, backups, forget],
  // What was begun is not undone: it is tried again when it is next asked for, or due.
  wayBack: () => [],
};
