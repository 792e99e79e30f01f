/** Changes memories of mem0's, one or some, and keeps what they said before. */
import { z } from "zod";
import { timestamp } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { jsonEqual } from "../../json.ts";
import { type Memory, WRITABLE } from "../../memory.ts";
import { paced } from "../../pace.ts";
import { revisionOf } from "../../revision.ts";
import { json } from "../route.ts";
import { dateSchema, metadataWithin } from "./adding.ts";
import { bodyOf, idOf, knownId, type Mem0Route, objectSchema } from "./asked.ts";
import { clientMetadataOf, entitiesOf, expirationOf, historyOf } from "./kept.ts";
import type { Mem0ApiOptions } from "./options.ts";
import { memoryView } from "./view.ts";

const MOST_IN_BATCH = 1_000;
/** How often it is tried where others change the same memory. */
const MOST_TRIES = 10;

const FIXED = "cannot be changed here: a memory was made when it was made";

const changeSchema = z.object({
  text: WRITABLE.content.nullish(),
  metadata: objectSchema.nullish(),
  expiration_date: dateSchema.nullish(),
  timestamp: z.null({ error: FIXED }).optional(),
}).refine(
  ({ text, metadata, expiration_date }) => !!(text ?? metadata) || expiration_date !== undefined,
  "must have a text, metadata or an expiration_date",
);

type Change = z.infer<typeof changeSchema>;

const batchSchema = z.object({
  memories: z.array(z.object({ memory_id: z.string() }).and(changeSchema))
    .min(1).max(MOST_IN_BATCH),
});

export function updatingRoutes(options: Mem0ApiOptions): readonly Mem0Route[] {
  const { brain } = options;
  return [
    {
      method: "PUT",
      path: "/v1/memories/:id",
      scope: "write",
      async answer(asked) {
        const id = idOf(asked);
        const memory = await update(options, id, await bodyOf(changeSchema, asked, options));
        return json(200, { ...memoryView(memory), text: memory.content });
      },
    },
    {
      method: "PUT",
      path: "/v1/batch",
      scope: "write",
      async answer(asked) {
        const { memories } = await bodyOf(batchSchema, asked, options);
        const changes = memories.map((change) => ({ id: knownId(change.memory_id), change }));
        // Worked out first: of a list with a slip in it nothing is changed.
        await paced(
          changes,
          ({ id, change }) =>
            fieldsOf(brain.memories.peek(id).memory, change, timestamp(options.clock)),
        );
        for (const { id, change } of changes) await update(options, id, change);
        return json(200, { message: `Successfully updated ${changes.length} memories` });
      },
    },
  ];
}

/** What is new depends on what was there: it is begun anew where others were faster. */
async function update(
  { brain, clock }: Mem0ApiOptions,
  id: string,
  change: Change,
): Promise<Memory> {
  for (let tries = 1;; tries++) {
    const { memory } = brain.memories.peek(id);
    const seen = revisionOf(memory);
    const isSeen = (before: Memory) => revisionOf(before) === seen;
    try {
      const fields = fieldsOf(memory, change, timestamp(clock));
      const isNew = fields.content !== undefined || !jsonEqual(fields.metadata, memory.metadata);
      if (!isNew) return memory;
      return (await brain.memories.replaceFields(id, fields, isSeen)).memory;
    } catch (error) {
      const isLate = error instanceof AppError && error.code === "precondition_failed";
      if (!isLate || tries === MOST_TRIES) throw error;
    }
  }
}

function fieldsOf(memory: Memory, change: Change, now: string) {
  const { text, metadata, expiration_date } = change;
  const isNew = text !== null && text !== undefined && text !== memory.content;
  const past = isNew ? [{ memory: memory.content, until: now }] : [];
  const kept = {
    entities: entitiesOf(memory),
    // Null lets it end no more.
    expirationDate: (expiration_date === undefined ? expirationOf(memory) : expiration_date) ??
      undefined,
    metadata: metadata ?? clientMetadataOf(memory),
    history: [...historyOf(memory), ...past],
  };
  return { ...(isNew && { content: text }), metadata: metadataWithin(kept) };
}
