/**
 * Between a client that knows lines only and a brain that runs elsewhere: each message goes to the
 * brain's `/mcp` as it is, and what comes back is written as lines.
 *
 * Promises: a request that is not taken back gets one answer, whatever happens to the brain; nothing
 * but messages is written; a client that asks more than it reads is not read on.
 */
import { BrainLink, LinkError, type LinkOptions } from "./brain_link.ts";
import {
  cancelledBy,
  type Incoming,
  LAST_ANSWERS_MS,
  type Message,
  type MessageId,
  MessageWriter,
  MOST_PENDING,
  readMessages,
  RPC,
  rpcError,
} from "./message_lines.ts";

export interface BridgeOptions extends LinkOptions {
  /** What the client says. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Resolves when the bytes are out; rejects when nobody reads any more. */
  readonly out: (bytes: Uint8Array) => Promise<void>;
  /** Tells a person what no message can: a notification has no answer. */
  readonly say: (line: string) => void;
}

interface UnderWay {
  /** Of a request. */
  readonly id: MessageId | undefined;
  /** True for what has its answer at the very end. */
  readonly listens: boolean;
  readonly controller: AbortController;
}

export class Bridge {
  /** Resolves when the client has closed its end, and has its answers; or reads no more. */
  readonly ended: Promise<void>;
  readonly #options: BridgeOptions;
  readonly #link: BrainLink;
  readonly #writer: MessageWriter;
  readonly #underWay = new Set<UnderWay>();
  #answered: (() => void) | undefined;
  #takes = true;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#link = new BrainLink(options);
    this.#writer = new MessageWriter(options.out);
    this.ended = this.#run();
  }

  /** Takes nothing more, waits so long for what is under way, and lets go of the rest. */
  async close(graceMs: number): Promise<void> {
    this.#takes = false;
    if (this.#isAsked) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#answered = resolve;
      const timer = this.#options.clock.after(graceMs, resolve);
      await promise;
      timer.cancel();
    }
    for (const { controller } of this.#underWay) controller.abort();
  }

  get #isAsked(): boolean {
    return [...this.#underWay].some(({ listens }) => !listens);
  }

  async #run(): Promise<void> {
    try {
      for await (
        const incoming of readMessages(this.#options.pieces, this.#options.maxMessageBytes)
      ) {
        if (!this.#takes) return;
        await this.#take(incoming);
      }
    } catch {
      // The client's end of either pipe broke: there is nobody left to serve.
    }
    await this.close(LAST_ANSWERS_MS);
  }

  async #take(incoming: Incoming): Promise<void> {
    if ("refusal" in incoming) return await this.#writer.write(incoming.refusal);
    const { message } = incoming;
    const cancelled = cancelledBy(message);
    if (cancelled !== undefined) {
      // To hang up is how a request is taken back over HTTP.
      for (const { id, controller } of this.#underWay) if (id === cancelled) controller.abort();
      return;
    }
    if (this.#underWay.size >= MOST_PENDING) {
      const most = `Cannot take the message: ${MOST_PENDING} others have no answer yet`;
      return await this.#writer.write(rpcError(message.id ?? null, RPC.refused, most));
    }
    void this.#pass(message);
  }

  /** Never rejects. */
  async #pass(message: Message): Promise<void> {
    const { method, id } = message;
    const controller = new AbortController();
    const listens = method === "subscriptions/listen";
    const one = { id: method === undefined ? undefined : id, listens, controller };
    this.#underWay.add(one);
    try {
      for await (const text of this.#link.exchange(message, controller.signal)) {
        if (controller.signal.aborted) return;
        await this.#writer.writeText(text);
      }
    } catch (error) {
      if (!controller.signal.aborted) await this.#fail(one.id, error);
    } finally {
      this.#underWay.delete(one);
      if (!this.#isAsked) this.#answered?.();
    }
  }

  async #fail(id: MessageId | undefined, error: unknown): Promise<void> {
    const said = error instanceof LinkError ? error.message : "Cannot write the answer";
    if (id === undefined) return this.#options.say(said);
    // Where nobody reads any more, nobody is told.
    await this.#writer.write(rpcError(id, RPC.refused, said)).catch(() => {});
  }
}
