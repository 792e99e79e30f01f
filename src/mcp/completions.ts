/** What an argument may be completed to: the ids of new memories, where one is asked for. */
import type { CompleteRequestParams, CompleteResult } from "@modelcontextprotocol/server";
import type { Brain } from "../brain.ts";
import { MEMORY_TEMPLATE } from "./resources.ts";

/** As many as the protocol allows in an answer. */
const MOST_VALUES = 100;

export async function complete(
  { listing }: Brain,
  { ref, argument }: CompleteRequestParams,
): Promise<CompleteResult> {
  const isId = ref.type === "ref/resource" && ref.uri === MEMORY_TEMPLATE && argument.name === "id";
  if (!isId) return { completion: { values: [], hasMore: false } };
  const { entries, nextCursor } = await listing.list({ filter: {}, limit: MOST_VALUES });
  const values = entries.map(({ memory }) => memory.id).filter((id) =>
    id.startsWith(argument.value)
  );
  return { completion: { values, hasMore: nextCursor !== null } };
}
