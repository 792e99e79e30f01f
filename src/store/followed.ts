/** The state and whoever follows history: fed together, in the order of the journal. */
import { endOf, type Place, type Position, type Step, stepOf } from "../history.ts";
import type { Change } from "../memory.ts";
import type { DurableState, HistoryFollower } from "../store.ts";

export class Followed {
  #state: DurableState | undefined;
  #follower: HistoryFollower | undefined;
  #told: Place | undefined;

  begin(at: Place, state: DurableState, follower: HistoryFollower | undefined): void {
    this.#state = state;
    this.#follower = follower;
    this.#told = at;
    follower?.begun(at);
  }

  get state(): DurableState | undefined {
    return this.#state;
  }

  /** The last place of what was told; while an import is being applied, what is behind counts. */
  get told(): Place | undefined {
    return this.#told;
  }

  apply(change: Change, at: Position): void {
    try {
      this.#state?.apply(change);
    } finally {
      // It is durable, whatever befell what is derived from it: a start would tell it too.
      const step = stepOf(change, at);
      if (step !== undefined) {
        this.#told = endOf(step);
        this.#follower?.happened(step);
      }
    }
  }

  committed(at: Position): void {
    this.#follower?.committed(at);
  }

  ended(step: Step): void {
    const told = this.#told;
    // What was written behind its commit comes behind it.
    if (told === undefined || told.seq <= step.seq) this.#told = endOf(step);
    this.#follower?.ended(step);
  }
}
