/** No pod any more; all else stays, and the data above all. */
import { requireThere } from "./asked_of.ts";
import { apply, settle } from "./brain_steps.ts";
import type { Step, Verb } from "./step.ts";

const want: Step = {
  name: "want",
  run: async ({ update }) => {
    await update((record) =>
      record.state === "suspended"
        ? record
        : { ...record, state: "suspended", generation: record.generation + 1 }
    );
    return "done";
  },
};

export const suspend: Verb = {
  minutes: 10,
  prepare: ({ record }) => {
    requireThere(record, "suspend");
    return Promise.resolve(record.state === "suspended" ? undefined : {});
  },
  steps: () => [want, apply, settle],
  wayBack: () => [],
};
