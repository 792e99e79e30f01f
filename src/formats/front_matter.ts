/**
 * Front matter: YAML between two lines of `---` at the head of a Markdown file. What stands behind
 * the second is the body, byte for byte. Pure.
 */
import { parseDocument, type Scalar, stringify, visit } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";

/** Lines of `---`, with nothing but blanks behind it. No `^`: for that, other signs end lines, too. */
const OPENING = /^---[ \t]*\r?\n/;
const CLOSING = /(?<=\n)---[ \t]*(?:\r?\n|$)/g;

export interface Note {
  /** Undefined where there is no front matter. */
  readonly fields: JsonObject | undefined;
  readonly body: string;
}

/** The file of these fields, with this text behind them. */
export function noteText(fields: JsonObject, body: string): string {
  // Lines are not folded, and nothing is written once and referred to: it is for people to edit.
  const options = { lineWidth: 0, aliasDuplicateObjects: false } as const;
  return `---\n${stringify(fields, options)}---\n${body}`;
}

/** Undefined where what looks like front matter is no YAML. */
export function parseNote(text: string): Note | undefined {
  const opening = OPENING.exec(text)?.[0];
  if (opening === undefined) return { fields: undefined, body: text };
  CLOSING.lastIndex = opening.length;
  const closing = CLOSING.exec(text);
  if (closing === null) return { fields: undefined, body: text };
  const yaml = text.slice(opening.length, closing.index);
  const fields = parsed(yaml);
  if (fields === undefined) return undefined;
  // Two rules across the page, with anything between them, or with nothing.
  if (!isJsonObject(fields) && fields !== null) return { fields: undefined, body: text };
  return { fields: fields ?? {}, body: text.slice(closing.index + closing[0].length) };
}

function parsed(yaml: string): JsonValue | undefined {
  const document = parseDocument(yaml, { logLevel: "error" });
  if (document.errors.length > 0) return undefined;
  visit(document, {
    Scalar(_, scalar) {
      if (isChanged(scalar)) scalar.value = scalar.source;
    },
  });
  try {
    return plain(document.toJS());
  } catch {
    return undefined;
  }
}

/** A number of a telephone or a version, and what JSON has no word for, are kept as written. */
function isChanged({ value, source }: Scalar): boolean {
  if (typeof value === "number") return String(value) !== source;
  return typeof value === "object" && value !== null;
}

function plain(value: unknown): JsonValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Set) return [...value].map(plain);
  const members = value instanceof Map ? [...value] : Object.entries(value);
  // Not by assignment, which takes `__proto__` for something else.
  return Object.fromEntries(
    members.map(([key, member]) => [String(key).toWellFormed(), plain(member)]),
  );
}
