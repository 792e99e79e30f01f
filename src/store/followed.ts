/** The state and whoever follows history: fed together, in the order of the journal. */
import { type Position, stepOf } from "../history.ts";
import type { Change } from "../memory.ts";
import type { DurableState, HistoryFollower } from "../store.ts";

export class Followed {
  #state: DurableState | undefined;
  #follower: HistoryFollower | undefined;

  begin(mark: Position, state: DurableState, follower: HistoryFollower | undefined): void {
    this.#state = state;
    this.#follower = follower;
    follower?.begun(mark);
  }

  get state(): DurableState | undefined {
    return this.#state;
  }

  get follower(): HistoryFollower | undefined {
    return this.#follower;
  }

  apply(change: Change, at: Position): void {
    try {
      this.#state?.apply(change);
    } finally {
      // It is durable, whatever befell what is derived from it: a start would tell it too.
      const step = stepOf(change, at);
      if (step !== undefined) this.#follower?.happened(step);
    }
  }
}
