/**
 * A conversation with an assistant as memories: one for each message, in one thread and in their
 * order, so that a search takes its neighbours for evidence.
 */
import type { JsonObject } from "../json.ts";
import { partsOf } from "./parts.ts";
import { checked, type Found, idOf } from "./source.ts";

export interface Message {
  /** The source's own, of the message within its conversation. */
  readonly id: string;
  readonly text: string;
  /** RFC 3339; undefined where it says nothing. */
  readonly at: string | undefined;
  readonly metadata: JsonObject;
}

export interface Conversation {
  readonly source: string;
  readonly id: string;
  readonly title: string | undefined;
  readonly at: string | undefined;
  readonly messages: Iterable<Message>;
}

export function* memoriesOf(conversation: Conversation): Generator<Found> {
  const { source, id, title } = conversation;
  const shared = { source, thread_id: idOf(source, id), conversation_id: id };
  let before = conversation.at;
  let isFirst = true;
  for (const message of conversation.messages) {
    for (const [part, content] of partsOf(message.text).entries()) {
      // Messages of one moment, and those without one, stay behind each other.
      const at = isFirst ? message.at ?? before : following(before, message.at);
      isFirst = false;
      before = at;
      yield checked(`${source} conversation ${title ?? id}`, {
        id: idOf(source, id, message.id, ...(part > 0 ? [String(part)] : [])),
        content,
        memory_type: "episodic",
        metadata: { ...shared, ...(title !== undefined && { title }), ...message.metadata },
        created_at: at ?? null,
      });
    }
  }
}

function following(before: string | undefined, at: string | undefined): string | undefined {
  if (before === undefined || at !== undefined && at > before) return at;
  return new Date(Date.parse(before) + 1).toISOString();
}
