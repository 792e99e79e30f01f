/**
 * Qdrant's own client, and what is to be kept from it: one call at a time, with a deadline that
 * also holds while the body comes, a reply that is checked, and an error that says what state
 * Qdrant is in, but no key, no address and nothing of what was sent, all of which Qdrant and the
 * runtime quote. It retries nothing, and is loaded with the first call.
 */
import type { QdrantClient } from "@qdrant/js-client-rest";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { boundReply, wrapFetch } from "./bounded_fetch.ts";
import { QdrantError } from "./points.ts";

export interface ClientOptions {
  /** http or https; a path is where Qdrant lies behind a proxy. Without a port it is 6333, as with
   * every client of Qdrant. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  readonly clock: Clock;
}

export interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

type Api = ReturnType<QdrantClient["api"]>;
type Init = Readonly<Pick<RequestInit, "signal" | "redirect">>;

const DEFAULT_PORT = 6333;

/** What of a refusal may be looked at; never its message. */
const Refusal = z.object({ status: z.number() });
/** The client reads the first digit of a `Retry-After` only, so it is the least there is to wait. */
const TooMany = z.object({ retry_after: z.number() });

export class Client {
  readonly #options: ClientOptions;
  #api: Promise<Api> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** What `reply` makes of the reply to one request. Throws `QdrantError`, or the signal's reason. */
  async ask<T>(
    reply: z.ZodType<T>,
    { signal, timeoutMs }: Limits,
    request: (api: Api, init: Init) => Promise<{ readonly data: unknown }>,
  ): Promise<T> {
    const api = await (this.#api ??= this.#load());
    signal.throwIfAborted();
    const deadline = new AbortController();
    const timer = this.#options.clock.after(timeoutMs, () => deadline.abort());
    try {
      const init = {
        signal: boundReply(AbortSignal.any([signal, deadline.signal])),
        redirect: "error",
      } as const;
      const parsed = reply.safeParse((await request(api, init)).data);
      if (parsed.success) return parsed.data;
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.signal.aborted) throw busy(`no reply within ${timeoutMs} ms`);
      throw qdrantError(error);
    } finally {
      timer.cancel();
    }
    throw busy("the reply is none of Qdrant's");
  }

  async #load(): Promise<Api> {
    wrapFetch();
    const { QdrantClient } = await import("@qdrant/js-client-rest");
    const { url, apiKey } = this.#options;
    return new QdrantClient({
      ...addressOf(url),
      // As a header: the client warns on the console where a key goes over one's own http.
      headers: { "api-key": apiKey },
      // Its own deadline would take the place of our signal.
      timeout: Infinity,
      checkCompatibility: false,
    }).api();
  }
}

/** The client drops a path, and takes a port that is the scheme's own for one that was not given. */
function addressOf(text: string): { url: string; port: number; prefix: string } {
  const { protocol, hostname, port, pathname } = new URL(text);
  const isGiven = /^https?:\/\/[^/]*:\d+(?:\/|$)/i.test(text);
  const ofScheme = protocol === "https:" ? 443 : 80;
  return {
    url: `${protocol}//${hostname}`,
    port: port !== "" ? Number(port) : isGiven ? ofScheme : DEFAULT_PORT,
    prefix: pathname.replace(/\/+$/, ""),
  };
}

function busy(state: string, retryAfterMs?: number): QdrantError {
  return new QdrantError("busy", `Cannot use Qdrant: ${state}`, retryAfterMs);
}

function qdrantError(error: unknown): QdrantError {
  if (error instanceof QdrantError) return error;
  const tooMany = TooMany.safeParse(error);
  if (tooMany.success) return busy("it answered 429", tooMany.data.retry_after * 1000);
  const refusal = Refusal.safeParse(error);
  if (refusal.success) return refused(refusal.data.status);
  if (error instanceof Deno.errors.NotCapable) {
    return new QdrantError("away", "Cannot reach Qdrant: this process may not");
  }
  if (!(error instanceof TypeError)) return busy("the reply is none of Qdrant's");
  if (error.message.includes("redirect mode")) {
    return new QdrantError("away", "Cannot use Qdrant: QDRANT_URL redirects elsewhere");
  }
  const cause = error.cause instanceof Error ? error.cause.message : "";
  if (cause.includes("certificate")) {
    return new QdrantError("away", "Cannot reach Qdrant: its certificate is not trusted");
  }
  if (cause.includes("(Connect)")) {
    return new QdrantError(
      "away",
      "Cannot reach Qdrant: no connection; is QDRANT_URL right? (Without a port it means 6333.)",
    );
  }
  return busy("the connection broke off");
}

function refused(status: number): QdrantError {
  if (status === 401 || status === 403) {
    return new QdrantError(
      "denied",
      `Cannot use Qdrant: it answered ${status}; QDRANT_API_KEY may not do this`,
    );
  }
  if (status === 404) {
    return new QdrantError(
      "missing",
      "Cannot use Qdrant: the collection is gone, or QDRANT_URL is not that of a Qdrant of 1.10 or newer",
    );
  }
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return busy(`it answered ${status}`);
  }
  return new QdrantError("rejected", `Cannot use Qdrant: it answered ${status}`);
}
