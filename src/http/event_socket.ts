/**
 * `GET /ws`: what happens, over a WebSocket. A conversation in JSON, a message a text: the client
 * says what it wants to be told of, and is told; nothing more is sent while the last batch is not
 * on its way. Who takes nothing, or gives no sign of life, is let go.
 */
import { z } from "zod";
import type { Timer } from "../clock.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import type { EventFeed } from "../events.ts";
import { parseJson } from "../json.ts";
import { EventBatches } from "./event_batches.ts";
import { eventIdSchema, eventTypeSchema, type Find } from "./event_view.ts";
import { ADVICE, HEARTBEAT_MS, type LeaveReason, type Listeners, SLOW_MS } from "./listeners.ts";
import { filtersSchema } from "./question.ts";

/** One side of a WebSocket, once it is open. */
export interface Wire {
  /** Resolves when it is on its way, or never will be. */
  send(text: string): Promise<void>;
  /** Asks for a sign of life. */
  ping(): void;
  /** Says why, and ends. */
  close(code: number, reason: string): void;
  /** Ends without a word. */
  terminate(): void;
}

/** What is spoken, among the subprotocols that a client may offer. */
export const SUBPROTOCOL = "second-brain.v1";

/** Why it is closed (RFC 6455, 7.4); from 4000 on, reasons of our own. */
const CLOSE = {
  stopping: 1001,
  unsupported: 1003,
  policy: 1008,
  internal: 1011,
  unauthorized: 4001,
  slow: 4008,
} as const;

/** Answers that may be on their way at once: who asks for more does not read them. */
const MOST_ANSWERS = 32;
/** Signs of life that may be missing in a row. */
const MOST_MISSING = 2;

const messageSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("subscribe"),
    types: z.array(eventTypeSchema).min(1).max(20).optional(),
    filters: filtersSchema,
    include: z.literal("memory").optional(),
    last_event_id: eventIdSchema.optional(),
  }),
  z.strictObject({ type: z.literal("unsubscribe") }),
  z.strictObject({ type: z.literal("ping") }),
], { error: 'must be one of "subscribe", "unsubscribe", "ping"' });

type Subscribe = Extract<z.infer<typeof messageSchema>, { type: "subscribe" }>;

export interface EventSocketOptions {
  readonly feed: EventFeed;
  readonly find: Find;
  readonly listeners: Listeners;
  readonly leave: (reason: LeaveReason) => void;
  /** Whether who listens may still do so. */
  readonly isLetIn: () => boolean;
  /** Minds the rate, as for any request. Throws `rate_limited`. */
  readonly admit: () => void;
  /** Told what nobody foresaw. */
  readonly failed: (error: unknown) => void;
}

interface Subscription {
  readonly stopping: AbortController;
  /** Null where nothing was asked for. */
  position: string | null;
}

/** Who asks for nothing is told of a stop, all the same. */
const NOTHING = { type: "subscribe", types: [], filters: {} } as const satisfies Subscribe;

export class EventSocket {
  readonly #wire: Wire;
  readonly #options: EventSocketOptions;
  #subscription: Subscription;
  #heartbeat: Timer | undefined;
  #missing = 0;
  #answers = 0;
  #isOver = false;

  constructor(wire: Wire, options: EventSocketOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#subscription = this.#follow(NOTHING);
    this.#beatLater();
  }

  /** A message of the client; undefined where it is no text. */
  heard(text: string | undefined): void {
    if (this.#isOver) return;
    this.#missing = 0;
    if (text === undefined) {
      return this.#end("protocol", CLOSE.unsupported, "Send text: JSON messages");
    }
    if (this.#answers >= MOST_ANSWERS) {
      return this.#end("protocol", CLOSE.policy, "Too many messages at once");
    }
    try {
      this.#options.admit();
      this.#take(text);
    } catch (error) {
      if (error instanceof AppError) this.#answer(refusal(error));
      else this.#fail(error);
    }
  }

  /** The client gave a sign of life. */
  isAlive(): void {
    this.#missing = 0;
  }

  /** What came is nothing of a WebSocket's: it is being closed. */
  broken(): void {
    this.#over("protocol");
  }

  /** The connection is gone. */
  closed(): void {
    this.#over("left");
  }

  #take(text: string): void {
    const parsed = messageSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const at = issue && issue.path.length > 0 ? `"${issue.path.join(".")}" ` : "";
      throw new AppError("invalid", `Cannot take the message: ${at}${issue?.message}`);
    }
    const message = parsed.data;
    if (message.type === "subscribe") return this.#subscribe(message);
    const { position } = this.#subscription;
    if (message.type === "ping") return this.#answer({ type: "pong", position });
    this.#listenTo(NOTHING);
    this.#answer({ type: "unsubscribed", position });
  }

  #subscribe(asked: Subscribe): void {
    this.#listenTo(asked);
    this.#answer({ type: "subscribed", position: this.#subscription.position });
  }

  /** In place of what was listened to before. */
  #listenTo(asked: Subscribe): void {
    this.#subscription.stopping.abort();
    this.#subscription = this.#follow(asked);
  }

  #follow(asked: Subscribe): Subscription {
    const { types, filters: filter, include, last_event_id: after } = asked;
    const { feed, find, listeners: { turns } } = this.#options;
    const wanted = { types, filter, includesMemory: include === "memory" };
    const batches = new EventBatches({ feed, find, turns, wanted, after });
    const position = asked === NOTHING ? null : batches.position;
    const subscription = { stopping: new AbortController(), position };
    this.#tell(batches, subscription).catch((error) => {
      if (!subscription.stopping.signal.aborted) this.#fail(error);
    });
    return subscription;
  }

  async #tell(batches: EventBatches, subscription: Subscription): Promise<void> {
    const { signal } = subscription.stopping;
    while (!signal.aborted) {
      const batch = await batches.next(signal);
      if ("end" in batch) {
        const { end: reason, position } = batch;
        if (reason === "stopping") return this.#end(reason, CLOSE.stopping, ADVICE.stopping);
        this.#listenTo(NOTHING);
        if (subscription.position === null) return;
        return this.#answer({ type: "end", reason, detail: ADVICE[reason], position });
      }
      if (batch.said.length > 0 && !this.#options.isLetIn()) return this.#endUnauthorized();
      await this.#sendAll(batch.said.map(({ json }) => json));
      if (subscription.position !== null) subscription.position = batch.position;
    }
  }

  /** Gives up on who takes nothing for long. */
  async #sendAll(texts: readonly string[]): Promise<void> {
    let taken = 0, slow: Timer | undefined;
    const mind = (before: number) => {
      slow = this.#options.listeners.clock.after(SLOW_MS, () => {
        if (taken === before) this.#end("slow", CLOSE.slow, ADVICE.slow);
        else mind(taken);
      });
    };
    mind(taken);
    try {
      await Promise.all(texts.map((text) => this.#wire.send(text).then(() => taken++)));
    } finally {
      slow?.cancel();
    }
  }

  #answer(message: object): void {
    this.#answers++;
    void this.#wire.send(JSON.stringify(message)).then(() => this.#answers--);
  }

  #beatLater(): void {
    this.#heartbeat = this.#options.listeners.clock.after(HEARTBEAT_MS, () => this.#beat());
  }

  #beat(): void {
    if (!this.#options.isLetIn()) return this.#endUnauthorized();
    if (this.#missing >= MOST_MISSING) {
      this.#over("silent");
      return this.#wire.terminate();
    }
    this.#missing++;
    this.#wire.ping();
    this.#beatLater();
  }

  #end(reason: LeaveReason, code: number, said: string): void {
    this.#over(reason);
    this.#wire.close(code, said);
  }

  #endUnauthorized(): void {
    this.#end("unauthorized", CLOSE.unauthorized, ADVICE.unauthorized);
  }

  #fail(error: unknown): void {
    this.#options.failed(error);
    this.#end("failed", CLOSE.internal, "An unexpected error happened; it was logged");
  }

  #over(reason: LeaveReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#heartbeat?.cancel();
    this.#subscription.stopping.abort();
    this.#options.leave(reason);
  }
}

interface Refusal {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retry_after_s?: number;
}

function refusal({ code, message: detail, retryAfterS }: AppError): Refusal {
  const later = retryAfterS === undefined ? {} : { retry_after_s: Math.ceil(retryAfterS) };
  return { type: "error", code, detail, ...later };
}
