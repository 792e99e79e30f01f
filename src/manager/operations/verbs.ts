/** All verbs, by name. */
import type { VerbName } from "../record.ts";
import { backup } from "./backup.ts";
import { create } from "./create.ts";
import { deletion } from "./delete.ts";
import { purge } from "./purge.ts";
import { restart } from "./restart.ts";
import { restore } from "./restore.ts";
import { resume } from "./resume.ts";
import { rotateKey } from "./rotate_key.ts";
import type { Verb } from "./step.ts";
import { suspend } from "./suspend.ts";
import { undelete } from "./undelete.ts";
import { upgrade } from "./upgrade.ts";

const VERB_OF: Readonly<Record<VerbName, Verb>> = {
  create,
  upgrade,
  suspend,
  resume,
  restart,
  rotate_key: rotateKey,
  backup,
  restore,
  delete: deletion,
  undelete,
  purge,
};

export function verbOf(name: VerbName): Verb {
  return VERB_OF[name];
}
