/**
 * What a record of history tells whoever follows it, by the record alone: so that a start reads the
 * same out of the journal as was told when it was written. Only what is told is kept of it, no
 * content.
 */
import type { Change } from "./memory.ts";

export const EVENT_TYPES = [
  "memory.created",
  "memory.updated",
  "memory.deleted",
  "memory.embedded",
  "import.finished",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** A record of history: its number, and a checksum that tells it from those of other histories. */
export interface Position {
  readonly seq: number;
  readonly sum: number;
}

/** A place in what a record tells, counted from 1; 0 stands before all of it. */
export interface Place extends Position {
  readonly place: number;
}

/** How many memories an import made, and how many it changed. */
export interface ImportCounts {
  readonly created: number;
  readonly updated: number;
}

/**
 * What one record tells. One that tells nothing is a mark: it stands before the record of its
 * number, and its checksum is of what was written before.
 */
export interface Step extends Position {
  readonly types: readonly EventType[];
  /** Whom they are of, in the same order; null for what is of no single memory. */
  readonly memoryIds: readonly (string | null)[];
  /** Of an import. */
  readonly counts?: ImportCounts;
}

/** Where the last of it stands. */
export function endOf({ seq, sum, types }: Step): Place {
  return { seq, sum, place: types.length };
}

/** What happened, without a gap, from behind a place on. */
export interface Stretch {
  readonly floor: Place;
  readonly steps: readonly Step[];
}

export function markAt({ seq, sum }: Position): Step {
  return { seq, sum, types: [], memoryIds: [] };
}

/** What has to be known of a change. */
export type TellingChange =
  | {
    readonly op: "put";
    readonly memory: { readonly id: string };
    readonly access?: unknown;
    readonly existing?: true | undefined;
  }
  | { readonly op: "delete"; readonly id: string }
  | { readonly op: "embedded"; readonly ids: readonly string[] }
  | { readonly op: Exclude<Change["op"], "put" | "delete" | "embedded"> };

/** One kind of event each, so that a hundred thousand steps share their lists. */
const ONLY = {
  "memory.created": ["memory.created"],
  "memory.updated": ["memory.updated"],
  "memory.deleted": ["memory.deleted"],
} as const;

/** Undefined for a change that tells nothing. */
export function stepOf(change: TellingChange, { seq, sum }: Position): Step | undefined {
  if (change.op === "embedded") {
    const types = change.ids.map(() => "memory.embedded" as const);
    return { seq, sum, types, memoryIds: change.ids };
  }
  const told = toldOf(change);
  return told && { seq, sum, types: ONLY[told.type], memoryIds: [told.id] };
}

function toldOf(change: TellingChange) {
  if (change.op === "put") {
    // A memory that is new says how often it was read, and be it never.
    const isNew = change.access !== undefined && change.existing !== true;
    const type = isNew ? "memory.created" as const : "memory.updated" as const;
    return { type, id: change.memory.id };
  }
  if (change.op === "delete") return { type: "memory.deleted" as const, id: change.id };
  return undefined;
}

/** What an import tells when it is over, gathered while it is staged. */
export class ImportTelling {
  readonly #types: EventType[] = [];
  readonly #memoryIds: (string | null)[] = [];
  #created = 0;
  #updated = 0;

  add(change: TellingChange): void {
    const told = toldOf(change);
    if (told === undefined) return;
    this.#types.push(told.type);
    this.#memoryIds.push(told.id);
    if (told.type === "memory.created") this.#created++;
    if (told.type === "memory.updated") this.#updated++;
  }

  /** The whole of it, at the place of its commit. */
  stepAt({ seq, sum }: Position): Step {
    this.#types.push("import.finished");
    this.#memoryIds.push(null);
    const counts = { created: this.#created, updated: this.#updated };
    return { seq, sum, types: this.#types, memoryIds: this.#memoryIds, counts };
  }
}
