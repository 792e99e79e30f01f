/** What became of additions, for clients that ask later: theirs are done in the background. */
import type { Brain } from "../../brain.ts";
import { AppError } from "../../errors.ts";
import { addedView } from "./view.ts";

interface AddedEvent {
  readonly id: string;
  readonly at: string;
  /** No texts: what was deleted is nowhere any more. */
  readonly memoryIds: readonly string[];
}

/** The last ones of this run. */
const MOST_EVENTS = 200;

export class RecentEvents {
  readonly #events = new Map<string, AddedEvent>();

  keep(event: AddedEvent): void {
    this.#events.set(event.id, event);
    const [oldest] = this.#events.keys();
    if (this.#events.size > MOST_EVENTS && oldest !== undefined) this.#events.delete(oldest);
  }

  /** With the memories as they are now. Throws `not_found`. */
  view(id: string, { memories }: Brain) {
    const event = this.#events.get(id);
    if (event !== undefined) {
      const { at, memoryIds } = event;
      const times = { created_at: at, updated_at: at };
      const results = memoryIds.map((id) => {
        const found = memories.find(id);
        return found === undefined ? { id, event: "ADD" } : addedView(found.memory);
      });
      return { id, event_type: "ADD", status: "SUCCEEDED", results, ...times };
    }
    throw new AppError(
      "not_found",
      `Cannot find the event: only the last ${MOST_EVENTS} are kept, and none over a restart; ` +
        "what was answered with SUCCEEDED is done",
    );
  }
}
