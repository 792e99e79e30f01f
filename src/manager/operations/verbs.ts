/** All verbs, by name. */
import type { VerbName } from "../record.ts";
import type { Verb } from "./step.ts";

const VERB_OF: Readonly<Partial<Record<VerbName, Verb>>> = {};

export function verbOf(name: VerbName): Verb {
  const verb = VERB_OF[name];
  if (verb === undefined) throw new Error(`not yet: ${name}`);
  return verb;
}
