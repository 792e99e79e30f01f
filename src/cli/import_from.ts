/**
 * `second-brain import --from`: another program's files as the records of an import, with an account
 * of what was left out. What should have been a memory and cannot be one ends it all before anything
 * is written, unless it is to be skipped.
 */
import { type LeftOut, SOURCES } from "../formats.ts";
import { linePieces } from "../lines.ts";
import { sourceFiles } from "./source_files.ts";
import { CommandError, type Terminal } from "./terminal.ts";

/** Of each reason, and of all faults. */
const MOST_SHOWN = 10;
const MOST_REASONS = 50;
/** Whose exports are archives, of which there may be several. */
const IN_ARCHIVES: readonly string[] = ["chatgpt", "claude"];

interface Reason {
  count: number;
  readonly first: string[];
}

export interface ForeignOptions {
  /** What the command line calls the program. */
  readonly from: string;
  readonly path: string;
  readonly skipsFaults: boolean;
  /** In place of the folder's name, by which notes are told from those of other folders. */
  readonly collection?: string | undefined;
}

export class ForeignRecords {
  readonly #options: ForeignOptions;
  readonly #terminal: Pick<Terminal, "readPieces" | "progress">;
  readonly #reasons = new Map<string, Reason>();
  readonly #faults: string[] = [];
  #faultCount = 0;
  #taken = 0;

  constructor(options: ForeignOptions, terminal: Pick<Terminal, "readPieces" | "progress">) {
    this.#options = options;
    this.#terminal = terminal;
  }

  /** As `POST /import` takes them: a record a line. */
  lines(): AsyncGenerator<Uint8Array> {
    return linePieces(this.#records(), "\n");
  }

  async *#records(): AsyncGenerator<string> {
    const { from, path, collection } = this.#options;
    const source = SOURCES[from];
    if (source === undefined) throw new Error(`Cannot import: no source is called ${from}`);
    const { readPieces, progress } = this.#terminal;
    const tell = (where: string, reason: string, isFault = false) =>
      this.#leaveOut({ where, reason, isFault });
    const opensArchives = IN_ARCHIVES.includes(from);
    const files = sourceFiles(path, { readPieces, tell, opensArchives, collection });
    for await (const found of source(files)) {
      if ("leftOut" in found) {
        this.#leaveOut(found.leftOut);
        continue;
      }
      if (++this.#taken % 1_000 === 0) progress?.(`read ${this.#taken} records`);
      yield JSON.stringify(found.record);
    }
    progress?.(`read ${this.#taken} records\n`);
    this.#requireGood();
  }

  #leaveOut(leftOut: LeftOut): void {
    const name = printable(leftOut.where), reason = printable(leftOut.reason);
    if (leftOut.isFault) {
      this.#faultCount++;
      if (this.#faults.length < MOST_SHOWN) this.#faults.push(`${name}: ${reason}`);
      return;
    }
    const key = this.#reasons.has(reason) || this.#reasons.size < MOST_REASONS ? reason : "others";
    const known = this.#reasons.get(key) ?? { count: 0, first: [] };
    this.#reasons.set(key, known);
    known.count++;
    if (known.first.length < MOST_SHOWN && !known.first.includes(name)) known.first.push(name);
  }

  #requireGood(): void {
    const details = this.report().map((line) => `\n${line}`).join("");
    if (this.#faultCount > 0 && !this.#options.skipsFaults) {
      throw new CommandError(
        `Cannot import: ${this.#faultCount} of what should be memories cannot be; ` +
          `nothing was imported (--on-error skip takes the others)${details}`,
      );
    }
    if (this.#taken === 0 && this.#faultCount === 0) {
      throw new CommandError(
        `Cannot import: there is nothing from ${this.#options.from} in it${details}`,
      );
    }
  }

  /** What was left out, and why, for the person at the terminal. */
  report(): string[] {
    const faults = this.#faults.map((text) => `  ${text}`);
    const more = this.#faultCount - faults.length;
    if (more > 0) faults.push(`  and ${more} more`);
    return [
      ...(faults.length > 0 ? ["Not taken:", ...faults] : []),
      ...(this.#reasons.size > 0 ? ["Left out:"] : []),
      ...[...this.#reasons].map(([reason, { count, first }]) => {
        const names = count > first.length ? [...first, "…"] : first;
        return `  ${count} x ${reason} (${names.join(", ")})`;
      }),
    ];
  }
}

/** It comes from others, and may hold what a terminal obeys. */
function printable(text: string): string {
  return text.slice(0, 200).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}
