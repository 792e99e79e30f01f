/**
 * How a memory of mem0's is kept here: who and what it is of, when it ends and what it said before
 * stand in the metadata, under names of their own, beside what its client put there. Its categories
 * are tags.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { LIMITS, type Memory } from "../../memory.ts";

/** What a memory may be of, by the name of the field. */
export const ENTITIES = ["user_id", "agent_id", "app_id", "run_id"] as const;
export type Entity = (typeof ENTITIES)[number];

const EXPIRATION = "expiration_date";
const HISTORY = "mem0_history";
const DAY = /^\d{4}-\d\d-\d\d$/;

/** Of what metadata may take; where there is less room, what was said before is the first to go. */
const MOST_HISTORY_BYTES = 16_384;
const MOST_CHANGES = 20;

/** What a memory said until a time; without it, that what it said is not kept any more. */
export interface Past {
  readonly memory?: string;
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
  const value = stringAt(metadata, EXPIRATION);
  return value !== null && DAY.test(value) ? value : null;
}

/** What its client knows as its metadata. */
export function clientMetadataOf({ metadata }: Memory): JsonObject {
  return Object.fromEntries(
    Object.entries(metadata).filter(([name, value]) => !isOurs(name, value)),
  );
}

/** The oldest first; empty where it never said anything else, or others changed it. */
export function historyOf({ metadata }: Memory): readonly Past[] {
  const kept = Object.hasOwn(metadata, HISTORY) ? metadata[HISTORY] : undefined;
  if (!Array.isArray(kept)) return [];
  return kept.flatMap((past, at) => {
    if (!isJsonObject(past)) return [];
    const { memory, until } = past;
    if (typeof until !== "string") return [];
    if (typeof memory === "string") return [{ memory, until }];
    return at === 0 ? [{ until }] : [];
  });
}

export function metadataOf({ entities, expirationDate, metadata, history = [] }: Kept): JsonObject {
  const own = Object.entries(metadata).filter(([name, value]) =>
    name !== HISTORY || !isOurs(name, value)
  );
  const kept = {
    // Whose it is may be said here, too: it is kept at the same place.
    ...Object.fromEntries(own),
    ...entities,
    ...(expirationDate !== undefined && { [EXPIRATION]: expirationDate }),
  };
  if (history.length === 0 || Object.hasOwn(kept, HISTORY)) return kept;
  const past = short(history, LIMITS.metadataBytes - bytesOf({ ...kept, [HISTORY]: [] }));
  return past.length > 0 ? { ...kept, [HISTORY]: past } : kept;
}

export function entitiesOf(memory: Memory): Kept["entities"] {
  return Object.fromEntries(
    ENTITIES.flatMap((name) => {
      const value = entityOf(memory, name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** The newest of it that there is room for; before them when the rest ended, if any is left out. */
function short(history: readonly Past[], most: number): JsonObject[] {
  const kept: JsonObject[] = [];
  let room = Math.min(MOST_HISTORY_BYTES, most);
  for (const past of history.toReversed()) {
    const end: JsonObject = { until: past.until };
    const whole = past.memory === undefined ? end : { memory: past.memory, ...end };
    const endBytes = bytesOf(end) + 1, bytes = bytesOf(whole) + 1;
    // Room is left for the end of the rest.
    const needed = bytes + (past === history[0] ? 0 : endBytes);
    if (whole === end || kept.length === MOST_CHANGES || needed > room) {
      if (endBytes <= room) kept.push(end);
      break;
    }
    kept.push(whole);
    room -= bytes;
  }
  return kept.reverse();
}

/** By its form, too: others may have a use for the same names. */
function isOurs(name: string, value: JsonValue): boolean {
  if (name === HISTORY) return Array.isArray(value);
  if (typeof value !== "string") return false;
  return name === EXPIRATION ? DAY.test(value) : ENTITIES.some((entity) => entity === name);
}

function bytesOf(value: JsonValue): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function stringAt(metadata: JsonObject, name: string): string | null {
  const value = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
  return typeof value === "string" ? value : null;
}
