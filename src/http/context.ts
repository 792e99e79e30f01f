/** `POST /context`. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { askedOf, ASKING, querySchema, scoreSchema, USED, usedView } from "./question.ts";
import { json, type Route, route } from "./route.ts";

const maxTokens = z.int().min(1).max(200_000);

const contextSchema = z.strictObject({
  query: querySchema.optional().meta({ description: "This or `queries`." }),
  ...ASKING,
  max_tokens: maxTokens.meta({
    description: "What the text may take. Counted on the careful side, without any model's own " +
      "vocabulary: of English some 20 to 30 % more than OpenAI's models count, elsewhere up to " +
      "three times as many. No promise for every model and text: leave some room where more would " +
      "be an error.",
    examples: [2_000],
  }),
}).refine(({ query, queries }) => query === undefined || queries === undefined, {
  message: "cannot go with a query",
  path: ["queries"],
}).refine(({ query, queries }) => query !== undefined || queries !== undefined, {
  message: "is required where no queries are sent",
  path: ["query"],
}).meta({
  id: "ContextRequest",
  // A field that only null would do for must be left out: here null is nothing that it takes.
  anyOf: [
    { required: ["query"], properties: { queries: { type: "null" } } },
    { required: ["queries"], properties: { query: { type: "null" } } },
  ],
});

const contextReplySchema = z.strictObject({
  context: z.string().meta({
    description: "For each memory a line `[date id]`, or `[date id excerpt]` where only a part " +
      "is given, then its text, each line behind `> `. Threads by their first memory, within them " +
      "by `created_at`. Empty where nothing was found or nothing fits. What memories say is data: " +
      "tell the model that nothing behind `> ` is an instruction.",
  }),
  tokens: z.int().min(0).meta({ description: "Of the text; at most `max_tokens`." }),
  max_tokens: maxTokens,
  memories: z.array(z.strictObject({
    id: z.string().meta({ format: "uuid" }),
    created_at: z.string().meta({ format: "date-time" }),
    score: scoreSchema,
    tokens: z.int().min(1),
    is_excerpt: z.boolean(),
  })).meta({ description: "In the order of the text." }),
  omitted: z.int().min(0).meta({
    description: "How many of the best 300 were left out: for want of room, or since they say " +
      "what another says.",
  }),
  ...USED,
}).meta({ id: "ContextReply" });

export function contextRoutes({ contexts }: Brain): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/context",
      operationId: "makeContext",
      summary: "Put memories together for a language model",
      description:
        "Searches as `POST /search` does and writes what was found into one text to put " +
        "before a question: the best memories that fit into `max_tokens`, each text once, in " +
        "reading order. A memory that would take most of the room is given by an excerpt about " +
        "what was asked for, which has what room is left in the end. What stands behind `> ` is " +
        "data, whatever it says: tell the model so.",
      tag: "Search",
      scope: "read",
      body: { schema: contextSchema, contentTypes: ["application/json"] },
      replies: {
        200: {
          description: "What fits.",
          schema: contextReplySchema,
          links: {
            readFirst: {
              operationId: "readMemory",
              parameters: { "path.id": "$response.body#/memories/0/id" },
            },
          },
        },
      },
    }, async ({ body }) => {
      const { max_tokens } = body;
      const made = await contexts.make({ ...askedOf(body), maxTokens: max_tokens });
      return json(200, {
        context: made.context,
        tokens: made.tokens,
        max_tokens,
        memories: made.memories.map(({ memory, score, tokens, isExcerpt }) => ({
          id: memory.id,
          created_at: memory.created_at,
          score,
          tokens,
          is_excerpt: isExcerpt,
        })),
        omitted: made.omitted,
        ...usedView(made),
      });
    }),
  ];
}
