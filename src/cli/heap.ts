/** How much memory the process has left for JavaScript. */
import { getHeapStatistics } from "node:v8";

/**
 * Says whether hardly any of the heap is left. What counts is what it has taken, not what is used of
 * that: two texts of 95 kB take a page of 256 kB, and where no page is to be had the process ends,
 * though a quarter of the heap is holes.
 */
export function heapShort(): boolean {
  const { total_heap_size, heap_size_limit } = getHeapStatistics();
  return total_heap_size > 0.85 * heap_size_limit;
}
