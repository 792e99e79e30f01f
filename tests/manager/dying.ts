/** A verb whose program dies at every one of its calls in turn, each time in a world of its own; and
 * another program that goes on with it. */
import { type Program, recordOf, waited, type World, world, type WorldOptions } from "./kit.ts";

export interface Dying {
  readonly options?: WorldOptions;
  readonly setUp: (here: World, program: Program) => Promise<void>;
  readonly ask: (program: Program) => Promise<unknown>;
  /** What must hold once the other program has done its part; `where` is for the messages. */
  readonly check: (here: World, program: Program, where: string) => Promise<void>;
}

/** At which call, from 0: of the cluster, or of sink and brains together. */
type Place =
  | { readonly of: "cluster"; readonly call: number; readonly effect: "none" | "had" }
  | { readonly of: "others"; readonly call: number };

interface Calls {
  /** Of the cluster: whether they write. */
  readonly writes: readonly boolean[];
  readonly others: number;
}

/** Longer than a lease. */
const LATER_MS = 40_000;
const LONG_MS = 3 * 3_600_000;
const READING: readonly string[] = ["get", "list", "watch", "capabilities"];

/** Gives what was called. */
export async function atEveryCall(dying: Dying): Promise<Calls> {
  const calls = await once(dying, undefined);
  const places: Place[] = calls.writes.flatMap((isWrite, call) => [
    { of: "cluster", call, effect: "none" },
    ...isWrite ? [{ of: "cluster", call, effect: "had" } as const] : [],
  ]);
  for (let call = 0; call < calls.others; call++) places.push({ of: "others", call });
  for (const place of places) await once(dying, place);
  return calls;
}

async function once(dying: Dying, place: Place | undefined): Promise<Calls> {
  const here = await world(dying.options);
  const first = here.start("first");
  await dying.setUp(here, first);
  const calls = mortal(here, first, place);
  let isAcknowledged = false, isOver = false;
  const work = async () => {
    await dying.ask(first);
    isAcknowledged = true;
    await first.operations.run("ada");
    isOver = true;
  };
  work().catch(() => {});
  await until(here, () => first.cluster.isDead || isOver);
  const counted = { writes: [...calls.writes], others: calls.others };
  const runner = first.cluster.isDead ? here.start("second") : first;
  if (runner !== first) {
    // What is held is taken over once it was seen that nobody goes on with it.
    const held = await recordOf(runner);
    if (held !== undefined) runner.operations.heldMs(held);
    await here.clock.advance(LATER_MS);
    // Whoever got no answer asks again.
    if (!isAcknowledged) await waited(here, dying.ask(runner));
    await waited(here, runner.operations.run("ada"));
  }
  await dying.check(here, runner, place === undefined ? "alive" : JSON.stringify(place));
  return counted;
}

/** Counts, and kills the program where it is to die. */
function mortal(here: World, program: Program, place: Place | undefined) {
  const counted = { writes: new Array<boolean>(), others: 0 };
  program.cluster.calls = 0;
  program.cluster.death = place?.of === "cluster" ? place : undefined;
  here.cluster.faults = { before: ({ verb }) => void counted.writes.push(!READING.includes(verb)) };
  const other = () => {
    if (counted.others++ !== (place?.of === "others" ? place.call : undefined)) return undefined;
    program.cluster.isDead = true;
    throw new Error("The program is dead");
  };
  here.brains.fault = other;
  here.sink.fault = other;
  return counted;
}

async function until({ clock }: World, isSo: () => boolean): Promise<void> {
  for (let ms = 0; !isSo(); ms += 100) {
    if (ms > LONG_MS) throw new Error("it neither ends nor dies");
    await clock.advance(100);
  }
}
