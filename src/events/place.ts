/** Where an event stands: a record of history, and the place in it. Its id for others is made of both. */
import type { Position, Step } from "../history.ts";

export interface Place extends Position {
  /** From 1; 0 for a mark. */
  readonly place: number;
}

export function endOf({ seq, sum, types }: Step): Place {
  return { seq, sum, place: types.length };
}

/** Below zero where the first comes before the second. */
export function comparePlaces(a: Omit<Place, "sum">, b: Omit<Place, "sum">): number {
  return a.seq - b.seq || a.place - b.place;
}

export function idOf({ seq, place, sum }: Place): string {
  return `${seq}.${place}.${sum.toString(16).padStart(8, "0")}`;
}

const ID = /^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,8})\.([0-9a-f]{8})$/;

/** Undefined for what is no id of ours. */
export function placeOf(id: string): Place | undefined {
  const match = ID.exec(id);
  if (match === null) return undefined;
  return {
    seq: Number(match[1]),
    place: Number(match[2]),
    sum: Number.parseInt(match[3] ?? "", 16),
  };
}
