/** Searches of mem0's: our own search, narrowed by their filters. */
import { z } from "zod";
import type { Memory } from "../../memory.ts";
import type { Result, SearchRequest } from "../../search.ts";
import { querySchema } from "../question.ts";
import { json } from "../route.ts";
import { bodyOf, type Mem0Route } from "./asked.ts";
import type { Filters } from "./filters.ts";
import type { Mem0ApiOptions } from "./options.ts";
import { listSchema, narrowing } from "./reading.ts";
import { memoryView } from "./view.ts";

const MOST_RESULTS = 1_000;
const DEFAULT_RESULTS = 10;
/** What a filter of theirs leaves out is replaced from so many of the best, and no further down. */
const MOST_LOOKED_AT = 10_000;

const searchSchema = z.object({
  ...listSchema.shape,
  query: querySchema,
  top_k: z.int().min(1).max(MOST_RESULTS).nullish(),
  limit: z.int().min(1).max(MOST_RESULTS).nullish(),
  threshold: z.number().min(0).max(1).nullish(),
  fields: z.array(z.string()).nullish(),
});

export function searchingRoutes(options: Mem0ApiOptions): readonly Mem0Route[] {
  return [
    searchRoute(options, "/v1/memories/search", "plain"),
    searchRoute(options, "/v2/memories/search", "plain"),
    searchRoute(options, "/v3/memories/search", "results"),
  ];
}

function searchRoute(options: Mem0ApiOptions, path: string, shape: "plain" | "results"): Mem0Route {
  return {
    method: "POST",
    path,
    scope: "read",
    async answer(asked) {
      const given = await bodyOf(searchSchema, asked, options);
      const { query, top_k, limit, threshold, fields, output_format } = given;
      const found = await search(options, narrowing(given, options.clock), {
        query,
        most: top_k ?? limit ?? DEFAULT_RESULTS,
        minScore: threshold ?? 0,
      });
      const results = found.map(({ memory, score }) => resultView(memory, score, fields));
      const isPlain = shape === "plain" && output_format !== "v1.1";
      return json(200, isPlain ? results : { results });
    },
  };
}

interface Wanted {
  readonly query: string;
  readonly most: number;
  readonly minScore: number;
}

async function search(
  { brain }: Mem0ApiOptions,
  { filter, test }: Filters,
  { query, most, minScore }: Wanted,
): Promise<Result[]> {
  const request: Omit<SearchRequest, "limit" | "offset"> = {
    queries: [query],
    mode: "auto",
    filter,
    minScore,
    weights: { importance: 0.1, recency: 0.1 },
    highlight: false,
  };
  const found: Result[] = [];
  // Many at once the second time: a search takes as long for them as for a few.
  for (let offset = 0, limit = most; offset < MOST_LOOKED_AT; limit = MOST_LOOKED_AT) {
    const { results } = await brain.search.run({ ...request, limit, offset });
    found.push(...results.filter(({ memory }) => test(memory)));
    if (found.length >= most || results.length < limit) break;
    offset += limit;
  }
  return found.slice(0, most);
}

function resultView(memory: Memory, score: number, fields: readonly string[] | null | undefined) {
  const view = { ...memoryView(memory), score };
  if (fields === null || fields === undefined || fields.length === 0) return view;
  const wanted = new Set(["id", ...fields]);
  return Object.fromEntries(Object.entries(view).filter(([name]) => wanted.has(name)));
}
