/** Replies that go on and on: ended where they may not, or their reader does not take them. */
import type { Clock, Timer } from "../clock.ts";

/** Twice what lies between two signs of life, and a little. */
const STALLED_MS = 45_000;

export class WatchedStreams {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What is not read for so long is ended: what waits for a reader would grow without bound. So is
   * what nobody is let in for any more; there are signs of life, so that is soon.
   */
  watch(response: Response, isLetIn: () => boolean): Response {
    const reader = response.body?.getReader();
    if (reader === undefined) return response;
    let timer: Timer | undefined;
    let end = () => {};
    const left = (reason?: unknown) => {
      timer?.cancel();
      this.#ends.delete(end);
      // That nobody reads it any more ends it at its source.
      return reader.cancel(reason).catch(() => {});
    };
    const giveUp = (controller: ReadableStreamDefaultController) => () => {
      void left();
      controller.error(new Error("Cannot go on: nothing was read for too long"));
    };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        end = () => {
          if (!this.#ends.has(end)) return;
          void left();
          controller.close();
        };
        this.#ends.add(end);
      },
      pull: async (controller) => {
        timer?.cancel();
        const { done, value } = await reader.read().catch((error) => {
          void left();
          throw error;
        });
        if (done || !isLetIn()) return end();
        timer = this.#clock.after(STALLED_MS, giveUp(controller));
        controller.enqueue(value);
      },
      cancel: left,
    }, { highWaterMark: 0 });
    return new Response(body, response);
  }

  /** Their clients come back, and read anew what they listen to. */
  endAll(): void {
    for (const end of [...this.#ends]) end();
  }
}
