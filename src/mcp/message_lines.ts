/**
 * Messages of the protocol as lines: how a program on this machine and the client that started it
 * talk (the protocol's stdio transport). One line is one message, in bounded memory; what is none is
 * answered with an error, so that whoever waits for an answer gets one.
 */
import { z } from "zod";
import { AppError } from "../errors.ts";
import { type JsonObject, parseJson } from "../json.ts";
import { readLines } from "../lines.ts";

/** The codes of JSON-RPC, and one of those that it leaves to the server. */
export const RPC = {
  parse: -32700,
  invalid: -32600,
  internal: -32603,
  refused: -32000,
} as const;

/** So many requests of one client may be under way. */
export const MOST_PENDING = 256;
/** Answers to what was asked are waited for so long once the client has said all. */
export const LAST_ANSWERS_MS = 10_000;

const idSchema = z.union([z.string(), z.number()]);
export type MessageId = z.infer<typeof idSchema>;

const messageSchema = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: idSchema.optional(),
  method: z.string().optional(),
  params: z.looseObject({}).optional(),
});

/** A request has a method and an id, a notification a method, an answer an id. */
export interface Message {
  /** As it stood in the line. */
  readonly text: string;
  readonly id: MessageId | undefined;
  readonly method: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

export function isRequest(message: Message): message is Message & { readonly id: MessageId } {
  return message.method !== undefined && message.id !== undefined;
}

/** A message, or the answer to what is none. */
export type Incoming = { readonly message: Message } | { readonly refusal: JsonObject };

/** One at a time: what is not read yet waits in the pipe. */
export async function* readMessages(
  pieces: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<Incoming> {
  const decoder = new TextDecoder();
  for await (const lines of readLines(pieces, maxLineBytes)) {
    for (const { bytes, tooLong } of lines) {
      if (tooLong) {
        const most = `Cannot read the message: it has more than ${maxLineBytes} bytes`;
        yield { refusal: rpcError(null, RPC.invalid, most) };
        continue;
      }
      const text = decoder.decode(bytes).trim();
      if (text !== "") yield readMessage(text);
    }
  }
}

function readMessage(text: string): Incoming {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const id = idIn(text);
    const code = id === undefined ? RPC.parse : RPC.invalid;
    return { refusal: rpcError(id ?? null, code, error.message) };
  }
  const parsed = messageSchema.safeParse(json);
  if (!parsed.success) {
    const one = "Cannot read the message: it is no single JSON-RPC 2.0 request, notification or " +
      "answer; send each in a line of its own";
    return { refusal: rpcError(idIn(text) ?? null, RPC.invalid, one) };
  }
  const { id, method, params = {} } = parsed.data;
  return { message: { text, id, method, params } };
}

/** Of what is not taken: whoever asked waits for an answer with this id. */
function idIn(text: string): MessageId | undefined {
  try {
    return z.looseObject({ id: idSchema }).safeParse(JSON.parse(text)).data?.id;
  } catch {
    return undefined; // It is no JSON at all.
  }
}

/** The request that a `notifications/cancelled` takes back. */
export function cancelledBy({ method, params }: Message): MessageId | undefined {
  if (method !== "notifications/cancelled") return undefined;
  return idSchema.safeParse(params["requestId"]).data;
}

export function rpcError(id: MessageId | null, code: number, message: string): JsonObject {
  return { jsonrpc: "2.0", id, error: { code, message } };
}

/** Writes lines one behind the other; each call resolves when its own is out. */
export class MessageWriter {
  readonly #out: (bytes: Uint8Array) => Promise<void>;
  readonly #encoder = new TextEncoder();
  #last: Promise<void> = Promise.resolve();

  constructor(out: (bytes: Uint8Array) => Promise<void>) {
    this.#out = out;
  }

  /** Once one could not be written, nobody reads any more: that, and all behind it, reject. */
  write(message: object): Promise<void> {
    return this.writeText(JSON.stringify(message));
  }

  /** Of JSON: between its parts a line may end, within them it cannot. */
  writeText(json: string): Promise<void> {
    const bytes = this.#encoder.encode(`${json.replaceAll(/[\r\n]+/g, " ")}\n`);
    this.#last = this.#last.then(() => this.#out(bytes));
    this.#last.catch(() => {}); // Who asked for it is told.
    return this.#last;
  }
}
