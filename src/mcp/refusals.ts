/** Requests over HTTP that reach no server: what is wrong with them, and how it is told. */
import { isJsonObject, type JsonValue } from "../json.ts";
import { type MessageId, rpcError } from "./message_lines.ts";
import { MOST_URI_CHARACTERS } from "./resources.ts";

/** As JSON: an id comes back with each answer, and with each change that is told of. */
const MOST_ID_CHARACTERS = 256;
const MOST_LISTENED_TO = 100;

/** Without an id where it is of no single request. */
export function refused(code: number, message: string, id: MessageId | null = null): Response {
  return Response.json(rpcError(id, code, message), { status: 400 });
}

export function idOf(message: JsonValue): MessageId | null {
  const id = isJsonObject(message) ? message["id"] : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

export function idFault(messages: readonly JsonValue[]): string | null {
  const isLong = messages.some((message) => charactersOf(idOf(message)) > MOST_ID_CHARACTERS);
  return isLong ? `Cannot take an id of more than ${MOST_ID_CHARACTERS} characters` : null;
}

export function listeningFault(message: JsonValue): string | null {
  if (!isJsonObject(message) || message["method"] !== "subscriptions/listen") return null;
  const { params } = message;
  const notifications = isJsonObject(params) ? params["notifications"] : undefined;
  const uris = isJsonObject(notifications) ? notifications["resourceSubscriptions"] : undefined;
  if (!Array.isArray(uris)) return null;
  if (uris.length > MOST_LISTENED_TO) {
    return `Cannot listen to more than ${MOST_LISTENED_TO} resources`;
  }
  const isLong = uris.some((uri) => charactersOf(uri) > MOST_URI_CHARACTERS);
  return isLong ? `Cannot listen to a URI of more than ${MOST_URI_CHARACTERS} characters` : null;
}

/** Without its quotation marks. Control characters take six. */
function charactersOf(value: JsonValue): number {
  return JSON.stringify(value).length - (typeof value === "string" ? 2 : 0);
}
