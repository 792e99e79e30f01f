/**
 * Seeds of random plans that once failed, and what was wrong then. They are gone through again in
 * every run, as far as they had to be for the failure to show.
 */
export const REGRESSIONS: readonly {
  readonly seed: number;
  readonly states: number;
  readonly was: string;
}[] = [
  {
    seed: 1,
    states: 12_000,
    was:
      "after a failed fsync and a kill, the next process read bytes that only the page cache had",
  },
];
