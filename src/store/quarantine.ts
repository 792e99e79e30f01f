/**
 * Keeps every byte that could not be used, with a note that says why, so that a person can look at
 * it later. Torn tails come with every crash: only the newest are kept.
 */
import { crc32 } from "node:zlib";
import type { RecoveryNote } from "../store.ts";
import { type FileSystem, readPieces, writeAll } from "./fs.ts";

const TORN_TAILS_KEPT = 20;

export class Quarantine {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #now: () => string;

  constructor(fs: FileSystem, folder: string, now: () => string) {
    this.#fs = fs;
    this.#folder = folder;
    this.#now = now;
  }

  /** Keeps a whole file as it stands; returns its name under the data folder. */
  async keepFile(path: string, note: Omit<RecoveryNote, "quarantine">): Promise<string> {
    let sum = 0;
    for await (const piece of readPieces(this.#fs, path)) sum = crc32(piece, sum);
    const { kept, known } = await this.#nameFor(note, sum);
    if (known !== undefined) return `quarantine/${known}`;
    await this.#fs.makeFolder(this.#folder);
    const to = `${this.#folder}/${kept}`;
    try {
      await this.#fs.link(path, to);
    } catch {
      await this.#copy(path, to); // A file system without links.
    }
    await this.#writeNote(to, note);
    return `quarantine/${kept}`;
  }

  /** Keeps the bytes of a write that a crash cut short. */
  async keepTail(bytes: Uint8Array, note: Omit<RecoveryNote, "quarantine">): Promise<string> {
    const { kept, known } = await this.#nameFor(note, crc32(bytes));
    if (known !== undefined) return `quarantine/${known}`;
    await this.#fs.makeFolder(this.#folder);
    const to = `${this.#folder}/${kept}`;
    await this.#write(to, bytes);
    await this.#writeNote(to, note);
    await this.#prune();
    return `quarantine/${kept}`;
  }

  /** The same bytes met again at the next start are kept once, and other bytes beside them. */
  async #nameFor(note: Omit<RecoveryNote, "quarantine">, sum: number) {
    const base = note.file.replaceAll("/", "-");
    const name = `${base}.${sum.toString(16).padStart(8, "0")}.${note.kind}`;
    const known = (await this.#fs.list(this.#folder)).find((entry) => entry.endsWith(name));
    return { kept: `${stamp(this.#now())}-${name}`, known };
  }

  async #prune(): Promise<void> {
    const tails = (await this.#fs.list(this.#folder)).filter((name) => name.endsWith(".torn_tail"));
    for (const name of tails.slice(0, -TORN_TAILS_KEPT)) {
      await this.#fs.remove(`${this.#folder}/${name}`);
      await this.#fs.remove(`${this.#folder}/${name}.json`);
    }
  }

  async #writeNote(to: string, note: Omit<RecoveryNote, "quarantine">): Promise<void> {
    const text = JSON.stringify({ ...note, at: this.#now() }) + "\n";
    await this.#write(`${to}.json`, new TextEncoder().encode(text));
    await this.#fs.syncFolder(this.#folder);
  }

  async #copy(from: string, to: string): Promise<void> {
    const file = await this.#fs.create(to);
    try {
      for await (const piece of readPieces(this.#fs, from)) await writeAll(file, piece);
      await file.sync();
    } finally {
      file.close();
    }
  }

  async #write(to: string, bytes: Uint8Array): Promise<void> {
    await this.#fs.remove(to);
    const file = await this.#fs.create(to);
    try {
      await writeAll(file, bytes);
      await file.sync();
    } finally {
      file.close();
    }
  }
}

/** A time as a file name: `2026-01-31T12:00:00.000Z` becomes `20260131T120000000Z`. */
function stamp(time: string): string {
  return time.replaceAll(/[-:.]/g, "");
}
