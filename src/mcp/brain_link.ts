/**
 * One message of the protocol sent to a brain that runs elsewhere, over streamable HTTP.
 *
 * Promises: what may have reached the brain is never sent again; while the brain restarts, a message
 * waits for it; whatever goes wrong is said in words. The headers are those that the message itself
 * demands: a request of 2026-07-28 and later says its version in it, the earlier ones go by what
 * `initialize` agreed on.
 */
import { Buffer } from "node:buffer";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { joinBytes } from "../lines.ts";
import { isRequest, type Message, type MessageId } from "./message_lines.ts";
import { readEventData } from "./server_sent.ts";

/** A brain that restarts is there again by then. */
const PATIENCE_MS = 15_000;
const FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 1_000;
/** For the head of an answer, and for each next piece: who listens gets a sign every 15 seconds. */
const SILENCE_MS = 120_000;
const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** Why a message has no answer, for whoever sent it. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

export interface LinkOptions {
  /** The brain's `/mcp`. */
  readonly url: string;
  readonly key: string;
  /** Must not send anything twice by itself. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** True for an error of `fetch` that left the request unsent. */
  readonly wasUnsent: (error: unknown) => boolean;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
}

const answerSchema = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  error: z.looseObject({}).optional(),
  result: z.unknown().optional(),
});
type Answer = z.infer<typeof answerSchema>;

const agreedSchema = z.looseObject({ protocolVersion: z.string() });
const problemSchema = z.looseObject({ type: z.string(), detail: z.string() });
const metaSchema = z.looseObject({ [VERSION_KEY]: z.string() });

export class BrainLink {
  readonly #options: LinkOptions;
  /** What `initialize` agreed on. */
  #version: string | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /**
   * What the brain says to a message, as JSON: to a request first what belongs to it, then its
   * answer; to anything else nothing. Throws `LinkError`, or the signal's reason.
   */
  async *exchange(message: Message, signal: AbortSignal): AsyncGenerator<string> {
    const silence = new Silence(this.#options.clock, signal);
    try {
      const reply = await this.#reach(message, silence);
      if (isRequest(message)) yield* this.#answered(message, this.#said(reply, silence));
      else await reply.body?.cancel();
    } catch (error) {
      if (signal.aborted || error instanceof LinkError) throw error;
      throw new LinkError(
        "The connection to the brain broke before it answered. What was asked for may have been " +
          "done: look before you ask again",
        { cause: error },
      );
    } finally {
      silence.end();
    }
  }

  /** Passes on what was said up to the answer; an end without one is a broken connection. */
  async *#answered(message: Message, said: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const text of said) {
      const { id, method, result } = readAnswer(text);
      yield text;
      if (method !== undefined || id !== message.id) continue;
      if (message.method === "initialize") {
        this.#version = agreedSchema.safeParse(result).data?.protocolVersion;
      }
      return;
    }
    throw new Error("Cannot go on: the stream ended");
  }

  async *#said(reply: Response, silence: Silence): AsyncGenerator<string> {
    const { maxMessageBytes } = this.#options;
    const type = reply.headers.get("content-type") ?? "";
    const pieces = silence.heard(reply.body ?? []);
    if (/^text\/event-stream\b/i.test(type)) yield* readEventData(pieces, maxMessageBytes);
    else yield await wholeText(pieces, maxMessageBytes);
  }

  /** Waits for a brain that is away, for a while. */
  async #reach(message: Message, silence: Silence): Promise<Response> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let waitedMs = 0;;) {
      const reply = await this.#post(message, silence);
      if (reply instanceof Response) return reply;
      if (waitedMs >= PATIENCE_MS) throw reply;
      await silence.pause(pauseMs);
      waitedMs += pauseMs;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Resolves with an error where nothing was done, and may be in a while. */
  async #post(message: Message, silence: Silence): Promise<Response | LinkError> {
    const { url, fetch, wasUnsent } = this.#options;
    const { signal } = silence;
    const init = { method: "POST", headers: this.#headers(message), body: message.text };
    let reply: Response;
    try {
      reply = await fetch(url, { ...init, redirect: "error", signal });
    } catch (error) {
      if (signal.aborted || !wasUnsent(error)) throw error;
      return new LinkError(`Cannot reach the brain at ${url}: is it running?`);
    }
    return reply.ok ? reply : await this.#refused(message, reply, silence);
  }

  /** The protocol's own errors are answers; those of the door are said in words. */
  async #refused(
    { id }: Message,
    reply: Response,
    silence: Silence,
  ): Promise<Response | LinkError> {
    const pieces = silence.heard(reply.body ?? []);
    const said = parsed(await wholeText(pieces, this.#options.maxMessageBytes));
    const answer = answerSchema.safeParse(said);
    if (answer.data?.error !== undefined) return Response.json({ ...answer.data, id: id ?? null });
    const { status } = reply;
    const problem = problemSchema.safeParse(said).data;
    const why = status === 401
      ? "the key is wrong or missing; give it with --key or CONTAINER_API_KEY"
      : problem?.detail ?? "it gave no reason";
    const error = new LinkError(`The brain refused (${status}): ${why}`);
    if (problem?.type.endsWith(":not_ready")) return error;
    throw error;
  }

  #headers({ method = "", params }: Message): Record<string, string> {
    const headers: Record<string, string> = {
      "Accept": "application/json, text/event-stream",
      "Authorization": `Bearer ${this.#options.key}`,
      "Content-Type": "application/json",
    };
    const version = metaSchema.safeParse(params["_meta"]).data?.[VERSION_KEY];
    if (version === undefined) {
      if (this.#version === undefined || method === "initialize") return headers;
      return { ...headers, "MCP-Protocol-Version": this.#version };
    }
    const name = params[method === "resources/read" ? "uri" : "name"];
    const isNamed = ["tools/call", "prompts/get", "resources/read"].includes(method);
    return {
      ...headers,
      "MCP-Protocol-Version": headerValue(version),
      "Mcp-Method": headerValue(method),
      ...(isNamed && typeof name === "string" && { "Mcp-Name": headerValue(name) }),
    };
  }
}

/** Ends a wait in which nothing is heard for too long. */
class Silence {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #late = new AbortController();
  #timer: { cancel(): void };

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.signal = AbortSignal.any([signal, this.#late.signal]);
    this.#timer = this.#wait();
  }

  /** Passes pieces on, each of which is something heard. */
  async *heard(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      this.#timer.cancel();
      this.#timer = this.#wait();
      yield piece;
    }
  }

  async pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(ms, resolve);
    this.signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    timer.cancel();
    this.signal.throwIfAborted();
  }

  /** Also lets go of a connection that has more to say. */
  end(): void {
    this.#timer.cancel();
    this.#late.abort();
  }

  #wait() {
    const seconds = SILENCE_MS / 1000;
    const late = new LinkError(`The brain has said nothing for ${seconds} seconds`);
    return this.#clock.after(SILENCE_MS, () => this.#late.abort(late));
  }
}

function readAnswer(text: string): Answer & { readonly id?: MessageId | null | undefined } {
  const answer = answerSchema.safeParse(parsed(text));
  if (answer.success) return answer.data;
  throw new LinkError("Cannot pass on what came back: it is no answer of the protocol's");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function wholeText(pieces: AsyncIterable<Uint8Array>, mostBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > mostBytes) throw new LinkError(`The answer has more than ${mostBytes} bytes`);
    parts.push(piece);
  }
  return new TextDecoder().decode(joinBytes(parts));
}

/** What a header cannot bear as it is goes as the protocol's own form of Base64. */
function headerValue(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text);
  if (isPlain && !/^=\?base64\?.*\?=$/.test(text)) return text;
  return `=?base64?${Buffer.from(text).toString("base64")}?=`;
}
