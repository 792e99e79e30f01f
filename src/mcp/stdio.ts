/**
 * A brain for one client that started this very program, over its standard input and output.
 *
 * Promises: nothing but messages is written; what was asked before the client closed its end is
 * still answered, within a time; a client that asks more than it reads is not read on.
 */
import {
  type JSONRPCMessage,
  parseJSONRPCMessage,
  type Server,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import {
  cancelledBy,
  type Incoming,
  isRequest,
  LAST_ANSWERS_MS,
  type MessageId,
  MessageWriter,
  MOST_PENDING,
  readMessages,
  RPC,
  rpcError,
} from "./message_lines.ts";

export interface StdioOptions {
  /** Makes what answers: one for the connection, and one for a look at what is here. */
  readonly server: () => Server;
  /** What the client says. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Resolves when the bytes are out; rejects when nobody reads any more. */
  readonly out: (bytes: Uint8Array) => Promise<void>;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StdioConnection {
  /** Resolves when the client has closed its end, and has its answers. */
  readonly ended: Promise<void>;
  /** Takes nothing more, waits so long for what is under way, and tells those that listen. */
  close(graceMs: number): Promise<void>;
}

export function serveOverStdio(options: StdioOptions): StdioConnection {
  const lines = new Lines(options);
  const { log } = options;
  const handle = serveStdio(options.server, {
    transport: lines,
    maxSubscriptions: MOST_PENDING,
    onerror: ({ name }) => log("warn", "mcp_connection", { name }),
  });
  return {
    ended: lines.ended,
    async close(graceMs) {
      await lines.stopTaking(graceMs);
      await handle.close();
    },
  };
}

/** The transport of the SDK, over messages that are lines. */
class Lines {
  onmessage?: (message: JSONRPCMessage) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #options: StdioOptions;
  readonly #writer: MessageWriter;
  readonly #ended = Promise.withResolvers<void>();
  /** What has no answer yet. Who listens gets his at the very end. */
  readonly #pending = new Set<MessageId>();
  #answered: (() => void) | undefined;
  #isClosed = false;
  #takes = true;

  constructor(options: StdioOptions) {
    this.#options = options;
    this.#writer = new MessageWriter(options.out);
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Does not wait for what is read from then on. */
  start(): Promise<void> {
    void this.#read();
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) throw new Error("Cannot answer: the connection is closed");
    try {
      await this.#writer.write(message);
    } finally {
      if (!("method" in message) && message.id !== undefined) this.#settle(message.id);
    }
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.onclose?.();
      this.#ended.resolve();
    }
    return Promise.resolve();
  }

  async stopTaking(graceMs: number): Promise<void> {
    this.#takes = false;
    if (this.#pending.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#answered = resolve;
    const timer = this.#options.clock.after(graceMs, resolve);
    await promise;
    timer.cancel();
  }

  async #read(): Promise<void> {
    const { pieces, maxMessageBytes } = this.#options;
    try {
      for await (const incoming of readMessages(pieces, maxMessageBytes)) {
        if (!this.#takes) return;
        await this.#take(incoming);
      }
    } catch (error) {
      // The client's end of either pipe broke: there is nobody to serve.
      this.onerror?.(error instanceof Error ? error : new Error("unknown"));
    }
    await this.stopTaking(LAST_ANSWERS_MS);
    await this.close();
  }

  async #take(incoming: Incoming): Promise<void> {
    if ("refusal" in incoming) return await this.#writer.write(incoming.refusal);
    const { message } = incoming;
    if (isRequest(message) && this.#pending.has(message.id)) {
      const twice = "Cannot take the request: another one with its id has no answer yet";
      return await this.#writer.write(rpcError(message.id, RPC.invalid, twice));
    }
    if (this.#pending.size >= MOST_PENDING && isRequest(message)) {
      const most = `Cannot take the request: ${MOST_PENDING} others have no answer yet`;
      return await this.#writer.write(rpcError(message.id, RPC.refused, most));
    }
    let parsed: JSONRPCMessage;
    try {
      parsed = parseJSONRPCMessage(JSON.parse(message.text));
    } catch {
      const none = "Cannot take the message: it is none of the protocol's";
      return await this.#writer.write(rpcError(message.id ?? null, RPC.invalid, none));
    }
    if (isRequest(message) && message.method !== "subscriptions/listen") {
      this.#pending.add(message.id);
    }
    this.onmessage?.(parsed);
    // Nothing will be said of what was taken back.
    const cancelled = cancelledBy(message);
    if (cancelled !== undefined) this.#settle(cancelled);
  }

  #settle(id: MessageId): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#answered?.();
  }
}
