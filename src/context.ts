/**
 * Puts together what a language model should read: the best memories for a question, in reading
 * order, within a budget of tokens.
 *
 * Promises: the text takes no more tokens than allowed, as `tokens.ts` counts them on the careful
 * side; what does not fit is left out, and where nothing fits the text is empty; the same
 * text is given once.
 */
import type { Clock } from "./clock.ts";
import { type Block, excerptBlock, wholeBlock } from "./context/block.ts";
import { type Memory, type MemoryFilter, threadOf } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { RankingWeights } from "./ranking.ts";
import type { UsedMode } from "./retrieval.ts";
import { compareAge, sameTextKey } from "./same_texts.ts";
import type { Degradation, Result, Search, SearchMode } from "./search.ts";
import type { TextIndex, TextRange } from "./text_index.ts";

export interface ContextRequest {
  readonly queries: readonly string[];
  readonly maxTokens: number;
  readonly mode: SearchMode;
  readonly filter: MemoryFilter;
  readonly minScore: number;
  readonly weights: RankingWeights;
}

export interface ContextMemory extends Block {
  readonly memory: Memory;
  readonly score: number;
}

export interface ContextResult {
  readonly context: string;
  readonly tokens: number;
  /** In the order of the text. */
  readonly memories: readonly ContextMemory[];
  /** How many were looked at and left out, for want of room or for saying what another says. */
  readonly omitted: number;
  readonly mode: UsedMode;
  readonly degraded: Degradation | null;
  readonly tookMs: number;
}

/** So many memories are looked at: what is further down answers nothing. */
const MOST_CANDIDATES = 300;
/** A memory that takes a larger share of the budget, while others wait, is given by an excerpt. */
const LARGEST_SHARE = 0.5;
const EXCERPT_SHARE = 0.25;
/** A share is no less than this: of a small budget a half would hold nothing. */
const LEAST_SHARE_TOKENS = 200;
/** Room for a line or two more in an excerpt: less is not worth looking at it again. */
const LEAST_ROOM_TOKENS = 30;

export interface ContextsOptions {
  readonly search: Search;
  readonly textIndex: TextIndex;
  readonly clock: Clock;
}

export class Contexts {
  readonly #options: ContextsOptions;

  constructor(options: ContextsOptions) {
    this.#options = options;
  }

  /** Throws as `Search.run` does. */
  async make(request: ContextRequest): Promise<ContextResult> {
    const { search, clock } = this.#options;
    const began = clock.now();
    const { results, mode, degraded } = await search.run({
      ...request,
      limit: MOST_CANDIDATES,
      offset: 0,
      highlight: false,
    });
    const chosen = await this.#choose(results, request);
    const memories = inReadingOrder(chosen);
    return {
      context: memories.map(({ text }) => text).join("\n"),
      tokens: memories.reduce((sum, { tokens }) => sum + tokens, 0),
      memories,
      omitted: results.length - memories.length,
      mode,
      degraded,
      tookMs: Math.max(0, clock.now() - began),
    };
  }

  /** From the best on whatever still fits, each text once; then what room is left is used up. */
  async #choose(results: readonly Result[], request: ContextRequest): Promise<ContextMemory[]> {
    const { maxTokens, queries } = request;
    let show: ((memory: Memory) => TextRange) | undefined;
    // Made ready for the first that does not fit whole: mostly all do.
    const placeOf = (memory: Memory) =>
      (show ??= this.#options.textIndex.highlighter(queries.join("\n")))(memory);
    const most = results.length === 1 ? maxTokens : shareOf(maxTokens, LARGEST_SHARE);
    const piece = shareOf(maxTokens, EXCERPT_SHARE);
    const pace = new Pace();
    const said = new Set<string>();
    const chosen: ContextMemory[] = [];
    let left = maxTokens;
    for (const { memory, score } of results) {
      const key = sameTextKey(memory.content);
      if (said.has(key)) continue;
      const block = await wholeBlock(memory, Math.min(left, most), pace) ??
        await excerptBlock(memory, placeOf, Math.min(left, piece), pace);
      if (block !== undefined) {
        said.add(key);
        chosen.push({ ...block, memory, score });
        left -= block.tokens;
      }
      if (pace.due) await pace.breathe();
    }
    return await grown(chosen, left, placeOf, pace);
  }
}

/** The same with longer excerpts, from the best one on, as long as there is room to speak of. */
async function grown(
  chosen: readonly ContextMemory[],
  room: number,
  placeOf: (memory: Memory) => TextRange,
  pace: Pace,
): Promise<ContextMemory[]> {
  const longer: ContextMemory[] = [];
  let left = room;
  for (const each of chosen) {
    const most = each.tokens + left;
    const block = each.isExcerpt && left >= LEAST_ROOM_TOKENS
      ? await wholeBlock(each.memory, most, pace) ??
        await excerptBlock(each.memory, placeOf, most, pace)
      : undefined;
    const better = block !== undefined && block.tokens > each.tokens ? { ...each, ...block } : each;
    longer.push(better);
    left -= better.tokens - each.tokens;
  }
  return longer;
}

function shareOf(maxTokens: number, share: number): number {
  return Math.max(LEAST_SHARE_TOKENS, Math.floor(maxTokens * share));
}

/** Threads in the order in which their first memory was made, each by itself in the order of its
 * own memories; a memory without a thread is one of its own. */
function inReadingOrder(chosen: readonly ContextMemory[]): ContextMemory[] {
  const byTime = [...chosen].sort((a, b) => compareAge(a.memory, b.memory));
  const threads = Map.groupBy(byTime, ({ memory }) => threadOf(memory) ?? memory);
  return [...threads.values()].flat();
}
