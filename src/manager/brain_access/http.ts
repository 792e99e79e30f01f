/**
 * The brains over HTTP, by the `fetch` that is passed in. Nothing is waited for without end: a short
 * reply has a time, a stream may be silent for a time, an import has a time to be carried out after
 * its last byte. What a brain says in words is cut; what it stores is passed on and never looked at.
 */
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { joinBytes } from "../../lines.ts";
import {
  type BrainAccess,
  BrainAccessError,
  type BrainAddress,
  type BrainStats,
  type ImportOptions,
  type ImportOutcome,
} from "../brain_access.ts";
import { Deadline, type Waited } from "./deadline.ts";

const NDJSON = "application/x-ndjson";
const LINE_FEED = 10;
/** Stats and reports are small; a problem may list a hundred bad records. */
const MOST_REPLY_BYTES = 1 << 20;
const MOST_DETAIL_CHARACTERS = 300;
const RESTORE: ImportOptions = { onConflict: "overwrite", onError: "abort" };

export interface HttpBrainsOptions {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** For a whole short reply. */
  readonly replyMs?: number;
  /** Between two pieces of a stream, whichever way it goes. */
  readonly silenceMs?: number;
  /** From the last byte of an import to its report. */
  readonly settleMs?: number;
}

const size = z.int().min(0);

const statsSchema = z.object({
  total_memories: size,
  storage: z.object({
    memories_bytes: size,
    journal_bytes: size,
    embeddings_bytes: size,
    exports_bytes: size,
  }),
  version: z.string().max(100),
});

const reportSchema = z.object({
  imported: size,
  updated: size,
  skipped: size,
  failed: size,
  errors: z.array(z.object({
    index: size,
    id: z.string().nullable(),
    reason: z.string(),
  })).max(1_000),
});

const problemSchema = z.object({ detail: z.string() });

export class HttpBrains implements BrainAccess {
  readonly #fetch: HttpBrainsOptions["fetch"];
  readonly #clock: Clock;
  readonly #replyMs: number;
  readonly #silenceMs: number;
  readonly #settleMs: number;

  constructor(
    { fetch, clock, replyMs = 10_000, silenceMs = 60_000, settleMs = 600_000 }: HttpBrainsOptions,
  ) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#replyMs = replyMs;
    this.#silenceMs = silenceMs;
    this.#settleMs = settleMs;
  }

  async isReady(address: BrainAddress, signal: AbortSignal): Promise<boolean> {
    using deadline = new Deadline(this.#clock, signal, this.#replyMs);
    try {
      const reply = await this.#ask(address, "/health/ready", { method: "GET" }, deadline);
      await reply.body?.cancel();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BrainAccessError) return false;
      throw error;
    }
  }

  async stats(address: BrainAddress, signal: AbortSignal): Promise<BrainStats> {
    using deadline = new Deadline(this.#clock, signal, this.#replyMs);
    const reply = await this.#ask(address, "/stats", { method: "GET" }, deadline);
    const { total_memories, storage, version } = await parsed(reply, statsSchema, deadline);
    const { memories_bytes, journal_bytes, embeddings_bytes, exports_bytes } = storage;
    const bytes = memories_bytes + journal_bytes + embeddings_bytes + exports_bytes;
    return { memories: total_memories, bytes, version };
  }

  async *export(address: BrainAddress, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    using deadline = new Deadline(this.#clock, signal, this.#silenceMs);
    // Vectors of a provider would be many times the rest, and come back as the user's own.
    const body = JSON.stringify({ format: "ndjson", include_embeddings: "own" });
    const headers = { "Content-Type": "application/json" };
    const reply = await this.#ask(address, "/export", { method: "POST", headers, body }, deadline);
    const promised = wholeNumber(reply.headers.get("x-total-count"));
    if (promised === undefined || mediaType(reply) !== NDJSON) {
      await reply.body?.cancel();
      throw new BrainAccessError("broken", "Cannot export: what answered is no brain of ours");
    }
    let lines = 0;
    for await (const piece of received(reply, deadline)) {
      for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) {
        lines++;
      }
      yield piece;
      deadline.renew(this.#silenceMs);
    }
    if (lines === promised) return;
    throw new BrainAccessError(
      "broken",
      `Cannot export: ${lines} memories came, of ${promised}; try again`,
    );
  }

  async import(
    address: BrainAddress,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    { onConflict, onError }: ImportOptions = RESTORE,
  ): Promise<ImportOutcome> {
    using deadline = new Deadline(this.#clock, signal, this.#silenceMs);
    const sent = new Sent(pieces, () => deadline.renew(this.#silenceMs));
    sent.ended = () => deadline.renew(this.#settleMs);
    const path = `/import?on_conflict=${onConflict}&on_error=${onError}`;
    const init = {
      method: "POST",
      headers: { "Content-Type": NDJSON },
      body: ReadableStream.from(sent.pieces()),
    };
    try {
      const reply = await this.#ask(address, path, init, deadline);
      return await parsed(reply, reportSchema, deadline);
    } catch (error) {
      if (sent.failure !== undefined) throw sent.failure.error;
      throw error;
    }
  }

  /** A reply that is a success. */
  async #ask(
    { url, key }: BrainAddress,
    path: string,
    init: RequestInit & { headers?: Record<string, string> },
    deadline: Deadline,
  ): Promise<Response> {
    const headers = { ...init.headers, Authorization: `Bearer ${key}` };
    const { signal } = deadline;
    let reply: Response;
    try {
      const sending = this.#fetch(url + path, { ...init, headers, signal, redirect: "error" });
      reply = await deadline.within(sending);
    } catch (error) {
      throw error instanceof BrainAccessError || deadline.isGivenUp
        ? error
        : new BrainAccessError("away", "Cannot reach the brain: no connection", { cause: error });
    }
    if (reply.ok) return reply;
    throw await refusalOf(reply, deadline);
  }
}

/** What goes to the brain, and what went wrong where it comes from. */
class Sent {
  readonly #pieces: AsyncIterable<Uint8Array>;
  readonly #renew: () => void;
  ended: () => void = () => {};
  failure: { readonly error: unknown } | undefined;

  constructor(pieces: AsyncIterable<Uint8Array>, renew: () => void) {
    this.#pieces = pieces;
    this.#renew = renew;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of this.#pieces) {
        this.#renew();
        yield piece;
      }
    } catch (error) {
      this.failure = { error };
      throw error;
    }
    this.ended();
  }
}

/** 429, 503 and the like pass; other refusals stay. */
async function refusalOf(reply: Response, deadline: Waited): Promise<BrainAccessError> {
  const { status } = reply;
  const text = await textOf(reply, deadline).catch(() => "");
  const isForGood = status === 507 ||
    (status >= 400 && status < 500 && ![408, 429].includes(status));
  const said = detailOf(text).slice(0, MOST_DETAIL_CHARACTERS);
  return new BrainAccessError(
    isForGood ? "refused" : "away",
    `Cannot ask the brain: it answered ${status}${said === "" ? "" : `, ${JSON.stringify(said)}`}`,
  );
}

function detailOf(text: string): string {
  try {
    return problemSchema.parse(JSON.parse(text)).detail;
  } catch {
    return ""; // It need not say why.
  }
}

async function parsed<T>(reply: Response, schema: z.ZodType<T>, deadline: Waited): Promise<T> {
  const text = await textOf(reply, deadline);
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BrainAccessError("broken", "Cannot ask the brain: its reply is none of a brain", {
      cause,
    });
  }
}

async function textOf(reply: Response, deadline: Waited): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of received(reply, deadline)) {
    bytes += piece.length;
    if (bytes > MOST_REPLY_BYTES) {
      throw new BrainAccessError("broken", "Cannot ask the brain: its reply is too large");
    }
    parts.push(piece);
  }
  return new TextDecoder().decode(joinBytes(parts));
}

async function* received(reply: Response, deadline: Waited): AsyncGenerator<Uint8Array> {
  const reader = reply.body?.getReader();
  if (reader === undefined) return;
  try {
    while (true) {
      const { done, value } = await deadline.within(reader.read());
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (error instanceof BrainAccessError || deadline.isGivenUp) throw error;
    throw new BrainAccessError("broken", "Cannot ask the brain: the connection broke", {
      cause: error,
    });
  } finally {
    // Nobody reads the rest; the connection may be gone already.
    reader.cancel().catch(() => {});
  }
}

function mediaType(reply: Response): string | undefined {
  return reply.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
