/** What every part of a run is handed. */
import type { Folders } from "./folders.ts";
import type { Load } from "./processes.ts";
import type { Goals } from "./search/goals.ts";
import type { Rivals } from "./search/rivals.ts";

export interface Run {
  readonly folders: Folders;
  /** Numbers of memories to measure at, smallest first. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Of one measurement in one round. */
  readonly seconds: number;
  /** How often the program is started at each size, where that does not take too long. */
  readonly starts: number;
  /** How many searches of each kind are timed. */
  readonly searches: number;
  /** Numbers of memories to search by words at. */
  readonly wordSizes: readonly number[];
  /** How many different questions each engine is asked in a round. */
  readonly questions: number;
  /** Without the packages that vectors are compared with. */
  readonly alone: boolean;
  /** Installed when first asked for. */
  readonly rivals: () => Promise<Rivals>;
  readonly goals: Goals;
  readonly load: Load;
  /** Asks beside `load`, to see how long others wait. */
  readonly prober: Load;
  readonly print: (text: string) => void;
  /** Says what is going on, for whoever waits. */
  readonly note: (text: string) => void;
}
