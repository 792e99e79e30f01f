/**
 * Requests to the API server: so many at a time, each with a deadline, and repeated only where that
 * can do no harm. What is thrown is a `ClusterError`, without a token or a Secret's data in it.
 */
import type { Clock } from "../../clock.ts";
import { ClusterError } from "../cluster.ts";
import { AccessError, type ClusterAccess } from "./access.ts";
import { Gate } from "./gate.ts";
import { parseReply, readBytes, readRefusal, type Refusal } from "./reply.ts";

export type ClusterFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ConnectionOptions {
  readonly access: Omit<ClusterAccess, "caCert" | "certificate">;
  /** Trusts the right authorities, and shows the right certificate. */
  readonly fetch: ClusterFetch;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
}

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Carried out twice, it does no harm. */
  readonly isRepeatable: boolean;
  /** What is sent, or comes back, is not to be seen in a message. */
  readonly isSecret?: boolean;
}

const MOST_AT_ONCE = 16;
/** Of a request with all its attempts; the server gives up after 60 s. */
const REQUEST_MS = 40_000;
/** What may be repeated is given up sooner, and tried over another connection. */
const ATTEMPT_MS = 15_000;
const MOST_ATTEMPTS = 5;
/** Longest wait after the first failure; twice as long after each further one. */
const FIRST_WAIT_MS = 200;
/** Hundreds of the biggest objects that there can be would be less. */
const MOST_REPLY_BYTES = 64 * 2 ** 20;
/** Until a watch is open; what comes then has a limit of its own. */
const OPEN_MS = 30_000;

type Attempt = { readonly value: unknown } | {
  readonly refusal: Refusal;
  /** Whether it may be asked again, and 0 where that can be at once. */
  readonly again: "at_once" | "later" | "never";
};

export class ApiConnection {
  readonly #options: ConnectionOptions;
  readonly #gate = new Gate(MOST_AT_ONCE);

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The reply's JSON. */
  async ask(request: ApiRequest): Promise<unknown> {
    using deadline = new Deadline(this.#options.clock, REQUEST_MS);
    for (let attempts = 1;; attempts++) {
      const outcome = await this.#attempt(request, deadline.signal);
      if ("value" in outcome) return outcome.value;
      const { refusal: { error, retryAfterMs }, again } = outcome;
      if (again === "never" || attempts === MOST_ATTEMPTS) throw error;
      if (again === "at_once") continue;
      const jitterMs = this.#options.random() * FIRST_WAIT_MS * 2 ** attempts;
      const waitMs = Math.max(jitterMs, retryAfterMs ?? 0);
      if (!await deadline.wait(waitMs)) throw error;
    }
  }

  /** The reply as it comes; `signal` ends it at any time. Not counted with the others. */
  async open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    using deadline = new Deadline(this.#options.clock, OPEN_MS, signal);
    const request: ApiRequest = { method: "GET", path, isRepeatable: true };
    // Once it is open, only `signal` may end it: not what ends the waiting.
    const stop = new AbortController();
    const abort = () => stop.abort(deadline.signal.reason);
    deadline.signal.addEventListener("abort", abort);
    const forward = () => stop.abort(signal.reason);
    signal.addEventListener("abort", forward, { once: true });
    try {
      for (let attempts = 1;; attempts++) {
        const response = await this.#fetch(request, stop.signal, deadline.signal);
        if (response.ok && response.body !== null) return response.body;
        const refusal = await readRefusal(response, false);
        const isNew = response.status === 401 && this.#options.access.token.forget();
        if (!isNew || attempts > 1) throw refusal.error;
      }
    } finally {
      deadline.signal.removeEventListener("abort", abort);
    }
  }

  async #attempt(request: ApiRequest, signal: AbortSignal): Promise<Attempt> {
    const { isRepeatable } = request;
    using limit = new Deadline(
      this.#options.clock,
      isRepeatable ? ATTEMPT_MS : REQUEST_MS,
      signal,
    );
    try {
      return await this.#gate.run(() => this.#exchange(request, limit.signal), limit.signal);
    } catch (error) {
      const refusal = { error: unavailableFor(error, limit.signal), retryAfterMs: undefined };
      const isLate = signal.aborted;
      return { refusal, again: isRepeatable && !isLate ? "later" : "never" };
    }
  }

  async #exchange(request: ApiRequest, signal: AbortSignal): Promise<Attempt> {
    const { isRepeatable, isSecret = false } = request;
    const response = await this.#fetch(request, signal, signal);
    if (response.ok) {
      return { value: parseReply(await readBytes(response, MOST_REPLY_BYTES), response.status) };
    }
    const refusal = await readRefusal(response, isSecret);
    const { fault, status } = refusal.error;
    if (fault !== "unavailable") return { refusal, again: "never" };
    if (status === 401) {
      return { refusal, again: this.#options.access.token.forget() ? "at_once" : "never" };
    }
    // Too many at once: it did not even look at it.
    return { refusal, again: isRepeatable || status === 429 ? "later" : "never" };
  }

  async #fetch(
    { method, path, body, contentType = "application/json", isSecret = false }: ApiRequest,
    signal: AbortSignal,
    deadline: AbortSignal,
  ): Promise<Response> {
    const { access, fetch } = this.#options;
    try {
      const token = await access.token.current();
      return await fetch(`${access.url}${path}`, {
        method,
        signal,
        // A redirect would carry the token to wherever it leads.
        redirect: "manual",
        headers: {
          Accept: "application/json",
          "User-Agent": "second-brain-manager",
          ...token === undefined ? {} : { Authorization: `Bearer ${token}` },
          ...body === undefined ? {} : { "Content-Type": contentType },
        },
        ...body === undefined ? {} : { body: JSON.stringify(body) },
      });
    } catch (error) {
      throw unavailableFor(error, deadline, isSecret);
    }
  }
}

/** Whatever `fetch` and its streams throw. */
export function unavailableFor(
  error: unknown,
  deadline?: AbortSignal,
  isSecret = false,
): ClusterError {
  if (error instanceof ClusterError) return error;
  if (deadline?.aborted && deadline.reason instanceof ClusterError) return deadline.reason;
  const cause = reasonOf(error).replace(/\w+:\/\/\S+|(\d+\.){3}\d+(:\d+)?/g, "its address");
  const message = `Cannot reach the API server${isSecret ? "" : `: ${cause.slice(0, 200)}`}`;
  return new ClusterError("unavailable", 0, "", message);
}

/** What is said at the bottom of it: above it is only that fetching failed. */
function reasonOf(error: unknown): string {
  let found = error;
  for (let depth = 0; depth < 5; depth++) {
    // Below it is the path of a file.
    if (found instanceof AccessError || !(found instanceof Error) || !found.cause) break;
    found = found.cause;
  }
  return found instanceof Error ? found.message : "an unknown error";
}

/** Aborts after some time, or when `outer` does; ended, it aborts nothing any more. */
class Deadline implements Disposable {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #end: () => void;
  readonly #at: number;

  constructor(clock: Clock, ms: number, outer?: AbortSignal) {
    this.#clock = clock;
    this.#at = clock.now() + ms;
    const message = `Cannot reach the API server: no answer within ${ms / 1_000} s`;
    const late = new ClusterError("unavailable", 0, "", message);
    const timer = clock.after(ms, () => this.#controller.abort(late));
    const follow = () => this.#controller.abort(outer?.reason);
    if (outer?.aborted) follow();
    outer?.addEventListener("abort", follow);
    this.#end = () => {
      timer.cancel();
      outer?.removeEventListener("abort", follow);
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** False, at once, where there is not that much time left. */
  async wait(ms: number): Promise<boolean> {
    if (this.#clock.now() + ms >= this.#at || this.signal.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.after(ms, resolve);
    await promise;
    return !this.signal.aborted;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
