/** All verbs, by name. */
import type { VerbName } from "../record.ts";
import { create } from "./create.ts";
import { restart } from "./restart.ts";
import { resume } from "./resume.ts";
import { rotateKey } from "./rotate_key.ts";
import type { Verb } from "./step.ts";
import { suspend } from "./suspend.ts";
import { upgrade } from "./upgrade.ts";

const VERB_OF: Readonly<Partial<Record<VerbName, Verb>>> = {
  create,
  upgrade,
  suspend,
  resume,
  restart,
  rotate_key: rotateKey,
};

export function verbOf(name: VerbName): Verb {
  const verb = VERB_OF[name];
  if (verb === undefined) throw new Error(`not yet: ${name}`);
  return verb;
}
