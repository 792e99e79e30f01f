/**
 * Claude's export of all data: `conversations.json`, what it remembers of the person and of each
 * project in `memories.json`, and the projects with their instructions and documents. Newer exports
 * have files of their own for each project and account, and come as several archives.
 */
import { z } from "zod";
import type { JsonObject } from "../json.ts";
import { memoriesOf, type Message } from "./conversation.ts";
import { itemsOf, wholeItems } from "./json_files.ts";
import { timeOf } from "./note_fields.ts";
import { partsOf } from "./parts.ts";
import {
  checked,
  fault,
  type Found,
  idOf,
  skipped,
  type Source,
  type SourceFile,
} from "./source.ts";

const SOURCE = "claude";
const MEMORIES = /(?:^|\/)memories(?:\/[^/]+)?\.json$/i;
const PROJECTS = /(?:^|\/)projects(?:\/[^/]+)?\.json$/i;
const CONVERSATIONS = /(?:^|\/)conversations(?:-\d+)?\.json$/i;

const messageSchema = z.object({
  uuid: z.string(),
  sender: z.string().nullish(),
  text: z.string().nullish(),
  content: z.array(z.object({ type: z.string().nullish(), text: z.string().nullish() })).nullish(),
  created_at: z.string().nullish(),
  attachments: z.array(z.object({
    file_name: z.string().nullish(),
    extracted_content: z.string().nullish(),
  })).nullish(),
  files: z.array(z.object({ file_name: z.string().nullish() })).nullish(),
});

/** Of a form that no export had yet: what is around it is taken nevertheless. */
const UNKNOWN: z.infer<typeof messageSchema> = { uuid: "" };

const conversationSchema = z.object({
  uuid: z.string(),
  name: z.string().nullish(),
  summary: z.string().nullish(),
  created_at: z.string().nullish(),
  chat_messages: z.array(messageSchema.catch(UNKNOWN)),
});

const memoriesSchema = z.object({
  account_uuid: z.string().nullish(),
  conversations_memory: z.string().nullish(),
  project_memories: z.record(z.string(), z.string()).nullish(),
  memory_files: z.array(z.object({
    path: z.string(),
    content: z.string(),
    updated_at: z.string().nullish(),
  })).nullish(),
});

const projectSchema = z.object({
  uuid: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  prompt_template: z.string().nullish(),
  is_starter_project: z.boolean().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
  docs: z.array(z.object({
    uuid: z.string().nullish(),
    filename: z.string().nullish(),
    content: z.string().nullish(),
    created_at: z.string().nullish(),
  })).nullish(),
});

type ClaudeMessage = z.infer<typeof messageSchema>;

export const fromClaude: Source = async function* (files) {
  for await (const file of files) {
    if (MEMORIES.test(file.path)) yield* each(file, wholeItems(file), remembered);
    else if (PROJECTS.test(file.path)) yield* each(file, wholeItems(file), project);
    else if (file.isOnly || CONVERSATIONS.test(file.path)) {
      yield* each(file, itemsOf(file), conversation);
    } else yield skipped(file.path, "holds nothing to remember");
  }
};

/** `where` tells which of the file's items it is. */
type Read = (value: unknown, where: string, file: SourceFile) => Iterable<Found>;

async function* each(
  file: SourceFile,
  items: ReturnType<typeof itemsOf>,
  read: Read,
): AsyncGenerator<Found> {
  let number = 0;
  for await (const item of items) {
    const where = `${file.path}: ${++number}`;
    if ("reason" in item) {
      yield fault(file.path, item.reason);
      continue;
    }
    let isKnown = false;
    for (const found of read(item.value, where, file)) {
      isKnown = true;
      yield found;
    }
    // Its fields may have other names by now, which is not to pass without a word.
    if (!isKnown) yield skipped(where, "holds nothing that is known");
  }
}

function* conversation(value: unknown, where: string): Generator<Found> {
  const parsed = conversationSchema.safeParse(value);
  if (!parsed.success) return yield fault(where, "has a conversation of another form");
  const { uuid, name, summary, created_at, chat_messages } = parsed.data;
  const title = name?.trim() || undefined;
  const at = timeIn(created_at);
  const messages = chat_messages.flatMap(messagesOf);
  yield* memoriesOf({ source: SOURCE, id: uuid, title, at, messages });
  const shared = { title: title ?? null, conversation_id: uuid };
  yield* textOf(summary, { kind: "summary", ...shared }, at, uuid);
  for (const reason of chat_messages.flatMap(leftOf)) {
    yield skipped(`${SOURCE} conversation ${title ?? uuid}`, reason);
  }
}

/** What of a message is no memory, be it all of it or a block: what a tool made is one. */
function leftOf(message: ClaudeMessage): string[] {
  if (message === UNKNOWN) return ["is of an unknown form"];
  const others = (message.content ?? []).filter(({ type }) => type !== "text");
  if (others.length > 0) {
    return others.map(({ type }) => `is ${(type ?? "of an unknown form").replaceAll("_", " ")}`);
  }
  return messagesOf(message).length > 0 ? [] : ["has no text"];
}

/** What was said, and the text of what was put beside it. */
function messagesOf(message: ClaudeMessage): Message[] {
  const { uuid, sender, created_at } = message;
  const at = timeIn(created_at);
  const role = sender === "human" ? "user" : sender ?? "assistant";
  const attachments = message.attachments ?? [];
  const names = [...attachments, ...(message.files ?? [])].map(({ file_name }) => file_name)
    .filter((name) => typeof name === "string" && name !== "");
  const metadata = { role, ...(names.length > 0 && { files: names.map(String) }) };
  const said = { id: uuid, text: saidIn(message), at, metadata };
  const beside = attachments.map(({ file_name, extracted_content }, index) => ({
    id: `${uuid}/${index}`,
    text: extracted_content ?? "",
    at,
    metadata: { role, kind: "attachment", ...(file_name && { filename: file_name }) },
  }));
  return [said, ...beside].filter(({ text }) => text.trim() !== "");
}

/** The blocks are what is shown; `text` has words in place of what is none, or is all there is. */
function saidIn({ text, content }: ClaudeMessage): string {
  const blocks = (content ?? []).filter(({ type }) => type === "text")
    .map(({ text }) => text ?? "").filter((text) => text.trim() !== "");
  return blocks.length > 0 || (content ?? []).length > 0 ? blocks.join("\n\n") : text ?? "";
}

function* remembered(value: unknown, where: string, file: SourceFile): Generator<Found> {
  const parsed = memoriesSchema.safeParse(value);
  if (!parsed.success) return yield fault(where, "has memories of another form");
  const { account_uuid, conversations_memory, project_memories, memory_files } = parsed.data;
  const at = file.modifiedAt;
  const account = account_uuid ?? "";
  yield* textOf(conversations_memory, { kind: "memory" }, at, account);
  for (const { path, content, updated_at } of memory_files ?? []) {
    const metadata = { kind: "memory_file", filename: path };
    yield* textOf(content, metadata, timeIn(updated_at) ?? at, account, path);
  }
  for (const [id, text] of Object.entries(project_memories ?? {})) {
    yield* textOf(text, { kind: "project_memory", project_id: id }, at, id);
  }
}

function* project(value: unknown, where: string): Generator<Found> {
  const parsed = projectSchema.safeParse(value);
  if (!parsed.success) return yield fault(where, "has a project of another form");
  const { uuid, name, description, prompt_template, created_at, docs } = parsed.data;
  if (parsed.data.is_starter_project === true) {
    return yield skipped(`${SOURCE} project ${name ?? uuid}`, "is an example");
  }
  const at = timeIn(created_at);
  const shared = { project: name ?? null, project_id: uuid };
  const about = description?.trim() ? [name, description].filter(Boolean).join("\n\n") : "";
  yield* textOf(about, { kind: "project", ...shared }, at, uuid);
  yield* textOf(prompt_template, { kind: "instructions", ...shared }, at, uuid);
  for (const [index, { uuid: id, filename, content, created_at }] of (docs ?? []).entries()) {
    const metadata = { kind: "document", ...shared, filename: filename ?? null };
    yield* textOf(content, metadata, timeIn(created_at) ?? at, uuid, id ?? String(index));
  }
}

/** A text that is no message, in parts where it is long; nulls among the metadata say nothing. */
function* textOf(
  text: string | null | undefined,
  metadata: JsonObject,
  at: string | undefined,
  ...names: readonly string[]
): Generator<Found> {
  const kind = String(metadata["kind"]);
  const known = Object.entries(metadata).filter(([, value]) => value !== null);
  for (const [part, content] of partsOf(text?.trim() ?? "").entries()) {
    yield checked(`${SOURCE} ${kind}`, {
      id: idOf(SOURCE, kind, ...names, ...(part > 0 ? [String(part)] : [])),
      content,
      memory_type: kind === "instructions" ? "procedural" : "semantic",
      metadata: { source: SOURCE, ...Object.fromEntries(known) },
      created_at: at ?? null,
    });
  }
}

function timeIn(text: string | null | undefined): string | undefined {
  return timeOf(text ?? undefined);
}
