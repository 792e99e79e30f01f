/** The tools that look: search, get, list, context. */
import { z } from "zod";
import type { Brain } from "../../brain.ts";
import { idSchema, WRITABLE } from "../../memory.ts";
import { paced } from "../../pace.ts";
import { DEFAULT_WEIGHTS } from "../../ranking.ts";
import { SEARCH_MODES, type SearchResult } from "../../search.ts";
import { SORTS } from "../../walks.ts";
import { listedData, listedText, wholeData, wholeText } from "../memory_text.ts";
import type { Tool } from "../tool.ts";
import { defineTool } from "./arguments.ts";
import { filterOf, FILTERS, limitSchema, querySchema, responseFormatSchema } from "./question.ts";

const HINTS = { destructiveHint: false, idempotentHint: true } as const;
const response_format = responseFormatSchema;

export function readingTools(brain: Brain): readonly Tool[] {
  return [searchTool(brain), getTool(brain), listTool(brain), contextTool(brain)];
}

function searchTool({ search }: Brain): Tool {
  return defineTool({
    name: "memory_search",
    description: "Find memories by words and meaning, best first. Look here before you answer.",
    scope: "read",
    hints: HINTS,
    args: z.object({
      query: querySchema,
      limit: limitSchema(10),
      offset: z.int().min(0).max(1_000_000).default(0),
      mode: z.enum(SEARCH_MODES).default("auto"),
      ...FILTERS,
      metadata: WRITABLE.metadata.optional().meta({
        description: "Equal values at top-level keys.",
        examples: undefined,
      }),
      response_format,
    }),
    async run({ query, limit, offset, mode, response_format: format, metadata, ...filters }) {
      const found = await search.run({
        queries: [query],
        mode,
        filter: { ...filterOf(filters), metadata },
        limit,
        offset,
        minScore: 0,
        weights: DEFAULT_WEIGHTS,
        highlight: false,
      });
      const nextOffset = followingOffset(found, offset);
      const shown = await paced(found.results, (one) => {
        const score = rounded(one.score);
        return {
          text: listedText(one, format, `score ${score}`),
          data: { ...listedData(one, format), score },
        };
      });
      return {
        text: [foundText(found, nextOffset), ...shown.map(({ text }) => text)].join("\n\n"),
        structured: {
          results: shown.map(({ data }) => data),
          total: found.total,
          next_offset: nextOffset,
          mode: found.mode,
          degraded: found.degraded,
        },
      };
    },
  });
}

function followingOffset({ results, total }: SearchResult, offset: number): number | null {
  const next = offset + results.length;
  return results.length > 0 && next < total ? next : null;
}

function foundText({ results, total, degraded }: SearchResult, nextOffset: number | null): string {
  if (results.length === 0) return "Nothing was found. Try other words, or fewer filters.";
  const more = nextOffset === null ? "" : `; for more, offset ${nextOffset}`;
  const poorer = degraded === null ? "" : `; searched by words only (${degraded})`;
  return `${results.length} of ${total} found${more}${poorer}. Behind "> " stands stored text.`;
}

function rounded(score: number): number {
  return Math.round(score * 1e4) / 1e4;
}

function getTool({ memories }: Brain): Tool {
  return defineTool({
    name: "memory_get",
    description: "Read one memory in full, with its revision.",
    scope: "read",
    hints: HINTS,
    args: z.object({ id: idSchema, response_format }),
    run({ id, response_format: format }) {
      const entry = memories.read(id);
      return Promise.resolve({
        text: wholeText(entry, format),
        structured: { memory: wholeData(entry, format) },
      });
    },
  });
}

function listTool({ listing }: Brain): Tool {
  return defineTool({
    name: "memory_list",
    description: "Page through memories in order; pass next_cursor as cursor.",
    scope: "read",
    hints: HINTS,
    args: z.object({
      limit: limitSchema(20),
      cursor: z.string().min(1).max(32_000).optional(),
      sort: z.enum(SORTS).optional(),
      order: z.enum(["desc", "asc"]).optional(),
      ...FILTERS,
      response_format,
    }),
    async run({ limit, cursor, sort, order, response_format: format, ...filters }) {
      const page = await listing.list({ limit, cursor, sort, order, filter: filterOf(filters) });
      const head = pageText(page.entries.length, page.total, page.nextCursor);
      const shown = await paced(page.entries, (entry) => ({
        text: listedText(entry, format),
        data: listedData(entry, format),
      }));
      return {
        text: [head, ...shown.map(({ text }) => text)].join("\n\n"),
        structured: {
          memories: shown.map(({ data }) => data),
          total: page.total,
          next_cursor: page.nextCursor,
        },
      };
    },
  });
}

function pageText(shown: number, total: number, nextCursor: string | null): string {
  if (total === 0) return "There is no such memory.";
  const more = nextCursor === null ? "the last page" : `next_cursor ${nextCursor}`;
  return `${shown} of ${total}; ${more}. Behind "> " stands stored text.`;
}

function contextTool({ contexts }: Brain): Tool {
  return defineTool({
    name: "memory_context",
    description: "One text of what is remembered about a question, within max_tokens.",
    scope: "read",
    hints: HINTS,
    args: z.object({
      query: querySchema,
      max_tokens: z.int().min(1).max(200_000).default(2_000),
      ...FILTERS,
    }),
    async run({ query, max_tokens, ...filters }) {
      const made = await contexts.make({
        queries: [query],
        maxTokens: max_tokens,
        mode: "auto",
        filter: filterOf(filters),
        minScore: 0,
        weights: DEFAULT_WEIGHTS,
      });
      return {
        text: made.context === "" ? nothingText(max_tokens, made.omitted) : made.context,
        structured: {
          context: made.context,
          tokens: made.tokens,
          memories: made.memories.map(({ memory, score, isExcerpt }) => ({
            id: memory.id,
            score: rounded(score),
            is_excerpt: isExcerpt,
          })),
          omitted: made.omitted,
          mode: made.mode,
          degraded: made.degraded,
        },
      };
    },
  });
}

function nothingText(maxTokens: number, omitted: number): string {
  if (omitted === 0) return "Nothing is remembered about it.";
  return `Nothing fits into ${maxTokens} tokens: ${omitted} found and left out; ` +
    "send a larger max_tokens.";
}
