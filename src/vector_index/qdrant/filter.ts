/**
 * A memory filter as Qdrant's own, over the payload: the same memories pass as pass `matcher`.
 * Objects only; nothing of a request is ever part of a key or of a path.
 */
import type { MemoryFilter } from "../../memory.ts";
import { metadataToken } from "./payload.ts";
import type { PointsQuery } from "./points.ts";

export type Condition =
  | { readonly key: string; readonly match: { readonly value: string | number } }
  | { readonly key: string; readonly match: { readonly any: string[] } }
  | { readonly key: string; readonly range: Range<number> | Range<string> }
  | { readonly has_id: (string | number)[] };

interface Range<T> {
  readonly lt?: T;
  readonly gte?: T;
}

export interface Filter {
  readonly must: Condition[];
  readonly must_not?: Condition[];
}

/** The points of one brain, and of those the ones that meet all `conditions`. */
export function pointsOf(brain: string, conditions: readonly Condition[] = []): Filter {
  return { must: [equals("brain", brain), ...conditions] };
}

/** The points of one brain's memories that pass. */
export function pointsThatPass(brain: string, { filter = {}, except }: PointsQuery): Filter {
  const passing = pointsOf(brain, conditionsOf(filter));
  return except === undefined ? passing : { ...passing, must_not: [equals("memory_id", except)] };
}

/** One for each memory, however many points it has. */
export const FIRST_CHUNK: Condition = equals("chunk", 0);

/** What beyond its first points a memory has. */
export function chunksFrom(chunk: number): Condition {
  return { key: "chunk", range: { gte: chunk } };
}

/** Points of anybody's making may have numbers for ids. */
export function ofPoints(points: readonly string[]): Condition {
  const ids = points.map((point) => /^\d+$/.test(point) ? Number(point) : point);
  return { has_id: [...new Set(ids)] };
}

export function ofMemories(ids: readonly string[]): Condition {
  return anyOf("memory_id", ids);
}

function conditionsOf(filter: MemoryFilter): Condition[] {
  const { memory_type, tags = [], tags_any, min_importance, metadata = {} } = filter;
  const conditions: Condition[] = [];
  if (memory_type !== undefined) conditions.push(anyOf("memory_type", memory_type));
  for (const tag of new Set(tags)) conditions.push(equals("tags", tag));
  if (tags_any !== undefined) conditions.push(anyOf("tags", tags_any));
  if (min_importance !== undefined) {
    conditions.push({ key: "importance", range: { gte: min_importance } });
  }
  conditions.push(...createdWithin(filter));
  for (const [key, value] of Object.entries(metadata)) {
    conditions.push(equals("metadata", metadataToken(key, value)));
  }
  return conditions;
}

function createdWithin({ created_after, created_before }: MemoryFilter): Condition[] {
  if (created_after === undefined && created_before === undefined) return [];
  const range = {
    ...(created_after === undefined ? {} : { gte: created_after }),
    ...(created_before === undefined ? {} : { lt: created_before }),
  };
  return [{ key: "created_at", range }];
}

/** Nothing is one of none. Said by what can never be: what Qdrant makes of an empty list is not
 * documented. */
function anyOf(key: string, values: readonly string[]): Condition {
  if (values.length === 0) return { key: "chunk", range: { lt: 0 } };
  return { key, match: { any: [...new Set(values)] } };
}

function equals(key: string, value: string | number): Condition {
  return { key, match: { value } };
}
