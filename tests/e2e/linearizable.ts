/**
 * Can what several clients saw of one memory be explained by some order of their requests, in which
 * none begins before it was sent or ends after it was answered? A search through all orders, which
 * is quick because few requests are under way at the same time (after Wing and Gong).
 */

/** The text of the memory; undefined where it is not there. */
export type Value = string | undefined;

export interface Operation {
  readonly sentMs: number;
  /** Undefined where no answer came: it may have been carried out, at any time, or not at all. */
  readonly answeredMs: number | undefined;
  /** What it leaves behind; `impossible` where its answer would have been another one. */
  readonly apply: (before: Value) => Value | typeof impossible;
}

export const impossible = Symbol("impossible");

export function isExplained(
  initial: Value,
  operations: readonly Operation[],
  final: Value,
): boolean {
  const sorted = operations.toSorted((a, b) => a.sentMs - b.sentMs);
  const done = new Set<number>();
  const seen = new Set<string>();
  const search = (value: Value): boolean => {
    const left = [...sorted.keys()].filter((index) => !done.has(index));
    const answered = left.filter((index) => sorted[index]?.answeredMs !== undefined);
    if (answered.length === 0 && value === final) return true;
    const place = `${left.join()} ${value ?? ""}`;
    if (seen.has(place)) return false;
    seen.add(place);
    const firstMs = Math.min(...answered.map((index) => sorted[index]?.answeredMs ?? Infinity));
    for (const index of left) {
      const next = sorted[index];
      if (next === undefined || next.sentMs > firstMs) break;
      const after = next.apply(value);
      if (after === impossible) continue;
      done.add(index);
      if (search(after)) return true;
      done.delete(index);
    }
    return false;
  };
  return search(initial);
}
