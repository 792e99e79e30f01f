/**
 * The end of a user, for now: a last backup, then his namespace goes with all that is in it. His
 * volume stays until he is purged.
 */
import { z } from "zod";
import { timestamp } from "../../clock.ts";
import type { Cluster } from "../cluster.ts";
import { type UserRecord, VERBS } from "../record.ts";
import { findClaim, isBound } from "../volumes.ts";
import { ENDING } from "./ending.ts";
import { take, wake } from "./last_export.ts";
import type { Step, Verb } from "./step.ts";
import { back } from "./waking.ts";

const askedSchema = z.object({
  backup: z.boolean().default(true),
  retainDays: z.int().min(0).max(365).default(30),
});
const DAY_MS = 24 * 3_600_000;

const note: Step = {
  name: "note",
  run: async ({ clock, operation, update, event }) => {
    const { retainDays } = askedSchema.parse(operation.args);
    const purgeAt = new Date(clock.now() + retainDays * DAY_MS).toISOString();
    await update((record) =>
      record.state === "deleted" ? record : {
        ...record,
        state: "deleted",
        generation: record.generation + 1,
        deletedAt: timestamp(clock),
        purgeAt,
        previousKeyUntil: null,
      }
    );
    await event("Deleted", `His volume is kept until ${purgeAt}`);
    return "done";
  },
};

/** As he was; his volume, if it was set aside already, with him. */
const bringBack: Step = {
  name: "bring_back",
  run: async (context) => {
    // One who was deleted before stays it.
    if (context.record.state === "deleted") return "done";
    const outcome = await back(context);
    if (outcome === "done") await context.update((now) => ({ ...now, volume: null }));
    return outcome;
  },
};

async function hasClaim(cluster: Cluster, record: UserRecord): Promise<boolean> {
  const claim = await findClaim(cluster, record, record.claim.number);
  return claim !== undefined && isBound(claim);
}

export const deletion: Verb = {
  minutes: 120,
  takesOver: VERBS.filter((verb) => verb !== "delete" && verb !== "purge"),
  prepare: async ({ record, cluster }, asked) => {
    const { backup, retainDays } = askedSchema.parse(asked);
    const isDeleted = record.state === "deleted";
    const verb = record.operation?.verb;
    // Those bring a deleted user back.
    if (isDeleted && verb !== "undelete" && verb !== "restore") return undefined;
    // Where no volume ever was, or no brain yet, there is nothing to back up; and while he is only
    // being created his claims may not be ours to see yet.
    const hasData = verb !== "create" &&
      (record.volume !== null || await hasClaim(cluster, record));
    const isRunning = record.state === "active" && record.volume === null &&
      record.operation === null;
    return { backup: backup && hasData && !isDeleted, retainDays, isRunning };
  },
  steps: ({ args }) => [...args["backup"] === true ? [wake, take] : [], ...ENDING, note],
  // Where there was no backup, nothing was changed of one who ran: he just runs on.
  wayBack: ({ args, failure }) =>
    args["isRunning"] === true && failure?.code === "backup_failed" ? [] : [bringBack],
};
