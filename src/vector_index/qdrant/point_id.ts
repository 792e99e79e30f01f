/** A memory's first point has the memory's own id, each further one a UUID that follows from it. */
import { v5 } from "uuid";

export function pointId(memoryId: string, chunk: number): string {
  return chunk === 0 ? memoryId : v5(`chunk ${chunk}`, memoryId);
}
