/** `POST /search`. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { MEMORY_TYPES, textSchema, timeSchema, WRITABLE } from "../memory.ts";
import { DEGRADATIONS, SEARCH_MODES } from "../search.ts";
import { memorySchema, memoryView } from "./memory_view.ts";
import { json, type Route, route } from "./route.ts";

const tagList = z.array(z.string().min(1).max(64)).max(50);
const weight = z.number().min(0).max(1).default(0.1);

const searchSchema = z.strictObject({
  query: textSchema(10_000).optional().meta({
    description: "May be left out where an embedding is given.",
    examples: ["what did I decide about the garden fence"],
  }),
  limit: z.int().min(1).max(100).default(10),
  offset: z.int().min(0).max(1_000_000).default(0),
  mode: z.enum(SEARCH_MODES).default("auto").meta({
    description: "`auto`: both, where embeddings are to be had, else by words.",
  }),
  filters: z.strictObject({
    memory_type: z.array(z.enum(MEMORY_TYPES)).min(1).max(3),
    tags: tagList.meta({ description: "All of these." }),
    tags_any: tagList.min(1).meta({ description: "At least one of these." }),
    min_importance: z.number().min(0).max(1),
    created_after: timeSchema.meta({ description: "Inclusive." }),
    created_before: timeSchema.meta({ description: "Exclusive." }),
    metadata: z.custom<JsonObject>(isJsonObject, "must be a JSON object").meta({
      type: "object",
      description: "Equal values at top-level keys.",
    }),
  }).partial().default({}),
  min_score: z.number().min(0).max(1).default(0),
  embedding: WRITABLE.embedding.nullish().meta({
    description: "A vector to search by, in place of the query's own.",
  }),
  weights: z.strictObject({ importance: weight, recency: weight }).prefault({}).meta({
    description: "How far importance and recency may tip the order; they never filter.",
  }),
}).meta({
  id: "SearchRequest",
  anyOf: [
    { required: ["query"] },
    {
      required: ["embedding"],
      properties: { embedding: { type: "array" }, mode: { enum: ["auto", "semantic", "hybrid"] } },
    },
  ],
});

const scoreSchema = z.number().min(0).max(1);

const searchReplySchema = z.strictObject({
  results: z.array(z.strictObject({
    memory: memorySchema,
    score: scoreSchema,
    scores: z.strictObject({
      semantic: scoreSchema.nullable(),
      keyword: scoreSchema.nullable(),
      importance: scoreSchema,
      recency: scoreSchema,
    }).meta({ description: "Null: this side did not find it." }),
  })).meta({ description: "Best first; equal scores by `created_at`, newest first, then `id`." }),
  total: z.int().min(0).meta({
    description: "How many can be paged through; `hybrid` fuses the best 100 of each side.",
  }),
  mode: z.enum(["keyword", "semantic", "hybrid"]).meta({ description: "What was really used." }),
  degraded: z.enum(DEGRADATIONS).nullable().meta({
    description: "Why less was used than asked for; null where all was.",
  }),
  took_ms: z.number().min(0),
}).meta({ id: "SearchReply" });

export function searchRoutes({ search }: Brain): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/search",
      operationId: "searchMemories",
      summary: "Find memories",
      tag: "Search",
      body: { schema: searchSchema, contentTypes: ["application/json"] },
      replies: {
        200: {
          description: "What was found.",
          schema: searchReplySchema,
          links: {
            readBest: {
              operationId: "readMemory",
              parameters: { "path.id": "$response.body#/results/0/memory/id" },
            },
          },
        },
      },
    }, async ({ body }) => {
      const { query, limit, offset, mode, filters, min_score, embedding, weights } = body;
      const found = await search.run({
        query,
        limit,
        offset,
        mode,
        filter: filters,
        minScore: min_score,
        embedding: embedding ?? undefined,
        weights,
      });
      return json(200, {
        results: found.results.map(({ memory, access, score, scores }) => ({
          memory: memoryView({ memory, access }),
          score,
          scores,
        })),
        total: found.total,
        mode: found.mode,
        degraded: found.degraded,
        took_ms: found.tookMs,
      });
    }),
  ];
}
