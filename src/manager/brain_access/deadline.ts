/** How long a brain is waited for, and until when its caller wants it. */
import type { Clock, Timer } from "../../clock.ts";
import { BrainAccessError } from "../brain_access.ts";

export interface Waited {
  /** True where the caller has given up: his reason is what is thrown. */
  readonly isGivenUp: boolean;
  /** What `work` gives, unless the time is over first, or the caller gives up. */
  within<T>(work: Promise<T>): Promise<T>;
}

export class Deadline implements Waited, Disposable {
  readonly #clock: Clock;
  readonly #caller: AbortSignal;
  readonly #over = new AbortController();
  readonly #end: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, caller: AbortSignal, ms: number) {
    this.#clock = clock;
    this.#caller = caller;
    this.#end = () => this.#over.abort(caller.reason);
    caller.throwIfAborted();
    caller.addEventListener("abort", this.#end, { once: true });
    this.renew(ms);
  }

  /** For the request itself: it ends with us. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get isGivenUp(): boolean {
    return this.#caller.aborted;
  }

  /** Begins to count anew. */
  renew(ms: number): void {
    this.#timer?.cancel();
    if (this.#over.signal.aborted) return;
    this.#timer = this.#clock.after(ms, () => {
      this.#over.abort(new BrainAccessError("away", "Cannot ask the brain: no answer in time"));
    });
  }

  async within<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#over;
    const { promise: over, reject } = Promise.withResolvers<never>();
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    try {
      return await Promise.race([work, over]);
    } catch (error) {
      // The request fails as well once it is aborted, with words of its own.
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#caller.removeEventListener("abort", this.#end);
    over(this.#over);
  }
}

/** Whatever of the request is still under way ends. */
function over(controller: AbortController): void {
  if (!controller.signal.aborted) {
    controller.abort(new BrainAccessError("away", "Cannot ask the brain: it is over"));
  }
}
