/**
 * A point's id, a UUID that follows from the brain, the memory and which of its vectors it has. Not
 * the memory's own id: two brains that share a collection may hold the same memory, by an import or
 * a backup restored beside, and would overwrite each other's points.
 */
import { v5 } from "uuid";

export function pointId(brain: string, memoryId: string, chunk: number): string {
  return v5(`${brain} chunk ${chunk}`, memoryId);
}
