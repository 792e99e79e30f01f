/** The quantised vectors of some memories, all of one length. */
import type { NewKernel } from "./kernel.ts";
import { Members } from "./members.ts";
import { Quantiser } from "./quantiser.ts";
import { Rows } from "./rows.ts";
import { Scores } from "./scores.ts";

/** A vector and 1 / its length. */
export interface Measured {
  readonly vector: Float32Array;
  readonly inverseLength: number;
}

export class Holding {
  readonly quantiser: Quantiser;
  readonly rows: Rows;
  readonly members = new Members();
  #scores: Scores | undefined;

  constructor(dimensions: number, newKernel: NewKernel) {
    this.quantiser = new Quantiser(dimensions, newKernel);
    this.rows = new Rows(this.quantiser, newKernel);
  }

  get bytes(): number {
    const scores = this.#scores?.bytes ?? 0;
    return this.quantiser.bytes + this.rows.bytes + this.members.bytes + scores;
  }

  /** Empty scores for a search, which brings them back: they are large, and soon wanted again. */
  borrowScores(): Scores {
    const scores = this.#scores ?? new Scores(this.members.slotLimit);
    this.#scores = undefined;
    return scores;
  }

  giveBack(scores: Scores): void {
    scores.clear();
    this.#scores = scores;
  }

  /** Adds or replaces a memory, and names each slot whose rows are others now. */
  put(id: string, vectors: readonly Measured[], changed: (slot: number) => void): void {
    this.remove(id, changed);
    const slot = this.members.add(id);
    for (const { vector, inverseLength } of vectors) {
      this.rows.push(this.quantiser.quantise(vector, inverseLength));
      this.members.pushRow(slot);
    }
    changed(slot);
  }

  /** Forgets a memory, and names each slot whose rows are others now. */
  remove(id: string, changed: (slot: number) => void): void {
    const slot = this.members.slotOf(id);
    if (slot === undefined) return;
    for (let row = this.members.rowAt(slot); row !== undefined; row = this.members.rowAt(slot)) {
      this.rows.drop(row);
      changed(this.members.dropRow(row));
    }
    this.members.remove(slot);
    changed(slot);
  }
}
