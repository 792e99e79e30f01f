/** What only reads memories: one, lists of them, and the history of one. */
import { z } from "zod";
import { type Clock, timestamp } from "../../clock.ts";
import type { JsonObject } from "../../json.ts";
import type { Memory } from "../../memory.ts";
import { compareKeys } from "../../selection.ts";
import { json } from "../route.ts";
import {
  type Asked,
  bodyOf,
  ENTITY_FIELDS,
  FIRST_PAGE,
  idOf,
  type Mem0Route,
  objectSchema,
  pageOf,
  queryOf,
} from "./asked.ts";
import { type Filters, filtersOf } from "./filters.ts";
import { ENTITIES, expirationOf } from "./kept.ts";
import { pageList, plainList, resultsList, sortedList } from "./lists.ts";
import type { Mem0ApiOptions } from "./options.ts";
import { historyView, memoryView } from "./view.ts";

/** What narrows a list or a search beside the filters, under the names of several versions. */
export const listSchema = z.object({
  ...ENTITY_FIELDS,
  filters: objectSchema.nullish(),
  metadata: objectSchema.nullish(),
  categories: z.union([z.string().transform((text) => text.split(",")), z.array(z.string())])
    .nullish(),
  keywords: z.string().nullish(),
  start_date: z.string().nullish(),
  end_date: z.string().nullish(),
  show_expired: z.union([z.boolean(), z.string().transform((text) => text === "true")]).nullish(),
  output_format: z.string().nullish(),
});

type Narrowing = z.infer<typeof listSchema>;

/** How a version shows a list that is asked for without a page. */
type Shape = "plain" | "page";

export function readingRoutes(options: Mem0ApiOptions): readonly Mem0Route[] {
  const { brain: { memories } } = options;
  return [
    {
      method: "GET",
      path: "/v1/memories/:id",
      scope: "read",
      answer: (asked) => json(200, memoryView(memories.read(idOf(asked)).memory)),
    },
    {
      method: "GET",
      path: "/v1/memories/:id/history",
      scope: "read",
      answer: (asked) => json(200, historyView(memories.peek(idOf(asked)).memory)),
    },
    {
      method: "GET",
      path: "/v1/memories",
      scope: "read",
      answer: (asked) => answerList(options, asked, queryOf(listSchema, asked), "plain"),
    },
    listRoute(options, "/v2/memories", "plain"),
    listRoute(options, "/v3/memories", "page"),
  ];
}

function listRoute(options: Mem0ApiOptions, path: string, shape: Shape): Mem0Route {
  return {
    method: "POST",
    path,
    scope: "read",
    answer: async (asked) =>
      await answerList(options, asked, await bodyOf(listSchema, asked, options), shape),
  };
}

async function answerList(
  { brain, clock }: Mem0ApiOptions,
  asked: Asked,
  given: Narrowing,
  shape: Shape,
): Promise<Response> {
  const page = pageOf(asked) ?? (shape === "page" ? FIRST_PAGE : undefined);
  const { test } = narrowing(given, clock);
  const list = sortedList(await brain.listing.select(test), newestFirst, memoryView);
  if (page !== undefined) return pageList(list, page, asked.request);
  return given.output_format === "v1.1" ? resultsList(list) : plainList(list);
}

export function narrowing(given: Narrowing, clock: Clock): Filters {
  const { filters, metadata, categories, keywords, start_date, end_date, show_expired } = given;
  const named: JsonObject = Object.fromEntries(
    ENTITIES.flatMap((name) => given[name] ? [[name, given[name]]] : []),
  );
  const conditions: JsonObject = {
    ...(metadata && { metadata }),
    ...(categories && { categories }),
    ...(keywords && { keywords }),
    ...((start_date || end_date) && {
      created_at: { ...(start_date && { gte: start_date }), ...(end_date && { lte: end_date }) },
    }),
  };
  const all = filtersOf(filters ?? {}, named, conditions);
  if (show_expired) return all;
  const today = timestamp(clock).slice(0, 10);
  return { ...all, test: (memory) => all.test(memory) && !isExpired(memory, today) };
}

function isExpired(memory: Memory, today: string): boolean {
  const expiration = expirationOf(memory);
  return expiration !== null && expiration < today;
}

/** The newest first, and of those of one moment the last. */
function newestFirst(a: Memory, b: Memory): number {
  return compareKeys(b.created_at, a.created_at) || compareKeys(b.id, a.id);
}
