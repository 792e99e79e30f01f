/** Where an event stands, as an id for others. */
import type { Place } from "../history.ts";

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
