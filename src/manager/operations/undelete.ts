/** A deleted user comes back, with all that was on his volume. */
import { ManagerError } from "../errors.ts";
import { findKept } from "../volumes.ts";
import { ENDING } from "./ending.ts";
import type { Step, Verb } from "./step.ts";
import { answering, up } from "./waking.ts";

const objects: Step = {
  name: "objects",
  run: (context) => up(context, { ...context.record, state: "active" }),
};

const ready: Step = {
  name: "ready",
  run: async (context) => {
    const outcome = await answering(context);
    if (outcome === "done") return outcome;
    // Somebody may delete his namespace again meanwhile.
    const whole = await objects.run(context);
    return whole === "done" ? outcome : whole;
  },
};

const note: Step = {
  name: "note",
  run: async ({ update, event }) => {
    await update((record) =>
      record.state === "active" ? record : {
        ...record,
        state: "active",
        generation: record.generation + 1,
        volume: null,
        deletedAt: null,
        purgeAt: null,
      }
    );
    await event("Undeleted", "He is back, with his volume");
    return "done";
  },
};

export const undelete: Verb = {
  minutes: 30,
  prepare: async ({ record, cluster, clock }) => {
    if (record.state !== "deleted") return undefined;
    const isOver = record.purgeAt !== null && Date.parse(record.purgeAt) <= clock.now();
    const isLost = record.volume !== null &&
      await findKept(cluster, record.volume) === undefined;
    if (isOver) {
      throw new ManagerError("no_such_user", "Cannot bring the user back: his time is over");
    }
    if (isLost) {
      throw new ManagerError(
        "wrong_state",
        "Cannot bring the user back: his volume is gone; restore a backup",
      );
    }
    return {};
  },
  steps: () => [objects, ready, note],
  // He is deleted, as he was.
  wayBack: () => ENDING,
};
