/**
 * Adapter: a ChatModel over any OpenAI-compatible `/chat/completions` address.
 *
 * Promises: a reply is never read past its byte limit, a call never outlives its deadline, a
 * redirect is never followed; and an error never carries the key, a text or the address, since the
 * provider's own messages may quote all three. It retries nothing. One call of one shape needs no
 * SDK. Nothing is asked for that only some of the compatible servers know, such as a temperature, a
 * limit of tokens or a form of the reply.
 */
import { z } from "zod";
import { type ChatModel, ChatModelError, type ChatModelFault, type Prompt } from "../chat_model.ts";
import { joinBytes } from "../lines.ts";

export interface OpenAiChatOptions {
  /** Up to and without `/chat/completions`. */
  readonly baseUrl?: string | undefined;
  /** May be empty where the base URL is one's own server: then no Authorization is sent. */
  readonly apiKey: string;
  readonly model: string;
  readonly timeoutMs?: number | undefined;
  readonly maxReplyBytes?: number | undefined;
}

const OPENAI_BASE_URL = "https://api.openai.com/v1";
const TIMEOUT_MS = 60_000;
const MAX_REPLY_BYTES = 1024 * 1024;

const Reply = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
});

/** What of a refusal may be looked at; never its message. */
const Refusal = z.object({ error: z.object({ code: z.string().nullish().catch(undefined) }) });

export function openAiChatModel(options: OpenAiChatOptions): ChatModel {
  const { timeoutMs = TIMEOUT_MS, maxReplyBytes = MAX_REPLY_BYTES } = options;
  return {
    async reply(prompt, signal) {
      const deadline = new AbortController();
      const ended = AbortSignal.any([signal, deadline.signal]);
      const timer = setTimeout(() => deadline.abort(), timeoutMs);
      try {
        const response = await ask(options, prompt, ended);
        const text = await readText(response, maxReplyBytes);
        if (!response.ok) throw refused(response.status, text);
        return contentOf(text);
      } catch (error) {
        if (signal.aborted) throw failure("retry", "the call was given up");
        if (deadline.signal.aborted) throw failure("retry", `no reply within ${timeoutMs} ms`);
        throw error instanceof ChatModelError ? error : failure("retry", "the reply broke off");
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function ask(
  { baseUrl = OPENAI_BASE_URL, apiKey, model }: OpenAiChatOptions,
  { instructions, question }: Prompt,
  signal: AbortSignal,
): Promise<Response> {
  const messages = [
    { role: "system", content: instructions },
    { role: "user", content: question },
  ];
  try {
    return await fetch(`${baseUrl.replace(/\/$/, "")}/chat/completions`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(apiKey !== "" && { Authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, messages }),
      redirect: "error",
      signal,
    });
  } catch (error) {
    throw unreachable(error);
  }
}

/** The runtime tells a redirect and a missing permission from a dead line; only the latter mends
 * by itself. */
function unreachable(error: unknown): ChatModelError {
  if (error instanceof Deno.errors.NotCapable) {
    return failure("config", "this process may not reach the provider");
  }
  if (error instanceof TypeError && error.message.includes("redirect mode")) {
    return failure("config", "the provider's address redirects elsewhere");
  }
  return failure("retry", "the provider cannot be reached");
}

async function readText({ body }: Response, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > maxBytes) throw failure("retry", "the reply is too large");
    pieces.push(piece);
  }
  return new TextDecoder().decode(joinBytes(pieces));
}

function contentOf(text: string): string {
  const reply = Reply.safeParse(jsonOf(text));
  const content = reply.data?.choices[0]?.message.content;
  if (content === undefined) throw failure("retry", "the reply is not one of a chat model");
  return content;
}

/** Undefined where it is none: also a page of a proxy answers 200. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const TRANSIENT = new Set([408, 409, 425, 429]);
const ABOUT_THE_QUESTION = new Set([400, 413, 422]);

function refused(status: number, text: string): ChatModelError {
  const code = Refusal.safeParse(jsonOf(text)).data?.error.code;
  return failure(faultOf(status, code ?? ""), `the provider answered ${status}`);
}

function faultOf(status: number, code: string): ChatModelFault {
  // A used-up account answers 429 as well, and waiting a second does not fill it.
  if (code === "insufficient_quota" || code === "model_not_found") return "config";
  if (status >= 500 || TRANSIENT.has(status)) return "retry";
  return ABOUT_THE_QUESTION.has(status) ? "input" : "config";
}

function failure(fault: ChatModelFault, state: string): ChatModelError {
  return new ChatModelError(fault, `Cannot ask the chat model: ${state}`);
}
