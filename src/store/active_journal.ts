/** The journal being written: numbers the records, and goes on in a new file when asked to. */
import { type Clock, timestamp } from "../clock.ts";
import type { Place, Position } from "../history.ts";
import { joinBytes } from "../lines.ts";
import { Pace } from "../pace.ts";
import { diskFull, isNoSpace } from "./disk_errors.ts";
import type { DataFolder } from "./folder.ts";
import {
  beginGeneration,
  encodeLine,
  type GenerationStart,
  type JournalEnd,
  type JournalWriter,
  sumOf,
} from "./journal.ts";
import { positionIn } from "./record_position.ts";
import type { Recovered } from "./recovery.ts";
import type { SnapshotMark } from "./snapshot.ts";

export class ActiveJournal {
  readonly #folder: DataFolder;
  readonly #clock: Clock;
  readonly #version: string;
  #writer: JournalWriter | undefined;
  #seq = 0;
  #lastGeneration = 0;
  #began: JournalEnd | undefined;

  constructor(folder: DataFolder, clock: Clock, version: string) {
    this.#folder = folder;
    this.#clock = clock;
    this.#version = version;
  }

  /**
   * Never appends behind what a crash may have torn: every start begins a file of its own. Returns
   * the last place of what was told before it and by what is carried over, or one behind it.
   */
  async begin(found: Recovered): Promise<Place> {
    const { lastSeq, lastSum, nextGeneration, last, carried } = found;
    this.#seq = lastSeq;
    const { lines, sums } = await this.#encode(carried);
    const unbroken = !found.notes.some(({ kind }) => kind === "damage" || kind === "hand_edited");
    const told = found.told ?? { seq: lastSeq + 1, place: 0, sum: lastSum };
    const said = unbroken ? { told } : { unbroken };
    this.#writer = await this.#newFile(nextGeneration, last, said, lines);
    this.#seq += carried.length;
    const { generation, bytes, headerSum } = this.#writer;
    this.#began = { generation, bytes };
    const carriedPlace = found.toldOfCarried;
    if (carriedPlace !== undefined) {
      const { index, place } = carriedPlace;
      const at = positionIn(headerSum, { seq: lastSeq + 1 + index, sum: sums[index] ?? 0 });
      return { ...at, place };
    }
    // Where history is broken: as `toldBefore` has it.
    return unbroken ? told : { seq: lastSeq + 1, place: 0, sum: headerSum };
  }

  /** The file that the start began, and how much of it was there from the beginning. */
  get began(): JournalEnd | undefined {
    return this.#began;
  }

  /** Goes on in a new file; everything written before is durable and must be applied, and told. */
  async rotate(told: Place | undefined): Promise<SnapshotMark> {
    const old = this.#open();
    // Also after a failed try a number is not used twice: something may lie under it.
    const generation = Math.max(old.generation, this.#lastGeneration) + 1;
    this.#lastGeneration = generation;
    this.#writer = await this.#newFile(generation, old, { told });
    old.close();
    return { generation, lastSeq: this.#seq };
  }

  #newFile(
    generation: number,
    previous: JournalEnd | undefined,
    said: Pick<GenerationStart, "told" | "unbroken"> = {},
    carried?: Uint8Array,
  ): Promise<JournalWriter> {
    const at = timestamp(this.#clock);
    const header = { ...said, generation, previous, at, version: this.#version };
    return beginGeneration(this.#folder, header, this.#seq, carried);
  }

  /**
   * Durable on return, which tells the bytes it took, and where the records stand. Throws
   * `insufficient_storage` where nothing happened, and anything else where nobody knows: then this
   * file must not be written to again.
   */
  async append(
    records: readonly string[],
  ): Promise<{ readonly bytes: number; readonly positions: readonly Position[] }> {
    const writer = this.#open();
    const { lines: bytes, sums } = await this.#encode(records);
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
    const positions = sums.map((sum, place) =>
      positionIn(writer.headerSum, { seq: before + 1 + place, sum })
    );
    return { bytes: bytes.length, positions };
  }

  /** In slices: a batch may be twelve megabytes, which is too long for one turn. */
  async #encode(records: readonly string[]) {
    const lines: Uint8Array[] = [], sums: number[] = [], pace = new Pace();
    for (const [place, json] of records.entries()) {
      const line = encodeLine(this.#seq + 1 + place, json, place);
      lines.push(line);
      sums.push(sumOf(line));
      if (pace.due) await pace.breathe();
    }
    return { lines: joinBytes(lines), sums };
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
