/** A history that a test writes by hand. */
import type { BrainEvent, EndReason, EventFeed, Listener, Told } from "../../src/events.ts";
import { idOf } from "./store_kit.ts";

export class FakeFeed implements EventFeed {
  readonly events: BrainEvent[] = [];
  /** How often history was asked what comes next. */
  asked = 0;
  #end: EndReason | undefined;
  #waiting: (() => void)[] = [];

  /** Memories are named by numbers. */
  happen(type: BrainEvent["type"], memory: number | null = null): void {
    const id = `${this.events.length + 1}.1.00000000`;
    const memoryId = memory === null ? null : idOf(memory);
    const counts = { created: 1, updated: 2 };
    this.events.push({ id, type, memoryId, ...(type === "import.finished" && { counts }) });
    this.#wake();
  }

  end(reason: EndReason): void {
    this.#end = reason;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  listen(after?: string): Listener {
    const ids = ["0.0.00000000", ...this.events.map(({ id }) => id)];
    let at = after === undefined ? ids.length - 1 : ids.indexOf(after);
    const position = () => (at === 0 ? ids[0] : this.events[at - 1]?.id) ?? after ?? null;
    const next = async (most: number, signal: AbortSignal): Promise<Told> => {
      this.asked++;
      for (;;) {
        signal.throwIfAborted();
        if (at < 0) return { end: "unknown" };
        if (this.#end !== undefined) return { end: this.#end };
        const events = this.events.slice(at, at + most);
        at += events.length;
        if (events.length > 0) return { events };
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve());
        await promise;
      }
    };
    return {
      get position() {
        return position();
      },
      next,
    };
  }
}
