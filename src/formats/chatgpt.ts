/**
 * ChatGPT's export of all data: `conversations.json`, or since 2026 `conversations-000.json` and so
 * on. Each conversation is a tree of messages, of which the one that is shown leads from
 * `current_node` up to the root. What ChatGPT remembered and was told to be is in there, too.
 */
import { z } from "zod";
import { memoriesOf, type Message } from "./conversation.ts";
import { itemsOf } from "./json_files.ts";
import { partsOf } from "./parts.ts";
import { checked, fault, type Found, idOf, skipped, type Source, timeOfSeconds } from "./source.ts";

const SOURCE = "chatgpt";
const FILE = /(?:^|\/)conversations(?:-\d+)?\.json$/i;

const messageSchema = z.object({
  id: z.string().nullish(),
  author: z.object({ role: z.string() }),
  create_time: z.number().nullish(),
  recipient: z.string().nullish(),
  content: z.object({
    content_type: z.string().nullish(),
    parts: z.array(z.unknown()).nullish(),
    user_profile: z.string().nullish(),
    user_instructions: z.string().nullish(),
    model_set_context: z.string().nullish(),
  }),
  metadata: z.object({
    is_visually_hidden_from_conversation: z.boolean().nullish(),
    model_slug: z.string().nullish(),
  }).nullish(),
});

/** Of a form that no export had yet: what is around it is taken nevertheless. */
const UNKNOWN: z.infer<typeof messageSchema> = { author: { role: "" }, content: {} };

const conversationSchema = z.object({
  id: z.string().nullish(),
  conversation_id: z.string().nullish(),
  title: z.string().nullish(),
  create_time: z.number().nullish(),
  current_node: z.string().nullish(),
  mapping: z.record(
    z.string(),
    z.object({
      parent: z.string().nullish(),
      children: z.array(z.string()).nullish(),
      message: messageSchema.nullish().catch(UNKNOWN),
    }),
  ),
});

type Conversation = z.infer<typeof conversationSchema>;
type ChatMessage = z.infer<typeof messageSchema>;

/** Said by the assistant to its own memory. */
const TO_MEMORY = "bio";
const SHOWN = ["text", "multimodal_text"];

export const fromChatgpt: Source = async function* (files) {
  const remembered = new Set<string>();
  for await (const file of files) {
    if (!file.isOnly && !FILE.test(file.path)) {
      yield skipped(file.path, "holds no conversations");
      continue;
    }
    let number = 0;
    for await (const item of itemsOf(file)) {
      number++;
      if ("reason" in item) yield fault(file.path, item.reason);
      else yield* conversationOf(`${file.path}: ${number}`, item.value, remembered);
    }
  }
};

function* conversationOf(
  where: string,
  value: unknown,
  remembered: Set<string>,
): Generator<Found> {
  const parsed = conversationSchema.safeParse(value);
  if (!parsed.success) return yield fault(where, "has a conversation of another form");
  const conversation = parsed.data;
  const id = conversation.conversation_id ?? conversation.id;
  if (typeof id !== "string") return yield fault(where, "has a conversation without an id");
  const path = pathOf(conversation);
  const messages: Message[] = [];
  const left: Found[] = [];
  for (const [node, { message }] of Object.entries(conversation.mapping)) {
    if (!message || path.has(node)) continue;
    const reason = reasonAgainst(message) ?? "is on a branch that is not shown";
    if (!isOfMemory(message)) left.push(skipped(titled(conversation, id), reason));
  }
  for (const node of path) {
    const message = conversation.mapping[node]?.message;
    if (!message || isOfMemory(message)) continue;
    const reason = reasonAgainst(message);
    if (reason === undefined) messages.push(messageOf(node, message));
    else left.push(skipped(titled(conversation, id), reason));
  }
  const title = conversation.title?.trim() || undefined;
  const at = timeOfSeconds(conversation.create_time);
  yield* memoriesOf({ source: SOURCE, id, title, at, messages });
  yield* rememberedOf(conversation, remembered);
  yield* left;
}

function titled({ title }: Conversation, id: string): string {
  return `${SOURCE} conversation ${title?.trim() || id}`;
}

/** The nodes of the branch that is shown, from the root; no circle holds it up. */
function pathOf({ mapping, current_node }: Conversation): Set<string> {
  const path: string[] = [];
  const seen = new Set<string>();
  const known = new Map(Object.entries(mapping));
  let node: string | null | undefined = current_node && known.has(current_node)
    ? current_node
    : lastLeaf(known);
  while (node && known.has(node) && !seen.has(node)) {
    seen.add(node);
    path.push(node);
    node = known.get(node)?.parent;
  }
  return new Set(path.reverse());
}

/** The newest message that none follows. */
function lastLeaf(known: ReadonlyMap<string, Conversation["mapping"][string]>): string | undefined {
  let last: string | undefined;
  let latest = -Infinity;
  for (const [node, { children, message }] of known) {
    const time = message?.create_time ?? 0;
    if ((children ?? []).length > 0 || time < latest) continue;
    [last, latest] = [node, time];
  }
  return last;
}

/** Why a message is no memory; undefined where it is one. */
function reasonAgainst(message: ChatMessage): string | undefined {
  const { author: { role }, content, metadata, recipient } = message;
  if (message === UNKNOWN) return "is of an unknown form";
  if (metadata?.is_visually_hidden_from_conversation === true) return "is hidden";
  if (role !== "user" && role !== "assistant") return `is of the ${role}`;
  if (recipient && recipient !== "all") return "is said to a tool";
  const type = content.content_type ?? "text";
  if (!SHOWN.includes(type)) return `is ${type.replaceAll("_", " ")}`;
  return textOf(content.parts) === "" ? "has no text" : undefined;
}

function messageOf(node: string, message: ChatMessage): Message {
  const { author, content, create_time, metadata } = message;
  const model = metadata?.model_slug;
  return {
    id: message.id ?? node,
    text: textOf(content.parts),
    at: timeOfSeconds(create_time),
    metadata: { role: author.role, ...(model && { model }) },
  };
}

/** What was spoken is written down in its part; of images there is no word. */
function textOf(parts: readonly unknown[] | null | undefined): string {
  return (parts ?? []).map((part) => {
    if (typeof part === "string") return part;
    const hasText = typeof part === "object" && part !== null && "text" in part;
    return hasText && typeof part.text === "string" ? part.text : "";
  }).filter((text) => text.trim() !== "").join("\n\n");
}

function isOfMemory({ recipient, content }: ChatMessage): boolean {
  return recipient === TO_MEMORY || content.content_type === "user_editable_context" ||
    content.content_type === "model_editable_context";
}

/** Facts about the person, and how they wish to be answered; the same ones stand in many places. */
function* rememberedOf(conversation: Conversation, remembered: Set<string>): Generator<Found> {
  for (const { message } of Object.values(conversation.mapping)) {
    if (!message || !isOfMemory(message)) continue;
    const { content } = message;
    const saved = content.model_set_context ?? textOf(content.parts);
    const facts = [["saved_memory", saved], ["about_me", content.user_profile]] as const;
    const all = [...facts, ["instructions", content.user_instructions]] as const;
    for (const [kind, text] of all) {
      for (const part of partsOf(text?.trim() ?? "")) {
        const id = idOf(SOURCE, kind, part);
        if (remembered.has(id)) continue;
        remembered.add(id);
        yield checked(`${SOURCE} ${kind}`, {
          id,
          content: part,
          memory_type: kind === "instructions" ? "procedural" : "semantic",
          metadata: { source: SOURCE, kind },
          created_at: timeOfSeconds(message.create_time) ??
            timeOfSeconds(conversation.create_time) ?? null,
        });
      }
    }
  }
}
