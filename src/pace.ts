/**
 * Keeps long work from holding up everything else: between two steps of a loop, let others run
 * once a slice of time is used up.
 *
 * All work in slices shares one turn of the event loop, however many requests it is for: together
 * they hold it no longer than one slice, and each gets on when its turn has come.
 */

/** Long enough that yielding costs little, short enough that nobody waits 20 ms. */
const SLICE_MS = 6;

/** When this turn's work began; undefined before any. */
let turnBegan: number | undefined;
/** Those that let others run, first come first. */
const waiting: (() => void)[] = [];

/** When the work of this turn of the event loop began: now, if there was none. */
function beganThisTurn(): number {
  if (turnBegan === undefined) {
    turnBegan = performance.now();
    setImmediate(() => turnBegan = undefined);
  }
  return turnBegan;
}

/**
 * A timer, not `setImmediate`: that comes back before more than a sliver of what waits on the
 * network was served, and requests beside an import waited for half a second.
 */
function nextTurn(): void {
  setTimeout(() => {
    turnBegan = undefined;
    waiting.shift()?.();
    if (waiting.length > 0) nextTurn();
  }, 0);
}

export class Pace {
  readonly #sliceMs: number;
  #since = beganThisTurn();

  constructor(sliceMs = SLICE_MS) {
    this.#sliceMs = sliceMs;
  }

  /** True where the slice is used up and `breathe` should be awaited. */
  get due(): boolean {
    return performance.now() - Math.min(this.#since, beganThisTurn()) > this.#sliceMs;
  }

  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) nextTurn();
    });
    this.#since = beganThisTurn();
  }
}

/** Whether something lets others run just now: for who turns the clock by hand. */
export function givesWay(): boolean {
  return waiting.length > 0;
}

/** What `work` makes of each, in order; others run in between. */
export async function paced<T, U>(all: Iterable<T>, work: (one: T) => U): Promise<U[]> {
  const pace = new Pace();
  const made: U[] = [];
  for (const one of all) {
    if (pace.due) await pace.breathe();
    made.push(work(one));
  }
  return made;
}
