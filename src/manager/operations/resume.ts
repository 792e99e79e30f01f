/** A pod again, after `suspend`. */
import { requireThere } from "./asked_of.ts";
import { apply, match, settle } from "./brain_steps.ts";
import type { Step, Verb } from "./step.ts";

const want: Step = {
  name: "want",
  run: async ({ update }) => {
    await update((record) =>
      record.state === "active"
        ? record
        : { ...record, state: "active", generation: record.generation + 1 }
    );
    return "done";
  },
};

export const resume: Verb = {
  minutes: 15,
  prepare: ({ record }) => {
    requireThere(record, "resume");
    return Promise.resolve(record.state === "active" ? undefined : {});
  },
  steps: () => [want, apply, match, settle],
  wayBack: () => [],
};
