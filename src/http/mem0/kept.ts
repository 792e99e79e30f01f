/**
 * How a memory of mem0's is kept here: who and what it is of, when it ends and what it said before
 * stand in the metadata, under names of their own, beside what its client put there. Its categories
 * are tags.
 */
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Memory } from "../../memory.ts";

/** What a memory may be of, by the name of the field. */
export const ENTITIES = ["user_id", "agent_id", "app_id", "run_id"] as const;
export type Entity = (typeof ENTITIES)[number];

const EXPIRATION = "expiration_date";
const HISTORY = "mem0_history";
const OWN: readonly string[] = [...ENTITIES, EXPIRATION, HISTORY];

/** Beside 64 KiB of metadata, what was said before is the first to go. */
const MOST_HISTORY_CHARACTERS = 16_000;
const MOST_CHANGES = 20;

/** What a memory said until a time. */
export interface Past {
  readonly memory: string;
  readonly until: string;
}

export interface Kept {
  readonly entities: Partial<Record<Entity, string>>;
  /** `2026-01-31`: after that day it is not found. */
  readonly expirationDate?: string | undefined;
  readonly metadata: JsonObject;
  readonly history?: readonly Past[];
}

export function entityOf({ metadata }: Memory, name: Entity): string | null {
  return stringAt(metadata, name);
}

export function expirationOf({ metadata }: Memory): string | null {
  return stringAt(metadata, EXPIRATION);
}

/** What its client knows as its metadata. */
export function clientMetadataOf({ metadata }: Memory): JsonObject {
  return without(metadata);
}

/** The oldest first; empty where it never said anything else, or others changed it. */
export function historyOf({ metadata }: Memory): readonly Past[] {
  const kept = Object.hasOwn(metadata, HISTORY) ? metadata[HISTORY] : undefined;
  if (!Array.isArray(kept)) return [];
  return kept.flatMap((past) => {
    if (!isJsonObject(past)) return [];
    const { memory, until } = past;
    return typeof memory === "string" && typeof until === "string" ? [{ memory, until }] : [];
  });
}

export function metadataOf({ entities, expirationDate, metadata, history = [] }: Kept): JsonObject {
  const past = short(history).map(({ memory, until }) => ({ memory, until }));
  const { [HISTORY]: _, ...own } = metadata;
  return {
    // Whose it is may be said here, too: it is kept at the same place.
    ...own,
    ...entities,
    ...(expirationDate !== undefined && { [EXPIRATION]: expirationDate }),
    ...(past.length > 0 && { [HISTORY]: past }),
  };
}

export function entitiesOf(memory: Memory): Kept["entities"] {
  return Object.fromEntries(
    ENTITIES.flatMap((name) => {
      const value = entityOf(memory, name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** The newest of it that there is room for. */
function short(history: readonly Past[]): Past[] {
  let room = MOST_HISTORY_CHARACTERS;
  const newest = history.slice(-MOST_CHANGES).toReversed();
  const kept = newest.findIndex(({ memory }) => (room -= memory.length) < 0);
  return newest.slice(0, kept === -1 ? newest.length : kept).reverse();
}

function without(metadata: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !OWN.includes(name)));
}

function stringAt(metadata: JsonObject, name: string): string | null {
  const value = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
  return typeof value === "string" ? value : null;
}
