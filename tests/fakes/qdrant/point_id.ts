/** A point's id: an unsigned integer, or a UUID in any of the forms that Qdrant reads. */
import { REFUSALS } from "./replies.ts";

export type PointId = number | string;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function readPointId(value: unknown): PointId {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value !== "string") throw REFUSALS.wrongId(value);
  const bare = value.toLowerCase().replace(/^urn:uuid:/, "").replace(/^\{(.*)\}$/, "$1");
  const uuid = /^[0-9a-f]{32}$/.test(bare)
    ? bare.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
    : bare;
  if (!UUID.test(uuid)) throw REFUSALS.wrongId(value);
  return uuid;
}

/** Numbers come before UUIDs. */
export function comparePointIds(a: PointId, b: PointId): number {
  if (typeof a === "number") return typeof b === "number" ? a - b : -1;
  if (typeof b === "number") return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
