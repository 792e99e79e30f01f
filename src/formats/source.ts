/**
 * What every format of another program gives: records for an import, one after the other, and what
 * was left out and why. Ids come from the source's own names, so that bringing the same thing in
 * twice makes nothing twice.
 */
import { v5 } from "uuid";
import { parseImportRecord } from "../import_record.ts";
import type { JsonObject } from "../json.ts";
import { joinBytes } from "../lines.ts";

/** One file of what is imported: of a folder, of an archive, or by itself. */
export interface SourceFile {
  /** Below what is imported, with slashes; a name to tell people, never one to open. */
  readonly path: string;
  /** What it is imported with: the name of the folder, of the archive, or of a single file's folder. */
  readonly collection: string;
  /** RFC 3339, where it is known. */
  readonly modifiedAt: string | undefined;
  /** Never behind `modifiedAt`, as it is for a file that was copied. */
  readonly createdAt: string | undefined;
  /** It was named by itself, so it is what is meant, whatever it is called. */
  readonly isOnly: boolean;
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

export interface LeftOut {
  /** Which file, or which part of it. */
  readonly where: string;
  readonly reason: string;
  /** It should have been a memory, and cannot be: by default, that ends the import. */
  readonly isFault: boolean;
}

export type Found = { readonly record: JsonObject } | { readonly leftOut: LeftOut };

export type Source = (files: AsyncIterable<SourceFile>) => AsyncGenerator<Found>;

/** Ids of this kind of source are below it (RFC 9562, version 5). */
const NAMESPACE = "7f0c2f5e-5d0b-4c39-9a52-0e3d4bb0a7c1";

/** Always the same for the same thing. */
export function idOf(source: string, ...names: readonly string[]): string {
  return v5(JSON.stringify([source, ...names]), NAMESPACE);
}

/** A record, if it is fit to be one. */
export function checked(where: string, record: JsonObject): Found {
  const parsed = parseImportRecord(record, undefined);
  if ("record" in parsed) return { record };
  const { path, reason } = parsed.fault;
  return fault(where, [path.map(String).join("."), reason].join(" ").trim());
}

export function fault(where: string, reason: string): Found {
  return { leftOut: { where, reason, isFault: true } };
}

export function skipped(where: string, reason: string): Found {
  return { leftOut: { where, reason, isFault: false } };
}

/** The file as text, without a byte order mark; or why it cannot be had. */
export async function readText(
  file: SourceFile,
  mostBytes: number,
): Promise<{ readonly text: string } | { readonly reason: string }> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of file.pieces()) {
    bytes += piece.length;
    if (bytes > mostBytes) return { reason: `is larger than ${mostBytes} bytes` };
    parts.push(piece);
  }
  const text = textOf(parts);
  return text === undefined ? NOT_UTF_8 : { text };
}

export const NOT_UTF_8 = { reason: "is not UTF-8" } as const;

/** Undefined where it is not UTF-8: letters would be lost without a word. */
export function textOf(parts: readonly Uint8Array[]): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(joinBytes(parts));
  } catch {
    return undefined;
  }
}

/** RFC 3339 of what is a time as seconds since 1970; undefined for anything else. */
export function timeOfSeconds(seconds: unknown): string | undefined {
  if (typeof seconds !== "number" || !(seconds > 0 && seconds < 253_402_300_800)) return undefined;
  return new Date(Math.round(seconds * 1000)).toISOString();
}
