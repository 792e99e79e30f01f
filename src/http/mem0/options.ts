/** What mem0's routes need. */
import type { Brain } from "../../brain.ts";
import type { Clock } from "../../clock.ts";
import type { Extraction } from "../../extraction.ts";
import type { BodyLimits } from "../body.ts";

export interface Mem0ApiOptions {
  readonly brain: Brain;
  /** What makes memories of conversations; undefined where no chat model is set. */
  readonly extraction: Extraction | undefined;
  readonly bodyLimits: BodyLimits;
  readonly clock: Clock;
  readonly newId: () => string;
}
