/** How much memory the process has left for JavaScript. */
import { getHeapStatistics } from "node:v8";

/** Says whether hardly any of the heap is left. */
export function heapShort(): boolean {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  return used_heap_size > 0.85 * heap_size_limit;
}
