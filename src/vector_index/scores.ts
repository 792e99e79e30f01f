/** The best cosine of each memory that a scan looked at closely. */
import { resized } from "../typed_arrays.ts";

/** Cosines are told apart by so many steps where a place is looked for. */
const STEPS = 8192;

export class Scores {
  /** Slot -> cosine; NaN where there is none. */
  #cosines: Float64Array<ArrayBuffer>;
  /** The slots that have one; after a deletion also others, or twice. */
  #slots: number[] = [];
  #isTidy = true;

  constructor(slotLimit: number) {
    this.#cosines = new Float64Array(slotLimit).fill(NaN);
  }

  get bytes(): number {
    return this.#cosines.byteLength;
  }

  /** In the order they came. */
  get slots(): readonly number[] {
    if (!this.#isTidy) {
      this.#slots = [...new Set(this.#slots)].filter((slot) => !Number.isNaN(this.get(slot)));
      this.#isTidy = true;
    }
    return this.#slots;
  }

  get(slot: number): number {
    return this.#cosines[slot] ?? NaN;
  }

  /** Keeps the greater one. */
  offer(slot: number, cosine: number): void {
    if (!(cosine <= this.get(slot))) this.set(slot, cosine);
  }

  set(slot: number, cosine: number): void {
    if (slot >= this.#cosines.length) {
      this.#cosines = resized(this.#cosines, new Float64Array(2 * slot + 1).fill(NaN));
    }
    if (Number.isNaN(this.get(slot))) this.#slots.push(slot);
    this.#cosines[slot] = cosine;
  }

  delete(slot: number): void {
    if (Number.isNaN(this.get(slot))) return;
    this.#cosines[slot] = NaN;
    this.#isTidy = false;
  }

  clear(): void {
    for (const slot of this.#slots) this.#cosines[slot] = NaN;
    this.#slots = [];
    this.#isTidy = true;
  }

  /** A cosine that the memory in that place, the best being the first, just reaches; undefined
   * beyond the last. */
  inPlace(place: number): number | undefined {
    const { slots } = this;
    if (slots.length < place) return undefined;
    const counts = new Uint32Array(STEPS + 1);
    for (const slot of slots) {
      const step = Math.floor((this.get(slot) + 1) / 2 * STEPS);
      counts[step] = (counts[step] ?? 0) + 1;
    }
    let step = STEPS;
    for (let sum = counts[step] ?? 0; sum < place; sum += counts[--step] ?? 0);
    return 2 * step / STEPS - 1;
  }
}
