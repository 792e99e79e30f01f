/** What the original does not limit, and one process with many other things to do must. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import type { Entity, GraphFields, Relation } from "../../graph.ts";
import { WRITABLE } from "../../memory.ts";

/** Each is written by itself: a call is to end while its client still waits. */
const MOST_ITEMS = 1_000;
/** More than a model can read; its writing as JSON holds everybody else up. */
const MOST_SHOWN_CHARACTERS = 500_000;
/** What names, brackets and indentation add, about. */
const FRAME_CHARACTERS = 100, ITEM_CHARACTERS = 16;

/** Throws `invalid`. */
export function requireFew(name: string, items: readonly unknown[]): void {
  if (items.length <= MOST_ITEMS) return;
  throw new AppError(
    "invalid",
    `Cannot take ${items.length} ${name} at once: send at most ${MOST_ITEMS} in one call`,
  );
}

const fitSchema = z.object({ content: WRITABLE.content, metadata: WRITABLE.metadata });

/** Throws `invalid` where it does not fit a memory. */
export function requireFit({ content, metadata }: Pick<GraphFields, "content" | "metadata">): void {
  const issue = fitSchema.safeParse({ content, metadata }).error?.issues[0];
  if (issue === undefined) return;
  const [what, way] = issue.path[0] === "content"
    ? ["all that is known of it", "divide it among several entities"]
    : ["its names", "choose shorter ones"];
  throw new AppError("invalid", `Cannot keep it in the graph: ${what} ${issue.message}; ${way}`);
}

/** Throws `too_large`. */
export function requireReadable(
  entities: readonly Entity[],
  relations: readonly Relation[],
): void {
  let characters = 0;
  const count = (frame: number, ...texts: readonly string[]) => {
    characters += texts.reduce((sum, text) => sum + text.length, frame);
    if (characters > MOST_SHOWN_CHARACTERS) throw tooLarge(entities, relations);
  };
  for (const { name, entityType, observations } of entities) {
    count(FRAME_CHARACTERS, name, entityType);
    for (const text of observations) count(ITEM_CHARACTERS, text);
  }
  for (const { from, to, relationType } of relations) {
    count(FRAME_CHARACTERS, from, to, relationType);
  }
}

function tooLarge({ length: entities }: readonly Entity[], { length }: readonly Relation[]) {
  return new AppError(
    "too_large",
    `Cannot show ${entities} entities and ${length} relations at once: that is more than ` +
      `${MOST_SHOWN_CHARACTERS} characters; ask with search_nodes or open_nodes for fewer`,
  );
}
