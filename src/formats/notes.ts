/**
 * Markdown files as memories: those of our own export as they were, byte for byte; anybody else's
 * notes with their title, their tags and their dates. An Obsidian vault has tags within the text as
 * well, and folders that are not notes.
 */
import { isJsonObject, type JsonObject } from "../json.ts";
import { parseNote } from "./front_matter.ts";
import { ownRecord } from "./markdown.ts";
import { fitTags, type NoteFields, noteFields, tagsOf, timeOf } from "./note_fields.ts";
import { partsOf } from "./parts.ts";
import {
  checked,
  fault,
  type Found,
  idOf,
  readText,
  skipped,
  type Source,
  type SourceFile,
} from "./source.ts";

/** More than a memory's text, front matter and vector can have. */
const MOST_BYTES = 4 * 1024 * 1024;
const NOTE = /\.(?:md|markdown)$/i;
const OWN_ID = /^id: *["']?[0-9a-f]{8}-[0-9a-f-]{27}/m;
const DAY_NAME = /^\d{4}-\d\d-\d\d$/;
/** Code in a text may have signs that are no tags. */
const CODE = /^(`{3,9}|~{3,9})[^]*?^\1|`[^`\n]*`/gm;
/** A letter, or a line, at least: `#1` is a number. */
const INLINE_TAG = /(?<![^\s])#([\p{L}\p{M}\p{N}_/-]*[\p{L}\p{M}_/-][\p{L}\p{M}\p{N}_/-]*)/gu;
const MOST_LINKS = 200;
/** In a table, the sign before what is shown has a backslash. */
const LINK = /\[\[([^\]|#\n\\]{1,200})(?:#[^\]|\n]{0,500})?(?:\\?\|[^\]\n]{0,500})?\]\]/g;

const RESERVED: readonly string[] = [
  ...["source", "vault", "path", "part", "parts", "thread_id", "links"],
  ...["graph", "front_matter"],
];

export const fromMarkdown: Source = (files) => notesOf(files, "markdown");
export const fromObsidian: Source = (files) => notesOf(files, "obsidian");

type Kind = "markdown" | "obsidian";

async function* notesOf(files: AsyncIterable<SourceFile>, kind: Kind): AsyncGenerator<Found> {
  for await (const file of files) {
    if (file.isOnly || NOTE.test(file.path)) yield* readNote(file, kind);
    else yield skipped(file.path, "is no Markdown");
  }
}

async function* readNote(file: SourceFile, kind: Kind): AsyncGenerator<Found> {
  const read = await readText(file, MOST_BYTES);
  if ("reason" in read) return yield fault(file.path, read.reason);
  const { text } = read;
  const note = parseNote(text);
  if (note === undefined) {
    // With its id lost, it would come in as another memory.
    if (OWN_ID.test(text)) return yield fault(file.path, "its front matter is not YAML");
    yield skipped(file.path, "has front matter that is no YAML: it stays in the text");
  }
  const own = note === undefined ? undefined : ownRecord(note);
  if (own !== undefined) {
    // A vault may be anybody's, and a form of ours is easily forged.
    yield kind === "obsidian" && isOfAssistants(own)
      ? skipped(
        file.path,
        "is what an assistant keeps: --from markdown takes it, of your own export",
      )
      : checked(file.path, own);
  } else yield* foreignNote(file, kind, note ?? { fields: undefined, body: text });
}

/** A file of Claude's memory, or a part of the graph. */
function isOfAssistants({ metadata }: JsonObject): boolean {
  return isJsonObject(metadata) &&
    (Object.hasOwn(metadata, "graph") || metadata["source"] === "claude-memory");
}

function* foreignNote(
  file: SourceFile,
  kind: Kind,
  { fields, body }: { readonly fields: JsonObject | undefined; readonly body: string },
): Generator<Found> {
  const parts = partsOf(body.replace(/^(?:[ \t]*\r?\n)+/, "").trimEnd());
  if (parts.length === 0) return yield skipped(file.path, "is empty");
  const known = noteFields(fields ?? {});
  const title = file.path.replace(/^.*\//, "").replace(NOTE, "");
  const day = DAY_NAME.test(title) ? timeOf(title) : undefined;
  const created = known.created ?? day ?? known.updated ?? file.createdAt;
  const updated = known.updated ?? later(file.modifiedAt, created);
  // Another folder's notes may have the same names; what comes by a pipe has none.
  const names = file.collection === "" ? [body] : [file.collection, file.path];
  const links = kind === "obsidian" ? linksOf(body) : [];
  for (const [index, content] of parts.entries()) {
    const number = parts.length > 1 ? { part: index + 1, parts: parts.length } : {};
    const thread = parts.length > 1 ? { thread_id: idOf(kind, ...names) } : {};
    const vault = kind === "obsidian" ? { vault: file.collection } : {};
    const metadata = { source: kind, ...vault, path: file.path, title, ...number, ...thread };
    yield checked(file.path, {
      id: idOf(kind, ...names, ...(index > 0 ? [String(index)] : [])),
      content,
      memory_type: known.memory_type ?? null,
      importance_score: known.importance_score ?? null,
      tags: fitTags([...known.tags, ...(kind === "obsidian" ? inlineTags(content) : [])]),
      metadata: { ...metadata, ...(links.length > 0 && { links }), ...othersOf(known) },
      created_at: created ?? null,
      updated_at: updated ?? null,
    });
  }
}

/** A note has no say in what the memory is to this service, nor in where it is from. */
function othersOf({ others }: NoteFields): JsonObject {
  const { source, ...rest } = others;
  const isAddress = typeof source === "string" && /^https?:/i.test(source);
  // Where a page was cut out from, as those who cut it out say it.
  const all = isAddress && !Object.hasOwn(rest, "source_url")
    ? { ...rest, source_url: source }
    : others;
  const aside = Object.entries(all).filter(([name]) => RESERVED.includes(name));
  if (aside.length === 0) return all;
  const free = Object.entries(all).filter(([name]) => !RESERVED.includes(name));
  return { ...Object.fromEntries(free), front_matter: Object.fromEntries(aside) };
}

/** RFC 3339 times compare as strings. */
function later(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b !== undefined && b > a ? b : a;
}

function inlineTags(text: string): string[] {
  const found = text.replace(CODE, " ").matchAll(INLINE_TAG);
  return tagsOf([...found].map(([, tag = ""]) => tag));
}

/** The notes that this one speaks of, once each. */
function linksOf(text: string): string[] {
  const found = text.replace(CODE, " ").matchAll(LINK);
  return [...new Set([...found].map(([, name = ""]) => name.trim()))].slice(0, MOST_LINKS);
}
