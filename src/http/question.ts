/** What every route takes that looks for memories, and how a found one is shown. */
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../json.ts";
import { MEMORY_TYPES, MOST_QUERY_CHARACTERS, textSchema, timeSchema } from "../memory.ts";
import { DEFAULT_WEIGHTS } from "../ranking.ts";
import { DEGRADATIONS, type Result, SEARCH_MODES, type SearchResult } from "../search.ts";
import { memorySchema, memoryView } from "./memory_view.ts";

export const tagList = z.array(z.string().min(1).max(64)).max(50);
const weight = z.number().min(0).max(1);

const MOST_QUERIES = 8;

export const querySchema = textSchema(MOST_QUERY_CHARACTERS).meta({
  examples: ["what did I decide about the garden fence"],
});

const queriesSchema = z.array(textSchema(MOST_QUERY_CHARACTERS)).min(2).max(MOST_QUERIES).meta({
  description: "Several questions at once, or one in several wordings, in place of `query`: one " +
    "list, in which what answers several of them comes first.",
});

const modeSchema = z.enum(SEARCH_MODES).default("auto").meta({
  description: "`auto`: both, where embeddings are to be had, else by words.",
});

export const filtersSchema = z.strictObject({
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
}).partial().default({});

const weightsSchema = z.strictObject({
  importance: weight.default(DEFAULT_WEIGHTS.importance),
  recency: weight.default(DEFAULT_WEIGHTS.recency),
}).prefault({})
  .meta({
    description:
      "How far importance and recency may tip the order; they never filter. By meaning, the " +
      "order of the best 200 is tipped, and what follows stays below.",
  });

export const scoreSchema = z.number().min(0).max(1);

/** What every request says of what it looks for, beside its `query`. */
export const ASKING = {
  queries: queriesSchema.optional(),
  mode: modeSchema,
  filters: filtersSchema,
  min_score: scoreSchema.default(0),
  weights: weightsSchema,
} as const;

const askingSchema = z.object({ query: querySchema.optional(), ...ASKING });

/** As the services take it. */
export function askedOf(
  { query, queries, mode, filters, min_score, weights }: z.infer<typeof askingSchema>,
) {
  return {
    queries: queries ?? (query === undefined ? [] : [query]),
    mode,
    filter: filters,
    minScore: min_score,
    weights,
  };
}

/** What every reply says of how its memories were found. */
export const USED = {
  mode: z.enum(["keyword", "semantic", "hybrid"]).meta({ description: "What was really used." }),
  degraded: z.enum(DEGRADATIONS).nullable().meta({
    description: "Why less was used than asked for; null where all was.",
  }),
  took_ms: z.number().min(0),
} as const;

const offsetSchema = z.int().min(0).meta({ description: "In UTF-16 code units of `content`." });

const highlightSchema = z.strictObject({
  text: z.string().meta({ description: "The excerpt: `content` from `start` to `end`." }),
  start: offsetSchema,
  end: offsetSchema,
  ranges: z.array(z.strictObject({ start: offsetSchema, end: offsetSchema })).meta({
    description:
      "Where in `content` the query's words stand: within the excerpt, in order, apart, " +
      "never inside a character. None where it was found by its meaning alone.",
  }),
}).meta({ id: "Highlight" });

const resultSchema = z.strictObject({
  memory: memorySchema,
  score: scoreSchema,
  scores: z.strictObject({
    semantic: scoreSchema.nullable(),
    keyword: scoreSchema.nullable(),
    importance: scoreSchema,
    recency: scoreSchema,
  }).meta({ description: "Null: this side did not find it. Of several queries the best." }),
  highlight: highlightSchema.optional().meta({ description: "Only where asked for." }),
});

export const searchReplySchema = z.strictObject({
  results: z.array(resultSchema).meta({
    description: "Best first; equal scores by `created_at`, newest first, then `id`.",
  }),
  total: z.int().min(0).meta({ description: "How many can be paged through." }),
  ...USED,
}).meta({ id: "SearchReply" });

/** From a found memory to the memory itself, and to what is like it. */
const BEST = { "path.id": "$response.body#/results/0/memory/id" };
export const RESULT_LINKS = {
  readBest: { operationId: "readMemory", parameters: BEST },
  relateBest: { operationId: "relatedMemories", parameters: BEST },
} as const;

export function searchView(found: SearchResult): z.infer<typeof searchReplySchema> {
  return {
    results: found.results.map(resultView),
    total: found.total,
    ...usedView(found),
  };
}

export function usedView(
  { mode, degraded, tookMs }: Pick<SearchResult, "mode" | "degraded" | "tookMs">,
) {
  return { mode, degraded, took_ms: tookMs };
}

function resultView({ memory, access, score, scores, highlight }: Result) {
  return {
    memory: memoryView({ memory, access }),
    score,
    scores,
    ...(highlight && {
      highlight: {
        text: memory.content.slice(highlight.start, highlight.end),
        start: highlight.start,
        end: highlight.end,
        ranges: highlight.ranges.map(({ start, end }) => ({ start, end })),
      },
    }),
  };
}
