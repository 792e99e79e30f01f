/** `POST /search`. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { WRITABLE } from "../memory.ts";
import {
  askedOf,
  ASKING,
  querySchema,
  RESULT_LINKS,
  searchReplySchema,
  searchView,
} from "./question.ts";
import { json, type Route, route } from "./route.ts";

const searchSchema = z.strictObject({
  query: querySchema.optional().meta({
    description: "Left out where `queries` are sent, or may be where an embedding is.",
  }),
  ...ASKING,
  limit: z.int().min(1).max(100).default(10),
  offset: z.int().min(0).max(1_000_000).default(0),
  embedding: WRITABLE.embedding.nullish().meta({
    description: "A vector to search by, in place of the query's own.",
  }),
  highlight: z.boolean().default(false).meta({
    description: "Shows with each result where it says what was asked for.",
  }),
}).refine(({ query, queries }) => query === undefined || queries === undefined, {
  message: "cannot go with a query",
  path: ["queries"],
}).refine(
  ({ embedding, queries }) => (embedding ?? undefined) === undefined || queries === undefined,
  {
    message: "cannot go with queries",
    path: ["embedding"],
  },
).meta({
  id: "SearchRequest",
  // A field that only null would do for must be left out: here null is nothing that it takes.
  anyOf: [
    { required: ["query"], properties: { queries: { type: "null" } } },
    {
      required: ["queries"],
      properties: { query: { type: "null" }, embedding: { type: "null" } },
    },
    {
      required: ["embedding"],
      properties: {
        queries: { type: "null" },
        embedding: { type: "array" },
        mode: { enum: ["auto", "semantic", "hybrid"] },
      },
    },
  ],
});

export function searchRoutes({ search }: Brain): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/search",
      operationId: "searchMemories",
      summary: "Find memories",
      description:
        "By their words, their meaning, or both. Without an embedding provider, or while " +
        "it is away, by words: `mode` and `degraded` say what was used. Does not count as an access.",
      tag: "Search",
      scope: "read",
      body: { schema: searchSchema, contentTypes: ["application/json"] },
      replies: {
        200: { description: "What was found.", schema: searchReplySchema, links: RESULT_LINKS },
      },
    }, async ({ body }) => {
      const { limit, offset, embedding, highlight } = body;
      const found = await search.run({
        ...askedOf(body),
        embedding: embedding ?? undefined,
        limit,
        offset,
        highlight,
      });
      return json(200, searchView(found));
    }),
  ];
}
