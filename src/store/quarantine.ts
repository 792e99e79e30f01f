/**
 * Keeps every byte that could not be used, with a note that says why, so that a person can look at
 * it later. Torn tails come with every crash: only the newest are kept.
 *
 *     20260131T120000000Z-journal-000007.log.51a6b2a0.damage        the bytes
 *     20260131T120000000Z-journal-000007.log.51a6b2a0.damage.json   the note
 *
 * A note of damage stands for a warning that stays up over restarts. Once a person has seen it, it
 * is called `….damage.acknowledged.json`, and the same damage met again is known.
 */
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Damage, RecoveryNote } from "../store.ts";
import { type FileSystem, readPieces, writeAll } from "./fs.ts";

const TORN_TAILS_KEPT = 20;
const MAX_NOTE_BYTES = 64 * 1024;

const NOTE = ".json", SEEN = ".acknowledged.json", OPEN_DAMAGE = `.damage${NOTE}`;

/** What of a note is shown; whatever is not there is told from its name. */
const noteSchema = z.object({
  file: z.string().optional(),
  detail: z.string().optional(),
  at: z.string().optional(),
});

type Note = Omit<RecoveryNote, "quarantine">;

export class Quarantine {
  readonly #fs: FileSystem;
  readonly folder: string;
  readonly #now: () => string;

  constructor(fs: FileSystem, folder: string, now: () => string) {
    this.#fs = fs;
    this.folder = folder;
    this.#now = now;
  }

  /** Keeps a whole file as it stands; returns its name under the data folder. */
  async keepFile(path: string, note: Note): Promise<string> {
    let sum = 0;
    for await (const piece of readPieces(this.#fs, path)) sum = crc32(piece, sum);
    return await this.#keep(note, sum, async (to) => {
      try {
        await this.#fs.link(path, to);
      } catch {
        await this.#copy(path, to); // A file system without links.
      }
    });
  }

  /** Keeps the bytes of a write that a crash cut short. */
  async keepTail(bytes: Uint8Array, note: Note): Promise<string> {
    const kept = await this.#keep(note, crc32(bytes), (to) => this.#write(to, bytes));
    await this.#prune();
    return kept;
  }

  /** Keeps a note of what has no bytes, such as a missing file. */
  async keepNote(note: Note): Promise<void> {
    await this.#keep(note, crc32(new TextEncoder().encode(note.detail)), () => Promise.resolve());
  }

  /** The same bytes met again at the next start are kept once, and other bytes beside them. */
  async #keep(note: Note, sum: number, put: (to: string) => Promise<void>): Promise<string> {
    const base = note.file.replaceAll("/", "-");
    const name = `${base}.${sum.toString(16).padStart(8, "0")}.${note.kind}`;
    const names = await this.#fs.list(this.folder);
    const known = names.find((entry) => entry.endsWith(name + NOTE) || entry.endsWith(name + SEEN));
    if (known !== undefined && await this.#isNote(known)) {
      return `quarantine/${known.slice(0, known.lastIndexOf(name) + name.length)}`;
    }
    const kept = `${stamp(this.#now())}-${name}`;
    await this.#fs.makeFolder(this.folder);
    // What a crash cut off: the note is written last.
    for (const entry of names) {
      if (entry.endsWith(name) || entry === known) await this.#fs.remove(`${this.folder}/${entry}`);
    }
    await put(`${this.folder}/${kept}`);
    await this.#fs.syncFolder(this.folder); // No note without its bytes.
    await this.#writeNote(`${this.folder}/${kept}`, note);
    return `quarantine/${kept}`;
  }

  /** Damage that nobody has acknowledged, newest first. */
  async damage(most: number): Promise<Damage[]> {
    const names = await this.#fs.list(this.folder);
    const open = names.filter((name) => name.endsWith(OPEN_DAMAGE)).toReversed();
    const found: Damage[] = [];
    for (const name of open.slice(0, most)) {
      const kept = name.slice(0, -NOTE.length);
      const { file = kept, detail = "its note cannot be read", at = this.#now() } = await this
        .#readNote(name);
      const quarantine = names.includes(kept) ? `quarantine/${kept}` : null;
      found.push({ file, detail, quarantine, at });
    }
    return found;
  }

  /** The notes of damage stay, under a name by which they count no more. */
  async acknowledge(): Promise<void> {
    const names = await this.#fs.list(this.folder);
    const open = names.filter((name) => name.endsWith(OPEN_DAMAGE));
    for (const name of open) {
      const path = `${this.folder}/${name}`;
      await this.#fs.rename(path, path.slice(0, -NOTE.length) + SEEN);
    }
    if (open.length > 0) await this.#fs.syncFolder(this.folder);
  }

  async #isNote(name: string): Promise<boolean> {
    return name.endsWith(SEEN) || (await this.#readNote(name)).file !== undefined;
  }

  /** Of a note that a crash cut off, or that a person wrote, whatever can be used. */
  async #readNote(name: string): Promise<z.infer<typeof noteSchema>> {
    const path = `${this.folder}/${name}`;
    if (await this.#fs.size(path) === undefined) return {};
    let text = "";
    const decoder = new TextDecoder();
    for await (const piece of readPieces(this.#fs, path, MAX_NOTE_BYTES)) {
      text += decoder.decode(piece, { stream: true });
    }
    try {
      return noteSchema.parse(JSON.parse(text));
    } catch {
      return {}; // Its name says enough: there is damage.
    }
  }

  async #prune(): Promise<void> {
    const tails = (await this.#fs.list(this.folder)).filter((name) => name.endsWith(".torn_tail"));
    for (const name of tails.slice(0, -TORN_TAILS_KEPT)) {
      await this.#fs.remove(`${this.folder}/${name}`);
      await this.#fs.remove(`${this.folder}/${name}.json`);
    }
  }

  async #writeNote(to: string, note: Note): Promise<void> {
    const text = JSON.stringify({ ...note, at: this.#now() }) + "\n";
    await this.#write(`${to}.json`, new TextEncoder().encode(text));
    await this.#fs.syncFolder(this.folder);
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
