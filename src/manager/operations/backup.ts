/** A backup that is asked for, or due: by the brain's own export, or a snapshot of its volume. */
import { z } from "zod";
import { TIERS } from "../tiers.ts";
import { requireThere } from "./asked_of.ts";
import { take, wake } from "./last_export.ts";
import { checkSnapshots, snapshot } from "./snapshots.ts";
import type { Step, Verb } from "./step.ts";
import { rest } from "./waking.ts";

const askedSchema = z.object({ method: z.enum(["export", "snapshot"]).default("export") });

const prune: Step = {
  name: "prune",
  run: async ({ backups, record, signal }) => {
    await backups.prune(record, TIERS[record.tier].backups.keep, signal);
    return "done";
  },
};

export const backup: Verb = {
  minutes: 60,
  prepare: async (context, asked) => {
    const { method } = askedSchema.parse(asked);
    requireThere(context.record, "back up");
    if (method === "snapshot") await checkSnapshots(context);
    return { method, wakes: context.record.state === "suspended" };
  },
  steps: ({ args }) => args["method"] === "snapshot" ? [snapshot] : [wake, take, rest, prune],
  // One that was not woken for it has nothing to be put back.
  wayBack: ({ args }) => args["wakes"] === true && args["method"] === "export" ? [rest] : [],
};
