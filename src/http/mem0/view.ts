/** Memories as mem0's clients know them. */
import { createHash } from "node:crypto";
import { v5 as idFrom } from "uuid";
import type { Memory } from "../../memory.ts";
import { clientMetadataOf, ENTITIES, entityOf, expirationOf, historyOf } from "./kept.ts";

export function memoryView(memory: Memory) {
  return {
    id: memory.id,
    memory: memory.content,
    ...entitiesView(memory),
    // Theirs, for telling texts apart; nothing here relies on it.
    hash: createHash("md5").update(memory.content).digest("hex"),
    metadata: clientMetadataOf(memory),
    categories: memory.tags,
    created_at: memory.created_at,
    updated_at: memory.updated_at,
    expiration_date: expirationOf(memory),
  };
}

/** What was done to a memory, as an answer to adding it. */
export function addedView({ id, content }: Memory) {
  // Their hosted service names the text one way, their library the other.
  return { id, event: "ADD", memory: content, data: { memory: content } };
}

/**
 * The changes of a memory that came by way of these routes, as far back as they are kept, the first
 * one first. What others made of it in between stands there as if it had been so from the change
 * before.
 */
export function historyView(memory: Memory) {
  const [oldest, ...rest] = historyOf(memory);
  const isCut = oldest !== undefined && oldest.memory === undefined;
  const past = oldest === undefined || isCut ? rest : [oldest, ...rest];
  const texts = [...past.flatMap(({ memory }) => memory ?? []), memory.content];
  return texts.map((text, at) => {
    const changed = past[at - 1]?.until ?? (isCut ? oldest.until : memory.created_at);
    return {
      id: idFrom(`${at} ${changed}`, memory.id),
      memory_id: memory.id,
      // Nothing of a conversation is kept but what became a memory.
      input: [],
      old_memory: texts[at - 1] ?? null,
      new_memory: text,
      event: at === 0 && !isCut ? "ADD" : "UPDATE",
      ...entitiesView(memory),
      metadata: clientMetadataOf(memory),
      categories: memory.tags,
      created_at: changed,
      updated_at: changed,
    };
  });
}

function entitiesView(memory: Memory) {
  return Object.fromEntries(ENTITIES.map((name) => [name, entityOf(memory, name)]));
}
