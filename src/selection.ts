/** Picks a page out of many without sorting them all. */

export function compareKeys(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The items that a full sort would put at `from` up to `to`, sorted. Takes time in proportion to
 * the number of items (quickselect, Hoare 1961), and reorders them in place.
 */
export function selectWindow<T>(
  items: T[],
  compare: (a: T, b: T) => number,
  from: number,
  to: number,
): T[] {
  if (from >= items.length) return [];
  const end = Math.min(to, items.length);
  partitionAt(items, compare, from, 0, items.length - 1);
  if (end < items.length) partitionAt(items, compare, end, from, items.length - 1);
  return items.slice(from, end).sort(compare);
}

/** Reorders so that nothing before `at` sorts after it, and nothing behind it before. */
function partitionAt<T>(
  items: T[],
  compare: (a: T, b: T) => number,
  at: number,
  low: number,
  high: number,
): void {
  while (low < high) {
    const pivot = median(items, compare, low, high);
    let left = low, right = high;
    while (left <= right) {
      while (compare(itemAt(items, left), pivot) < 0) left++;
      while (compare(itemAt(items, right), pivot) > 0) right--;
      if (left > right) break;
      const swapped = itemAt(items, left);
      items[left++] = itemAt(items, right);
      items[right--] = swapped;
    }
    if (at <= right) high = right;
    else if (at >= left) low = left;
    else return;
  }
}

/** Median of three: lists that come sorted, as ours mostly do, split in the middle. */
function median<T>(items: T[], compare: (a: T, b: T) => number, low: number, high: number): T {
  const three = [low, (low + high) >> 1, high].map((i) => itemAt(items, i)).sort(compare);
  return itemAt(three, 1);
}

function itemAt<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`Cannot select: there is no item ${index}`);
  return item;
}
