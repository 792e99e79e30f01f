/** How a memory is framed and cut for a language model: within its room, between characters. */
import assert from "node:assert/strict";
import { type Block, excerptBlock, wholeBlock } from "../src/context/block.ts";
import type { Memory } from "../src/memory.ts";
import { Pace } from "../src/pace.ts";
import type { TextRange } from "../src/text_index.ts";
import { estimateTokens } from "../src/tokens.ts";
import { memoryOf } from "./fakes/store_kit.ts";
import { withPauses } from "./pauses.ts";

function remembered(content: string): Memory {
  return memoryOf(1, { content });
}

function fence({ content }: Memory): TextRange {
  const start = content.indexOf("fence");
  return { start, end: start + "fence".length };
}

/** What a reader takes for one character, though it is many code points. */
const CHARACTERS = [
  "\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}",
  "\u1112\u1161\u11ab",
  "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "1\ufe0f\u20e3",
  "\u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",
  "\u{1f9d1}\u{1f3ff}\u200d\u{1f680}",
  "\u0e01\u0e33\u0e19\u0e33",
  "\u0600\u0661",
];

Deno.test("no excerpt begins or ends within a character, and each has room for its tokens", async () => {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (const character of CHARACTERS) {
    const characters = character.repeat(Math.ceil(900 / character.length));
    const content = `${characters} fence ${characters}`;
    const ends = new Set([...segmenter.segment(content)].map(({ index }) => index));
    ends.add(content.length);
    for (let most = 240; most < 540; most += 13) {
      const block = await excerptBlock(remembered(content), fence, most, new Pace());
      const [, piece = "nothing"] = /\n> (?:… )?(.*?)(?: …)?\n$/su.exec(block?.text ?? "") ?? [];
      const start = content.indexOf(piece);
      assert.ok(piece.includes("fence") && start !== -1, piece);
      assert.ok(ends.has(start) && ends.has(start + piece.length), `${most}: ${piece}`);
      assert.ok((block?.tokens ?? Infinity) <= most && (block?.tokens ?? 0) > most * 0.6);
    }
  }
});

/** A memory of the longest: what a model, or a reader, finds hardest. */
const HARD = [
  "\u{1f600}",
  "\u{1f1e9}\u{1f1ea}",
  "\ud55c\uad6d\uc5b4 ",
  "\u82b1\u56ed",
  "\u0e01\u0e33\u0e19",
  "e\u0301\u0301",
  "a.b",
  "\n",
  "7 \n",
  " \t",
  "We had all of it, and 12 more. ",
];

async function cut(memory: Memory, most: number): Promise<Block | undefined> {
  const pace = new Pace();
  return await wholeBlock(memory, most, pace) ?? await excerptBlock(memory, fence, most, pace);
}

Deno.test("the longest memory of any script is counted and cut in slices, and fills its room", async () => {
  for (const text of HARD) {
    const half = text.repeat(49_000 / [...text].length);
    const memory = remembered(`${half} fence ${half}`);
    for (const most of [1_000, 8_000, 32_000, 100_000, 200_000]) {
      const kind = `${JSON.stringify(text)} in ${most}`;
      const { longestMs, result } = await calmest(() => cut(memory, most));
      assert.equal(result?.tokens, estimateTokens(`${result?.text}\n`), kind);
      assert.ok(result.tokens <= most, kind);
      assert.ok(!result.isExcerpt || result.tokens > most * 0.95, `${kind}: ${result.tokens}`);
      assert.ok(longestMs <= MOST_MS, `${kind}: ${longestMs} ms`);
    }
  }
});

const MOST_MS = 20;

/** Once more where something was slow: that may have been the collector of garbage. */
async function calmest<T>(work: () => Promise<T>) {
  let measured = await withPauses(work);
  for (let n = 0; n < 4 && measured.longestMs > MOST_MS; n++) measured = await withPauses(work);
  return measured;
}
