/** Searches of mem0's: our own search, narrowed by their filters. */
import { z } from "zod";
import type { Brain } from "../../brain.ts";
import type { Memory } from "../../memory.ts";
import { DEFAULT_WEIGHTS } from "../../ranking.ts";
import type { Result } from "../../search.ts";
import { querySchema } from "../question.ts";
import { json } from "../route.ts";
import { bodyOf, type Mem0Route } from "./asked.ts";
import type { Test } from "./conditions.ts";
import type { Filters } from "./filters.ts";
import type { Mem0ApiOptions } from "./options.ts";
import { listSchema, narrowing } from "./reading.ts";
import { memoryView } from "./view.ts";

const MOST_RESULTS = 1_000;
const DEFAULT_RESULTS = 10;

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
  filters: Filters,
  { query, most, minScore }: Wanted,
): Promise<readonly Result[]> {
  const run = async (matches?: Test) =>
    (await brain.search.run({
      queries: [query],
      mode: "auto",
      filter: filters.filter,
      matches,
      limit: most,
      offset: 0,
      minScore,
      weights: DEFAULT_WEIGHTS,
      highlight: false,
    })).results;
  const passes = ({ memory }: Result) => filters.test(memory);
  if (filters.isQuick) {
    // Only what has expired is not to be found, and hardly ever is there any among the best.
    const results = await run();
    if (results.every(passes)) return results;
  }
  // What was changed meanwhile may pass no more.
  return (await run(await quickTest(brain, filters))).filter(passes);
}

/** A search tests thousands in one piece: what may take long is worked out before, in slices. */
async function quickTest({ listing }: Brain, { isQuick, test }: Filters): Promise<Test> {
  if (isQuick) return test;
  const ids = new Set((await listing.select(test)).map(({ id }) => id));
  return ({ id }) => ids.has(id);
}

function resultView(memory: Memory, score: number, fields: readonly string[] | null | undefined) {
  const view = { ...memoryView(memory), score };
  if (fields === null || fields === undefined || fields.length === 0) return view;
  const wanted = new Set(["id", ...fields]);
  return Object.fromEntries(Object.entries(view).filter(([name]) => wanted.has(name)));
}
