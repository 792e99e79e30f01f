/**
 * A memory as a language model reads it: a line of its own with its date and id, then its text,
 * whole or the best piece of it, each line behind a mark.
 *
 *     [2026-01-31T12:00Z 0190a5f0-7c3e-7b21-9d4f-3e8a61c2b5d7]
 *     > The garden fence gets cedar posts, not pine.
 *
 * No line of a memory begins with a bracket and no line of the frame with the mark: whatever a
 * memory says, it cannot pass for another one.
 */
import { Graphemes } from "../graphemes.ts";
import type { Memory } from "../memory.ts";
import type { Pace } from "../pace.ts";
import { quotedLines } from "../quoted_lines.ts";
import type { TextRange } from "../text_index.ts";
import { MOST_CHARACTERS_PER_TOKEN, stretchesOf } from "../tokens.ts";
import { TokenScale } from "./token_scale.ts";

export interface Block {
  readonly text: string;
  readonly tokens: number;
  readonly isExcerpt: boolean;
}

const LEAST_EXCERPT = 40;
/** What the mark before a line takes. */
const MARK_TOKENS = 1;
/** How far a cut may move to fall between words. */
const WORD_CHARACTERS = 30;
/** Of what an excerpt has room for beside what was asked about, this stands before it. */
const BEFORE = 1 / 3;
/** An excerpt that came out too long is made again, with so many tokens less at least. */
const STEP_TOKENS = 10;

/** The whole memory; undefined where it takes more tokens. */
export async function wholeBlock(
  memory: Memory,
  maxTokens: number,
  pace: Pace,
): Promise<Block | undefined> {
  // Surely too long, and not worth counting.
  if (memory.content.length > maxTokens * MOST_CHARACTERS_PER_TOKEN) return undefined;
  const text = framed(memory, memory.content, false);
  const tokens = await tokensOf(text, maxTokens, pace);
  return tokens <= maxTokens ? { text, tokens, isExcerpt: false } : undefined;
}

/** As much of the memory as fits about the place where it says what was asked for; undefined
 * where that is next to nothing. */
export async function excerptBlock(
  memory: Memory,
  placeOf: (memory: Memory) => TextRange,
  maxTokens: number,
  pace: Pace,
): Promise<Block | undefined> {
  let room = maxTokens - await tokensOf(framed(memory, "… …", true), maxTokens, pace);
  if (room < 1) return undefined;
  const cut = await Cut.of(memory.content, placeOf(memory), maxTokens, pace);
  while (room >= 1) {
    const { start, end } = cut.around(room);
    if (end - start < LEAST_EXCERPT) return undefined;
    const before = start > 0 ? "… " : "";
    const after = end < memory.content.length ? " …" : "";
    const text = framed(memory, `${before}${memory.content.slice(start, end)}${after}`, true);
    const tokens = await tokensOf(text, Infinity, pace);
    if (tokens <= maxTokens) return { text, tokens, isExcerpt: true };
    room = Math.min(room - STEP_TOKENS, Math.floor(room * maxTokens / tokens));
  }
  return undefined;
}

function framed({ id, created_at }: Memory, text: string, isExcerpt: boolean): string {
  const date = `${created_at.slice(0, 16)}Z`;
  const head = `[${date} ${id}${isExcerpt ? " excerpt" : ""}]`;
  return `${[head, ...quotedLines(text)].join("\n")}\n`;
}

/** Of the block and the line end behind it; more than `most` where it is more. */
async function tokensOf(block: string, most: number, pace: Pace): Promise<number> {
  let sum = 0;
  for (const { tokens } of stretchesOf(`${block}\n`)) {
    sum += tokens;
    if (sum > most) break;
    if (pace.due) await pace.breathe();
  }
  return Math.ceil(sum);
}

/** Cuts pieces of a text with a given place in them. */
class Cut {
  readonly #content: string;
  readonly #place: TextRange;
  /** Of what is near enough to be in an excerpt, which begins at `#from`. */
  readonly #scale: TokenScale;
  readonly #from: number;
  readonly #graphemes: Graphemes;

  private constructor(content: string, place: TextRange, scale: TokenScale, from: number) {
    this.#content = content;
    this.#place = place;
    this.#scale = scale;
    this.#from = from;
    this.#graphemes = new Graphemes(content);
  }

  static async of(content: string, place: TextRange, most: number, pace: Pace): Promise<Cut> {
    const reach = most * MOST_CHARACTERS_PER_TOKEN;
    const from = Math.max(0, place.start - reach);
    const near = content.slice(from, place.end + reach);
    return new Cut(content, place, await TokenScale.of(near, MARK_TOKENS, pace), from);
  }

  /** What takes about so many tokens, cut between words where one ends near by. */
  around(tokens: number): TextRange {
    const scale = this.#scale;
    const start = scale.tokensTo(this.#place.start - this.#from);
    const end = scale.tokensTo(this.#place.end - this.#from);
    const first = Math.max(0, start - Math.max(0, tokens - (end - start)) * BEFORE);
    const last = Math.min(scale.total, first + tokens);
    const from = this.#startNear(this.#from + scale.placeOf(Math.max(0, last - tokens)));
    return { start: from, end: Math.max(from, this.#endNear(this.#from + scale.placeOf(last))) };
  }

  #startNear(at: number): number {
    if (at === 0) return 0;
    const blank = this.#content.slice(at, at + WORD_CHARACTERS).search(/\s\S/);
    return this.#graphemes.ceil(blank === -1 ? at : at + blank + 1);
  }

  #endNear(at: number): number {
    if (at >= this.#content.length) return this.#content.length;
    const from = Math.max(0, at - WORD_CHARACTERS);
    const blank = this.#content.slice(from, at + 1).search(/\s\S*$/);
    return this.#graphemes.floor(blank <= 0 ? at : from + blank);
  }
}
