/** What became of additions, for clients that ask later: theirs are done in the background. */
import { AppError } from "../../errors.ts";

export interface AddedEvent {
  readonly id: string;
  readonly at: string;
  readonly results: readonly object[];
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

  /** Throws `not_found`. */
  view(id: string) {
    const event = this.#events.get(id);
    if (event !== undefined) {
      const { at, results } = event;
      const times = { created_at: at, updated_at: at };
      return { id, event_type: "ADD", status: "SUCCEEDED", results, ...times };
    }
    throw new AppError(
      "not_found",
      `Cannot find the event: only the last ${MOST_EVENTS} are kept, and none over a restart; ` +
        "what was answered with SUCCEEDED is done",
    );
  }
}
