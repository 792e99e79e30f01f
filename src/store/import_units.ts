/** Replay's side of `StagedImport`: many records of the journal that count as one, or not at all. */
import { endOf, ImportTelling, type Place, type Position, type Step, stepOf } from "../history.ts";
import type { Change } from "../memory.ts";
import type { DurableState, RecoveryNote } from "../store.ts";
import type { JournalRecord } from "./codec.ts";

/** Where a record stands that is to be written again elsewhere. */
const NOWHERE: Position = { seq: 0, sum: 0 };

/** Of the records that are to be written again, the last that tells something. */
export interface CarriedPlace {
  /** Counted from 0. */
  readonly index: number;
  /** The last place in what it tells. */
  readonly place: number;
}

/** Holds back what an import staged until its commit comes by. */
export class ImportUnits {
  readonly #state: DurableState;
  readonly #notes: RecoveryNote[];
  #unit: string | undefined;
  #changes: Change[] = [];
  #file = "";
  /** The last place of what was told. */
  told: Place | undefined;
  toldOfCarried: CarriedPlace | undefined;
  #carried = 0;

  constructor(state: DurableState, notes: RecoveryNote[]) {
    this.#state = state;
    this.#notes = notes;
  }

  /** `at` is left out for what is to be written again elsewhere. */
  apply(record: JournalRecord, file: string, at?: Position): void {
    if (record.op === "stage") this.#stage(record.unit, record.changes, file);
    else if (record.op === "commit") this.#commit(record.unit, record.count, file, at);
    else {
      this.#state.apply(record);
      this.#tell(stepOf(record, at ?? NOWHERE), at);
    }
    if (at === undefined) this.#carried++;
  }

  #tell(step: Step | undefined, at: Position | undefined): void {
    if (step === undefined) return;
    if (at !== undefined) this.told = endOf(step);
    else this.toldOfCarried = { index: this.#carried, place: step.types.length };
  }

  #stage(unit: string, changes: readonly Change[], file: string): void {
    if (unit !== this.#unit) this.end();
    this.#unit = unit;
    this.#file = file;
    for (const change of changes) this.#changes.push(change);
  }

  #commit(unit: string, count: number, file: string, at: Position | undefined): void {
    const changes = unit === this.#unit ? this.#changes : [];
    if (changes.length !== count) {
      const detail = `an import of ${count} changes has only ${changes.length} readable ones`;
      this.#notes.push({ kind: "damage", file, detail });
    }
    const telling = new ImportTelling();
    for (const change of changes) {
      this.#state.apply(change);
      telling.add(change);
    }
    this.#tell(telling.stepAt(at ?? NOWHERE), at);
    this.#unit = undefined;
    this.#changes = [];
  }

  /** What has no commit never happened: all of it is let go. */
  end(): void {
    if (this.#unit === undefined) return;
    const detail = `an import of ${this.#changes.length} changes was cut off before its end`;
    this.#notes.push({ kind: "rolled_back_import", file: this.#file, detail });
    this.#unit = undefined;
    this.#changes = [];
  }
}
