/**
 * Several messages in one request, as the versions before 2025-06-18 allow: each is answered by
 * itself, one after the other, so that none of them can take back or hold up another for good.
 */
import { parseJSONRPCMessage } from "@modelcontextprotocol/server";
import type { Clock } from "../clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { Pace } from "../pace.ts";
import { CALL_MS } from "./faults.ts";
import { RPC, rpcError } from "./message_lines.ts";
import { idOf } from "./refusals.ts";

const MOST_MESSAGES = 20;
/** What its answers hold together before the rest is left out. */
const MOST_CHARACTERS = 4_000_000;
/** From this version on there are none. */
const NO_BATCHES_SINCE = "2025-06-18";

/** Why it is not taken, before anything of it is carried out. */
export function batchFault(messages: readonly JsonValue[], version: string | null): string | null {
  if (version !== null && version >= NO_BATCHES_SINCE) {
    return `Cannot take a batch: there are none since ${NO_BATCHES_SINCE}; ` +
      "send each message by itself";
  }
  if (messages.length === 0) return "Cannot take a batch of nothing";
  if (messages.length > MOST_MESSAGES) return `Cannot take more than ${MOST_MESSAGES} in a batch`;
  if (!messages.every(isMessage)) return "Cannot take the batch: not all of it are messages";
  if (messages.some(({ method }) => method === "initialize")) {
    return "Cannot take the batch: a handshake comes by itself";
  }
  return null;
}

function isMessage(value: JsonValue): value is JsonObject {
  try {
    parseJSONRPCMessage(value);
    return true;
  } catch {
    return false; // That is what was asked.
  }
}

/** What is wrong with the headers is wrong with all of them: the first one's reply tells it. */
export async function answerBatch(
  messages: readonly JsonValue[],
  clock: Clock,
  answer: (message: JsonValue) => Promise<Response>,
): Promise<Response> {
  const end = clock.now() + CALL_MS;
  const pace = new Pace();
  const answers: string[] = [];
  let characters = 0;
  for (const message of messages) {
    if (characters > MOST_CHARACTERS || clock.now() >= end) {
      answers.push(...leftOut(message));
      continue;
    }
    const response = await answer(message);
    if (!response.ok) return response;
    const text = await response.text();
    if (text !== "") answers.push(text);
    characters += text.length;
    if (pace.due) await pace.breathe();
  }
  if (answers.length === 0) return new Response(null, { status: 202 });
  const headers = { "Content-Type": "application/json" };
  return new Response(`[${answers.join(",")}]`, { headers });
}

/** Who asked for nothing is told nothing. */
function leftOut(message: JsonValue): readonly string[] {
  const id = idOf(message);
  if (id === null || !isJsonObject(message) || message["method"] === undefined) return [];
  const fault = "Cannot answer this one: the batch is too much at once; send it by itself";
  return [JSON.stringify(rpcError(id, RPC.refused, fault))];
}
