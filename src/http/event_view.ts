/**
 * Events as listeners see them, over either protocol: which of them are wanted, and what is said of
 * each. History names the memory; what it is filtered by, and shown as, is what it is by now.
 */
import { z } from "zod";
import { type BrainEvent, EVENT_TYPES, type EventType } from "../events.ts";
import { type Entry, matcher, type MemoryFilter } from "../memory.ts";
import { memorySchema, memoryView } from "./memory_view.ts";

const count = z.int().min(0);

export const eventSchema = z.strictObject({
  id: z.string().meta({
    description: "Its place in history: who sends it as the last one that was seen gets what " +
      "comes behind it.",
  }),
  type: z.enum(EVENT_TYPES),
  memory_id: z.string().meta({ format: "uuid" }).nullable(),
  counts: z.strictObject({ created: count, updated: count }).optional().meta({
    description: "Of an import: how many memories it made, and how many it changed.",
  }),
  memory: memorySchema.nullable().optional().meta({
    description: "Where asked for: the memory as it is now; null where there is none any more.",
  }),
}).meta({ id: "Event" });

type EventView = z.infer<typeof eventSchema>;

export const eventTypeSchema = z.enum(EVENT_TYPES);

/** What a client says of the last event that it saw: long enough for any id of ours. */
export const eventIdSchema = z.string().min(1).max(100);

/** What a listener asked for. */
export interface Wanted {
  /** Left out: all. */
  readonly types?: readonly EventType[] | undefined;
  /**
   * What the memory must be by now. A deletion passes all of it, for what it was is not told any
   * more; and so does what is of no single memory.
   */
  readonly filter?: MemoryFilter | undefined;
  readonly includesMemory: boolean;
}

/** The memory that has this id now. */
export type Find = (id: string) => Entry | undefined;

/** What a listener is told of an event; undefined where he did not ask for it. */
export type View = (event: BrainEvent) => EventView | undefined;

export function viewer({ types, filter, includesMemory }: Wanted, find: Find): View {
  const isNarrowed = filter !== undefined &&
    Object.values(filter).some((part) => part !== undefined);
  const matches = isNarrowed ? matcher(filter) : undefined;
  return (event) => {
    const { id, type, memoryId, counts } = event;
    if (types !== undefined && !types.includes(type)) return undefined;
    const said = { id, type, memory_id: memoryId, ...(counts && { counts }) };
    if (memoryId === null) return said;
    const isAsked = matches !== undefined && type !== "memory.deleted";
    const entry = isAsked || includesMemory ? find(memoryId) : undefined;
    if (isAsked && (entry === undefined || !matches(entry.memory))) return undefined;
    if (!includesMemory) return said;
    return { ...said, memory: entry === undefined ? null : memoryView(entry) };
  };
}
