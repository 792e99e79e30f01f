/** `GET /duplicates`. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { type Duplicate, DUPLICATES_BY, MOST_PAIRS } from "../duplicates.ts";
import { DEGRADATIONS } from "../search.ts";
import { memorySchema, memoryView } from "./memory_view.ts";
import { numberParameter, pageParameters } from "./parameters.ts";
import { scoreSchema } from "./question.ts";
import { json, type Route, route } from "./route.ts";

const DEFAULTS = { by: "any", minSimilarity: 0.8, limit: 20, offset: 0 } as const;

const duplicatesQuery = z.strictObject({
  by: z.enum(DUPLICATES_BY).optional().meta({
    description:
      "`keyword`: in nearly the same words; `semantic`: nearly the same meaning, where " +
      "embeddings are to be had; `any` (default): either.",
  }),
  min_similarity: numberParameter({
    integer: false,
    min: 0.5,
    max: 1,
    description: `Default ${DEFAULTS.minSimilarity}.`,
  }).optional(),
  ...pageParameters(DEFAULTS.limit, 1_000_000),
});

const duplicatesSchema = z.strictObject({
  duplicates: z.array(z.strictObject({
    memories: z.array(memorySchema).min(2).max(2).meta({ description: "The older one first." }),
    similarity: scoreSchema.meta({ description: "The higher of the scores." }),
    scores: z.strictObject({
      keyword: scoreSchema.nullable().meta({
        description: "The share of words that both have, of all that either has.",
      }),
      semantic: scoreSchema.nullable().meta({ description: "The cosine of their embeddings." }),
    }).meta({ description: "Null: by this side they are not that near, or it was not asked." }),
  })).meta({ description: "Nearest first; equal ones by the ids of the older and the newer." }),
  total: z.int().min(0).meta({
    description:
      `How many can be paged through: of each side the nearest ${MOST_PAIRS} at most. Of memories ` +
      "with the very same words the oldest is paired with each of the others, and those with " +
      "nothing else.",
  }),
  limit: z.int(),
  offset: z.int(),
  is_complete: z.boolean().meta({
    description: "False where there may be more than those, or some are still being looked for: " +
      "ask again, or for a higher similarity.",
  }),
  degraded: z.enum(DEGRADATIONS).nullable().meta({
    description: "Why less was compared than asked for; null where all was.",
  }),
}).meta({ id: "DuplicateList" });

const MEMORY_ID = (at: number) => ({
  "path.id": `$response.body#/duplicates/0/memories/${at}/id`,
});

export function duplicateRoutes({ duplicates }: Brain): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/duplicates",
      operationId: "listDuplicates",
      summary: "List memories that tell much the same",
      description:
        "In pairs. Nothing is merged or deleted: `DELETE /memories/{id}` is for the one " +
        "that is not wanted. Does not count as an access.",
      tag: "Memories",
      query: duplicatesQuery,
      replies: {
        200: {
          description: "A page.",
          schema: duplicatesSchema,
          links: {
            readOlder: { operationId: "readMemory", parameters: MEMORY_ID(0) },
            deleteNewer: { operationId: "deleteMemory", parameters: MEMORY_ID(1) },
          },
        },
      },
    }, async ({ query }) => {
      const { by, min_similarity: minSimilarity } = query;
      const { limit = DEFAULTS.limit, offset = DEFAULTS.offset } = query;
      const page = await duplicates.list({
        by: by ?? DEFAULTS.by,
        minSimilarity: minSimilarity ?? DEFAULTS.minSimilarity,
        limit,
        offset,
      });
      return json(200, {
        duplicates: page.duplicates.map(duplicateView),
        total: page.total,
        limit,
        offset,
        is_complete: page.isComplete,
        degraded: page.degraded,
      });
    }),
  ];
}

function duplicateView({ entries, similarity, scores }: Duplicate) {
  return { memories: entries.map((entry) => memoryView(entry)), similarity, scores };
}
