/** `GET /memories/{id}/related`. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { idSchema } from "../memory.ts";
import { numberParameter, pageParameters } from "./parameters.ts";
import { RESULT_LINKS, searchReplySchema, searchView } from "./question.ts";
import { json, type Route, route } from "./route.ts";

const DEFAULT_LIMIT = 10;

const relatedQuery = z.strictObject({
  ...pageParameters(DEFAULT_LIMIT, 1_000_000),
  min_score: numberParameter({ integer: false, min: 0, max: 1 }).optional(),
});

export function relatedRoutes({ related }: Brain): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/memories/{id}/related",
      operationId: "relatedMemories",
      summary: "Find what is like a memory",
      description: "By its words and its meaning; never the memory itself. Looking at it is no " +
        "access, and neither importance nor age bears on the order.",
      tag: "Search",
      params: z.strictObject({ id: idSchema.meta({ description: "The memory's id." }) }),
      query: relatedQuery,
      replies: {
        200: { description: "What was found.", schema: searchReplySchema, links: RESULT_LINKS },
      },
      errors: ["not_found"],
    }, async ({ params, query }) =>
      json(
        200,
        searchView(
          await related.run({
            id: params.id,
            limit: query.limit ?? DEFAULT_LIMIT,
            offset: query.offset ?? 0,
            minScore: query.min_score ?? 0,
          }),
        ),
      )),
  ];
}
