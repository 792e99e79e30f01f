/**
 * Where a record stands, for whoever follows history: its number, and the checksum of its line with
 * that of its file's header in it. A start begins a file of its own, and the header says when, and
 * behind what: so where a backup, or a copy of the folder, goes on as another history, a line that
 * comes out the same there stands at another place.
 */
import type { Position } from "../history.ts";

export function positionIn(headerSum: number, { seq, sum }: Position): Position {
  return { seq, sum: (headerSum ^ sum) >>> 0 };
}
