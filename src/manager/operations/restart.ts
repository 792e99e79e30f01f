/** A new pod for the old one, which ends gracefully: the template says when it was asked for. */
import { ManagerError } from "../errors.ts";
import { requireThere } from "./asked_of.ts";
import { apply, match, settle } from "./brain_steps.ts";
import type { Step, Verb } from "./step.ts";

const want: Step = {
  name: "want",
  run: async ({ update, operation: { startedAt } }) => {
    await update((record) =>
      record.restartedAt === startedAt
        ? record
        : { ...record, restartedAt: startedAt, generation: record.generation + 1 }
    );
    return "done";
  },
};

export const restart: Verb = {
  minutes: 15,
  prepare: ({ record }) => {
    requireThere(record, "restart");
    if (record.state === "active") return Promise.resolve({});
    throw new ManagerError(
      "wrong_state",
      "Cannot restart the brain: it is suspended; resume it instead",
    );
  },
  steps: () => [want, apply, match, settle],
  wayBack: () => [],
};
