/**
 * The latest steps of history, without a gap between the first that is held and the last. The oldest
 * goes once so many events are held without it: so also an import of more than that is held until
 * those who listen have had time to hear of it.
 */
import { endOf, markAt, type Place, type Position, type Step, type Stretch } from "../history.ts";
import { comparePlaces } from "./place.ts";

/** Those that are gone are cut off once they are so many. */
const MOST_GONE = 1_024;

export class Ring {
  readonly #most: number;
  #steps: Step[] = [];
  /** How many of them are gone. */
  #gone = 0;
  #events = 0;
  #floor: Place = { seq: 0, place: 0, sum: 0 };
  /** Of an import that is durable and not yet applied: nothing from there on is told. */
  #heldAt: Position | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Everything behind here is held. */
  get floor(): Place {
    return this.#floor;
  }

  /** The last that is told. */
  get end(): Place {
    const last = this.#steps[this.#toldEnd - 1];
    return last === undefined || this.#toldEnd <= this.#gone ? this.#floor : endOf(last);
  }

  /** History begins here for whoever listens; what was before may be put in front later. */
  begin(floor: Place): void {
    this.#floor = floor;
  }

  push(step: Step): void {
    this.#steps.push(step);
    this.#events += step.types.length;
    this.#trim();
  }

  /** Keeps a place for a step that is told later, and all that follows it after it. */
  hold(at: Position): void {
    this.#heldAt = { seq: at.seq, sum: at.sum };
    this.push(markAt(at));
  }

  /** Puts the step into its place. */
  release(step: Step): void {
    this.#heldAt = undefined;
    let at = this.#firstFrom(step.seq);
    // A mark may stand before it.
    while (this.#steps[at]?.seq === step.seq && this.#steps[at]?.sum !== step.sum) at++;
    this.#steps[at] = step;
    this.#events += step.types.length;
    this.#trim();
  }

  /** Puts in front what happened before. Where it does not reach up to here, there would be a gap. */
  prepend({ floor, steps }: Stretch): void {
    if (!isUpTo(this.#floor, { floor, steps })) return;
    const marks = this.#floor.place === 0 ? [markAt(this.#floor)] : [];
    this.#floor = floor;
    this.#steps = [...steps, ...marks, ...this.#steps];
    for (const { types } of steps) this.#events += types.length;
    this.#trim();
  }

  /** Whether this is held, or the floor itself. */
  has(place: Place): boolean {
    if (comparePlaces(place, this.#floor) === 0) {
      if (place.sum === this.#floor.sum) return true;
    } else if (comparePlaces(place, this.#floor) < 0) return false;
    for (let at = this.#firstFrom(place.seq); at < this.#toldEnd; at++) {
      const step = this.#steps[at];
      if (step?.seq !== place.seq) return false;
      const isThere = place.place === 0
        ? step.types.length === 0
        : place.place <= step.types.length;
      if (isThere && step.sum === place.sum) return true;
    }
    return false;
  }

  /** What is told after a place that is not before the floor, at most so many. */
  *after({ seq, place }: Place, most: number): Generator<{ step: Step; place: number }> {
    let count = 0;
    for (let at = this.#firstFrom(seq); at < this.#toldEnd; at++) {
      const step = this.#steps[at];
      if (step === undefined) return;
      const from = step.seq === seq ? place + 1 : 1;
      for (let next = from; next <= step.types.length; next++) {
        if (count++ >= most) return;
        yield { step, place: next };
      }
    }
  }

  /** Up to which of the steps all may be told. */
  get #toldEnd(): number {
    return this.#heldAt === undefined ? this.#steps.length : this.#firstFrom(this.#heldAt.seq);
  }

  /** The first of them that has this number or a higher one. */
  #firstFrom(seq: number): number {
    let low = this.#gone, high = this.#steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#steps[middle]?.seq ?? Infinity) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #trim(): void {
    for (let step = this.#steps[this.#gone]; step !== undefined; step = this.#steps[this.#gone]) {
      if (this.#events - step.types.length < this.#most) break;
      // Who joins meanwhile stands before it.
      if (step.seq === this.#heldAt?.seq) break;
      this.#gone++;
      this.#floor = endOf(step);
      this.#events -= step.types.length;
    }
    if (this.#gone < Math.max(MOST_GONE, this.#steps.length / 2)) return;
    this.#steps.splice(0, this.#gone);
    this.#gone = 0;
  }
}

/** A place that is no event's stands behind all that was told before it. */
function isUpTo(place: Place, { floor, steps }: Stretch): boolean {
  const last = steps.at(-1), end = last === undefined ? floor : endOf(last);
  if (place.place === 0) return end.seq <= place.seq;
  return comparePlaces(end, place) === 0 && end.sum === place.sum;
}
