/** Where characters begin and end, held against the tables of Unicode over the whole text. */
import assert from "node:assert/strict";
import { Graphemes } from "../src/graphemes.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const CHARACTERS = [
  "\u{1f1e9}\u{1f1ea}",
  "\u{1f1eb}\u{1f1f7}".repeat(40),
  "\u{1f1ea}",
  "\u1112\u1161\u11ab",
  "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}",
  "1\ufe0f\u20e3",
  "\u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",
  "\u{1f9d1}\u{1f3ff}\u200d\u{1f680}",
  "\u0e01\u0e33\u0e19\u0e33",
  "\u0600\u0661",
  "\r\n",
  "e\u0301",
  "\u{1d49c}",
  "word ",
  "\u82b1",
];

Deno.test(`every place in a text is in the character that Unicode says (seed ${seed})`, () => {
  const random = randomOf(seed);
  for (let n = 0; n < 40; n++) {
    const text = Array.from(
      { length: 30 },
      () => CHARACTERS[below(random, CHARACTERS.length)],
    ).join("");
    const graphemes = new Graphemes(text);
    for (const { index, segment } of segmenter.segment(text)) {
      const end = index + segment.length;
      const inside = Array.from({ length: segment.length - 1 }, (_, n) => index + 1 + n);
      assert.deepEqual(
        [index, graphemes.floor(index), graphemes.ceil(index)],
        Array(3).fill(index),
      );
      for (const at of inside) {
        assert.deepEqual([graphemes.floor(at), graphemes.ceil(at)], [index, end], `${text} ${at}`);
      }
    }
  }
});

Deno.test("a character without end is cut between two marks, and never in a half of one", () => {
  const marks = new Graphemes(`e${"\u0301".repeat(100_000)}`);
  assert.deepEqual([marks.floor(50_000), marks.ceil(50_000)], [50_000, 50_000]);
  const joined = new Graphemes("\u{1f468}\u200d".repeat(1_000));
  assert.deepEqual([joined.floor(901), joined.ceil(901)], [900, 902]);
});
