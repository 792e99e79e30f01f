/** Picks a page out of many without sorting them all. */
import { Pace } from "./pace.ts";

const COMPARED_AT_ONCE = 1024;

/** By code unit, or by size: the same on every machine and in every language. */
export function compareKeys(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The items that a full sort would put at `from` up to `to`, sorted. Takes time in proportion to
 * the number of items (quickselect, Hoare 1961), in slices, and reorders them in place.
 */
export async function selectWindow<T>(
  items: T[],
  compare: (a: T, b: T) => number,
  from: number,
  to: number,
  pace = new Pace(),
): Promise<T[]> {
  if (from >= items.length) return [];
  const end = Math.min(to, items.length);
  const last = items.length - 1;
  if (from > 0) await partitionAt(items, compare, { at: from, low: 0, high: last }, pace);
  if (end <= last) await partitionAt(items, compare, { at: end, low: from, high: last }, pace);
  return items.slice(from, end).sort(compare);
}

/** Reorders so that nothing before `at` sorts after it, and nothing behind it before. */
async function partitionAt<T>(
  items: T[],
  compare: (a: T, b: T) => number,
  { at, low, high }: { readonly at: number; low: number; high: number },
  pace: Pace,
): Promise<void> {
  const random = numbersFrom(items.length);
  while (low < high) {
    const pivot = medianOfThree(
      items,
      compare,
      () => low + Math.floor(random() * (high - low + 1)),
    );
    let left = low, right = high;
    while (left <= right) {
      while (compare(itemAt(items, left), pivot) < 0) {
        if (++left % COMPARED_AT_ONCE === 0 && pace.due) await pace.breathe();
      }
      while (compare(itemAt(items, right), pivot) > 0) {
        if (--right % COMPARED_AT_ONCE === 0 && pace.due) await pace.breathe();
      }
      if (left > right) break;
      const swapped = itemAt(items, left);
      items[left++] = itemAt(items, right);
      items[right--] = swapped;
      if (left % COMPARED_AT_ONCE === 0 && pace.due) await pace.breathe();
    }
    if (at <= right) high = right;
    else if (at >= left) low = left;
    else return;
  }
}

/** Of three by chance: at places of our own choosing some order, as that of a heap, is the worst. */
function medianOfThree<T>(items: T[], compare: (a: T, b: T) => number, place: () => number): T {
  const three = [place(), place(), place()].map((at) => itemAt(items, at)).sort(compare);
  return itemAt(three, 1);
}

/** Numbers from 0 up to 1, the same for the same seed (Numerical Recipes, 3rd ed., 7.1). */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function itemAt<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`Cannot select: there is no item ${index}`);
  return item;
}
