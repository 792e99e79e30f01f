/**
 * Adapter: an Embedder over any OpenAI-compatible `/embeddings` address.
 *
 * Promises: a vector is handed on only if the whole reply holds up (count, order, length, finite,
 * not zero); a reply is never read past its byte limit, a call never outlives its deadline, a
 * redirect is never followed; and an error never carries the key, a text or the address, since the
 * provider's own messages may quote all three. It retries nothing: the indexer does. The SDK takes
 * some 70 ms to load: this file is loaded only where a provider is set, before requests are taken.
 */
import OpenAI from "openai";
import { z } from "zod";
import {
  type Embedder,
  EmbedderError,
  type EmbedderFault,
  type EmbedOptions,
} from "../embedder.ts";
import { Pace } from "../pace.ts";
import { ReplyReader } from "./reply.ts";

export interface OpenAiOptions {
  /** Up to and without `/embeddings`. */
  readonly baseUrl?: string | undefined;
  /** May be empty where the base URL is one's own server: then no Authorization is sent. */
  readonly apiKey: string;
  readonly model: string;
  readonly dimensions?: number | undefined;
  /** The longest that one call may take, whatever its caller allows. */
  readonly timeoutMs?: number | undefined;
  readonly maxReplyBytes?: number | undefined;
  /** The word for `/stats`. */
  readonly provider?: string | undefined;
  /** Milliseconds since 1970, to read a `Retry-After` that is a date. */
  readonly now?: (() => number) | undefined;
}

const OPENAI_BASE_URL = "https://api.openai.com/v1";
const TIMEOUT_MS = 20_000;
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_MS = 60 * 60_000;

/** What of a refusal may be looked at; never its message. */
const Refusal = z.object({
  status: z.number(),
  code: z.string().nullish().catch(undefined),
  param: z.string().nullish().catch(undefined),
  headers: z.instanceof(Headers).optional().catch(undefined),
});

export function openAiEmbedder(options: OpenAiOptions): Embedder {
  const { model, dimensions, timeoutMs = TIMEOUT_MS, now = Date.now } = options;
  const { maxReplyBytes = MAX_REPLY_BYTES } = options;
  const client = clientOf(options, timeoutMs);

  async function embed(texts: readonly string[], { signal }: EmbedOptions) {
    if (texts.length === 0) return [];
    const deadline = new AbortController();
    const ended = AbortSignal.any([signal, deadline.signal]);
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    try {
      const response = await client.embeddings.create({
        model,
        input: [...texts],
        // The SDK would ask for base64, which many compatible servers do not know.
        encoding_format: "float",
        ...(dimensions === undefined ? {} : { dimensions }),
      }, { signal: ended }).asResponse();
      return (await readReply(response, ended, maxReplyBytes)).vectors(texts.length, dimensions);
    } catch (error) {
      if (signal.aborted) throw new EmbedderError("retry", "Cannot embed: the call was given up");
      if (deadline.signal.aborted) {
        throw new EmbedderError("retry", `Cannot embed: no reply within ${timeoutMs} ms`);
      }
      throw embedderError(error, now);
    } finally {
      clearTimeout(timer);
    }
  }
  return { provider: options.provider ?? "openai", model, dimensions, embed };
}

/**
 * Reads all pieces into the same bytes: as garbage, which nobody collects in time, they would be
 * most of the memory that is taken while much is embedded. The SDK lets go of the signal once it
 * has the head: a body that drips would never end.
 */
async function readReply(
  { body }: Response,
  signal: AbortSignal,
  maxBytes: number,
): Promise<ReplyReader> {
  const reader = new ReplyReader();
  const source = body?.getReader({ mode: "byob" });
  const giveUp = () => void source?.cancel();
  signal.addEventListener("abort", giveUp);
  const pace = new Pace();
  try {
    let room = new Uint8Array(PIECE_BYTES), bytes = 0;
    for (;;) {
      const { done, value } = await source?.read(room) ?? { done: true };
      signal.throwIfAborted();
      if (done) return reader;
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge();
      reader.push(value);
      room = new Uint8Array(value.buffer);
      if (pace.due) await pace.breathe();
    }
  } finally {
    signal.removeEventListener("abort", giveUp);
    await source?.cancel();
  }
}

function clientOf(options: OpenAiOptions, timeoutMs: number): OpenAI {
  const { apiKey, baseUrl = OPENAI_BASE_URL, maxReplyBytes = MAX_REPLY_BYTES } = options;
  return new OpenAI({
    // The SDK refuses an empty key; the header it would go into is then taken away again.
    apiKey: apiKey === "" ? "none" : apiKey,
    ...(apiKey === "" ? { defaultHeaders: { Authorization: null } } : {}),
    baseURL: baseUrl,
    // Given, so that the SDK does not look for them in the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    maxRetries: 0,
    timeout: timeoutMs,
    fetch: (input, init) => boundedFetch(input, init, maxReplyBytes),
  });
}

/** `fetch` that follows no redirect. What the SDK reads of a refusal ends with an error past
 * `maxBytes`. */
async function boundedFetch(
  input: string | URL | Request,
  init: RequestInit | undefined,
  maxBytes: number,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(input, { ...init, redirect: "error" });
  } catch (error) {
    throw unreachable(error);
  }
  if (response.body === null || response.ok) return response;
  let bytes = 0;
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes <= maxBytes) controller.enqueue(chunk);
        else controller.error(tooLarge());
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

function tooLarge(): EmbedderError {
  return new EmbedderError("retry", "Cannot embed: the reply is too large");
}

/** The runtime tells a redirect and a missing permission from a dead line; only the latter mends
 * by itself. */
function unreachable(error: unknown): EmbedderError {
  if (error instanceof Deno.errors.NotCapable) {
    return new EmbedderError("config", "Cannot embed: this process may not reach the provider");
  }
  if (error instanceof TypeError && error.message.includes("redirect mode")) {
    return new EmbedderError("config", "Cannot embed: the provider's address redirects elsewhere");
  }
  return new EmbedderError("retry", "Cannot embed: the provider cannot be reached");
}

function embedderError(error: unknown, now: () => number): EmbedderError {
  if (error instanceof EmbedderError) return error;
  if (error instanceof Error && error.cause instanceof EmbedderError) return error.cause;
  const refusal = Refusal.safeParse(error);
  if (!refusal.success) return new EmbedderError("retry", "Cannot embed: the reply broke off");
  const { status, code, param, headers } = refusal.data;
  return new EmbedderError(
    faultOf(status, code ?? "", param ?? ""),
    `Cannot embed: the provider answered ${status}`,
    headers && retryAfterMs(headers, now),
  );
}

const TRANSIENT = new Set([408, 409, 425, 429]);
const ABOUT_THE_BATCH = new Set([400, 413, 422]);
const SET_BY_THE_OPERATOR = new Set(["model", "dimensions", "encoding_format"]);

function faultOf(status: number, code: string, param: string): EmbedderFault {
  // A used-up account answers 429 as well, and waiting a second does not fill it.
  if (code === "insufficient_quota" || code === "model_not_found") return "config";
  if (status >= 500 || TRANSIENT.has(status)) return "retry";
  if (ABOUT_THE_BATCH.has(status) && !SET_BY_THE_OPERATOR.has(param)) return "input";
  return "config";
}

/** `Retry-After` as seconds or as an HTTP date, within an hour; undefined where there is none. */
function retryAfterMs(headers: Headers, now: () => number): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
