/**
 * The file of `@modelcontextprotocol/server-memory`: an entity or a relation a line. In a brain they
 * are the memories that the reference tools work on; any other memory goes out as an entity whose
 * one observation is its text, and what that form has no room for stays behind.
 */
import { z } from "zod";
import { type Entity, entityFields, entityOf, relationFields, relationOf } from "../graph.ts";
import type { Memory } from "../memory.ts";
import { titleOf } from "./file_name.ts";
import { lineItems } from "./json_files.ts";
import { checked, fault, type Found, skipped, type Source } from "./source.ts";
import type { LinesTarget } from "./target.ts";

const FILE = /\.(?:json|jsonl|ndjson)$/i;

const lineSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("entity"),
    name: z.string(),
    entityType: z.string(),
    observations: z.array(z.string()),
  }),
  z.object({
    type: z.literal("relation"),
    from: z.string(),
    to: z.string(),
    relationType: z.string(),
  }),
]);

export const fromServerMemory: Source = async function* (files) {
  const times = new Map<string, number>();
  for await (const file of files) {
    if (!file.isOnly && !FILE.test(file.path)) {
      yield skipped(file.path, "is no JSON");
      continue;
    }
    for await (const item of lineItems(file)) {
      if ("reason" in item) yield fault(file.path, item.reason);
      else yield lineOf(file.path, item.value, times);
    }
  }
};

/** `times` counts how often a thing was there before: the form allows for doubles. */
function lineOf(where: string, value: unknown, times: Map<string, number>): Found {
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) return fault(where, "has a line that is neither entity nor relation");
  const line = parsed.data;
  const first = line.type === "entity" ? entityFields(line) : relationFields(line);
  const before = times.get(first.id) ?? 0;
  times.set(first.id, before + 1);
  const { id, content, metadata } = before === 0
    ? first
    : line.type === "entity"
    ? entityFields(line, before)
    : relationFields(line, before);
  const name = line.type === "entity" ? line.name : `${line.from} ${line.relationType} ${line.to}`;
  return checked(`${where}: ${name}`, { id, content, metadata });
}

export const toServerMemory: LinesTarget = async function* (entries) {
  for await (const { memory } of entries) {
    const relation = relationOf(memory);
    yield JSON.stringify(
      relation === undefined
        ? { type: "entity", ...(entityOf(memory) ?? asEntity(memory)) }
        : { type: "relation", ...relation },
    );
  }
};

/** Named by its first words and its id, which is enough to tell it from others. */
function asEntity(memory: Memory): Entity {
  const { id, content, memory_type } = memory;
  return { name: `${titleOf(memory)} ${id}`, entityType: memory_type, observations: [content] };
}
