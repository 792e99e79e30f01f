/** `fetch` that reaches the stand-in without a network: for tests that turn the clock by hand, and
 * must know when all that is under way has come to rest. */
import type { Answer } from "./replies.ts";
import type { Outcome, Raw } from "./stand_in.ts";

export interface DirectFetchOptions {
  /** Undefined while nobody takes a connection. */
  readonly take: (raw: Raw) => Outcome | undefined;
  readonly after: (ms: number, run: () => void) => void;
  readonly stuck: (by: 1 | -1) => void;
}

export class DirectFetch {
  readonly #options: DirectFetchOptions;
  /** Ends what waits when the server goes. */
  #down = new AbortController();

  constructor(options: DirectFetchOptions) {
    this.#options = options;
  }

  /** Cuts the connections there are. */
  cutAll(): void {
    this.#down.abort(new TypeError("error sending request: connection closed"));
    this.#down = new AbortController();
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const { method, url, headers } = request;
    const body = await request.text();
    const { pathname, search } = new URL(url);
    const raw = { method, url: pathname + search, body, headers: Object.fromEntries(headers) };
    const outcome = this.#options.take(raw);
    if (outcome === undefined) {
      const cause = new Error("client error (Connect): connection refused");
      throw new TypeError("error sending request", { cause });
    }
    if (outcome === "cut") throw new TypeError("error sending request: connection closed");
    const gone = AbortSignal.any([request.signal, this.#down.signal]);
    if (outcome === "hang") return await this.#held(gone);
    const { answer, delayMs, dripMs } = outcome;
    if (delayMs !== undefined) await this.#held(gone, delayMs);
    gone.throwIfAborted();
    const { status, headers: sent } = answer;
    const content = dripMs === undefined ? answer.body : this.#drip(answer, dripMs, gone);
    return new Response(content, { status, headers: { ...sent } });
  };

  /** Until the time has passed, or else until one side is gone. */
  #held(gone: AbortSignal, ms?: number): Promise<never>;
  #held(gone: AbortSignal, ms: number): Promise<void>;
  #held(gone: AbortSignal, ms?: number): Promise<void> {
    this.#options.stuck(1);
    return new Promise<void>((resolve, reject) => {
      gone.addEventListener("abort", () => reject(gone.reason));
      if (ms !== undefined) this.#options.after(ms, resolve);
    }).finally(() => this.#options.stuck(-1));
  }

  #drip({ body }: Answer, ms: number, gone: AbortSignal): ReadableStream<Uint8Array> {
    const bytes = new TextEncoder().encode(body);
    let at = 0;
    let isOver = false;
    const over = (end: () => void) => {
      if (isOver) return;
      isOver = true;
      this.#options.stuck(-1);
      end();
    };
    this.#options.stuck(1);
    return new ReadableStream({
      start: (stream) => {
        const drop = () => {
          if (isOver) return;
          if (at === bytes.length) return over(() => stream.close());
          stream.enqueue(bytes.subarray(at, ++at));
          this.#options.after(ms, drop);
        };
        gone.addEventListener("abort", () => over(() => stream.error(gone.reason)));
        drop();
      },
      cancel: () => over(() => {}),
    });
  }
}
