/** A reply that goes on and on, given up where its reader does not take it. */
import type { Clock, Timer } from "../clock.ts";

/** Twice what lies between two signs of life, and a little. */
const STALLED_MS = 45_000;

/** What is not read for so long is ended: what waits for a reader would grow without bound. */
export function endedWhenStalled(response: Response, clock: Clock): Response {
  const reader = response.body?.getReader();
  if (reader === undefined) return response;
  let timer: Timer | undefined;
  const giveUp = (controller: ReadableStreamDefaultController) => () => {
    // It is gone for its reader; that nobody reads it any more ends it at its source as well.
    reader.cancel().catch(() => {});
    controller.error(new Error("Cannot go on: nothing was read for too long"));
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      timer?.cancel();
      const { done, value } = await reader.read();
      if (done) return controller.close();
      timer = clock.after(STALLED_MS, giveUp(controller));
      controller.enqueue(value);
    },
    async cancel(reason) {
      timer?.cancel();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return new Response(body, response);
}
