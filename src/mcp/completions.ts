/** What an argument may be completed to: the ids of memories, where one is asked for, newest first. */
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
  const found = await listing.select(({ id }) => id.startsWith(argument.value));
  const values = found.slice(-MOST_VALUES).reverse().map(({ id }) => id);
  return { completion: { values, hasMore: found.length > MOST_VALUES } };
}
