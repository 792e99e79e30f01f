/** The journal being written: numbers the records, and goes on in a new file when asked to. */
import { type Clock, timestamp } from "../clock.ts";
import { joinBytes } from "../lines.ts";
import { Pace } from "../pace.ts";
import { diskFull, isNoSpace } from "./disk_errors.ts";
import type { DataFolder } from "./folder.ts";
import { beginGeneration, encodeLine, type JournalWriter } from "./journal.ts";
import type { Recovered } from "./recovery.ts";
import type { SnapshotMark } from "./snapshot.ts";

export class ActiveJournal {
  readonly #folder: DataFolder;
  readonly #clock: Clock;
  readonly #version: string;
  #writer: JournalWriter | undefined;
  #seq = 0;
  #lastGeneration = 0;

  constructor(folder: DataFolder, clock: Clock, version: string) {
    this.#folder = folder;
    this.#clock = clock;
    this.#version = version;
  }

  /** Never appends behind what a crash may have torn: every start begins a file of its own. */
  async begin({ lastSeq, nextGeneration, last, carried }: Recovered): Promise<void> {
    this.#seq = lastSeq;
    const lines = await this.#encode(carried);
    this.#writer = await this.#newFile(nextGeneration, last, lines);
    this.#seq += carried.length;
  }

  /** Goes on in a new file; everything written before is durable and must be applied. */
  async rotate(): Promise<SnapshotMark> {
    const old = this.#open();
    // Also after a failed try a number is not used twice: something may lie under it.
    const generation = Math.max(old.generation, this.#lastGeneration) + 1;
    this.#lastGeneration = generation;
    this.#writer = await this.#newFile(generation, old);
    old.close();
    return { generation, lastSeq: this.#seq };
  }

  #newFile(
    generation: number,
    previous: Recovered["last"],
    carried?: Uint8Array,
  ): Promise<JournalWriter> {
    const at = timestamp(this.#clock);
    const header = { generation, previous, at, version: this.#version };
    return beginGeneration(this.#folder, header, this.#seq, carried);
  }

  /**
   * Durable on return, which tells the bytes it took. Throws `insufficient_storage` where nothing
   * happened, and anything else where nobody knows: then this file must not be written to again.
   */
  async append(records: readonly string[]): Promise<number> {
    const writer = this.#open();
    const bytes = await this.#encode(records);
    const before = this.#seq;
    this.#seq += records.length; // Also where it fails: those numbers may be on disk.
    try {
      await writer.write(bytes);
    } catch (error) {
      await writer.rollBack();
      if (!isNoSpace(error)) throw error;
      this.#seq = before;
      throw diskFull();
    }
    try {
      await writer.sync(bytes.length);
    } catch (error) {
      // The kernel may hold on to bytes that it will never write. Were we killed now, the next
      // process would read them, answer by them, and lose them with the power.
      await writer.cut().catch(() => {}); // Best effort: the disk is failing.
      throw error;
    }
    return bytes.length;
  }

  /** In slices: a batch may be twelve megabytes, which is too long for one turn. */
  async #encode(records: readonly string[]): Promise<Uint8Array> {
    const lines: Uint8Array[] = [], pace = new Pace();
    for (const [place, json] of records.entries()) {
      lines.push(encodeLine(this.#seq + 1 + place, json, place));
      if (pace.due) await pace.breathe();
    }
    return joinBytes(lines);
  }

  #open(): JournalWriter {
    if (this.#writer === undefined) throw new Error("Cannot write: the journal is not open");
    return this.#writer;
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }
}
