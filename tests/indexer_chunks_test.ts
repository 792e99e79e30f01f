/** Chunks of long texts: where they are cut, and what must hold of them in every script. */
import assert from "node:assert/strict";
import { chunksOf } from "../src/indexer/chunks.ts";
import { RecentChunks } from "../src/indexer/recent_chunks.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";

const sentence = (n: number) => `Sentence ${n} has just these eight plain words.`;
const sentences = (count: number) => Array.from({ length: count }, (_, n) => sentence(n)).join(" ");
const wordsOf = (text: string) => text.split(/\s+/).length;
/** What is left of a text where white space does not count. */
const inked = (text: string) => text.replaceAll(/\s+/g, "");

Deno.test("a text of up to 130 words stays as it is, white space and all", () => {
  for (const text of ["", "a", " two words\n", sentences(16), `${sentences(16)}  \n`]) {
    assert.deepEqual(chunksOf(text), [text]);
  }
});

Deno.test("a longer text is cut at the ends of sentences, into chunks of about 100 words", () => {
  for (const count of [17, 25, 40, 300]) {
    const chunks = chunksOf(sentences(count));
    assert.equal(chunks.join(" "), sentences(count));
    for (const chunk of chunks) {
      assert.match(chunk, /^Sentence .* words\.$/s);
      assert.ok(wordsOf(chunk) >= 50 && wordsOf(chunk) <= 150, `${wordsOf(chunk)} words`);
    }
  }
});

Deno.test("the end of a paragraph is better than that of a line, of a sentence, of a clause", () => {
  const text = (end: string) => `${"word ".repeat(89)}word${end}${"more ".repeat(99)}last`;
  for (const end of ["\n\n", "\n", ". ", ", "]) {
    assert.equal(chunksOf(text(end))[0], `${"word ".repeat(89)}word${end}`.trim(), end);
  }
  const both = `${"word ".repeat(80)}end.\n\n${"more ".repeat(10)}and. ${"last ".repeat(90)}`;
  assert.equal(chunksOf(both)[0], `${"word ".repeat(80)}end.`);
});

Deno.test("scripts without spaces are measured by characters and cut behind their full stops", () => {
  const chinese = chunksOf("花园的围栏用雪松木做，不用松木。".repeat(40));
  assert.ok(chinese.length >= 3 && chinese.every((chunk) => chunk.endsWith("。")));
  assert.ok(chinese.every((chunk) => chunk.length >= 100 && chunk.length <= 300));
  const thai = chunksOf("สวัสดีครับ".repeat(200));
  assert.ok(thai.every((chunk) => chunk.length >= 250 && chunk.length <= 700), `${thai.length}`);
});

Deno.test("no character is cut, however many code points it is made of", () => {
  for (const character of ["🪴", "👩‍👩‍👧", "🇩🇪", "é", "각", "นี้", "👍🏽"]) {
    const chunks = chunksOf(character.repeat(4_000));
    assert.ok(chunks.length > 1);
    assert.equal(chunks.join(""), character.repeat(4_000));
    for (const chunk of chunks) assert.equal(chunk.length % character.length, 0, character);
  }
});

Deno.test("one word of 100,000 characters, marks without end and endless blanks are cut too", () => {
  const word = chunksOf("x".repeat(100_000));
  assert.deepEqual([...new Set(word)], ["x".repeat(1_000)]);
  const marked = chunksOf(`a${"\u0301".repeat(50_000)}`);
  assert.ok(marked.length >= 30 && marked.every((chunk) => chunk.length <= 1_700));
  assert.deepEqual(chunksOf(`${" ".repeat(40_000)}a${"\n".repeat(40_000)}`), ["a"]);
});

Deno.test("whatever the text, its chunks hold all of it, are bounded, and are the same again", () => {
  const random = randomOf(seed);
  const parts = ["word ", "a ", "Ende. ", "\n\n", "\n", "    ", "世界", "。", "สวัสดี", "🪴", "👩‍👩‍👧"];
  parts.push(
    "x".repeat(90),
    "e\u0301",
    "\ud800",
    '{"a": [1, 2]}, ',
    "한국어 문장 ",
    "и так далее ",
  );
  for (let run = 0; run < 200; run++) {
    const own = parts.filter(() => random() < 0.4);
    let text = "x";
    const length = random() * 4_000;
    while (text.length < length) text += own[Math.floor(random() * own.length)] ?? "y";
    const chunks = chunksOf(text);
    assert.equal(inked(chunks.join("")), inked(text), `TEST_SEED=${seed}`);
    assert.deepEqual(chunksOf(text), chunks);
    if (chunks.length === 1) continue;
    for (const chunk of chunks) {
      assert.ok(chunk.trim() !== "" && chunk.length <= 1_700, `TEST_SEED=${seed}`);
      assert.ok(chunk.isWellFormed() || text.includes("\ud800"), `TEST_SEED=${seed}`);
    }
  }
});

Deno.test("a long text that was cut lately is not cut again, and only the latest are remembered", () => {
  const recent = new RecentChunks();
  const texts = Array.from({ length: 60 }, (_, n) => `${n} `.repeat(30_000));
  const cut = texts.map((text) => recent.of(text));
  assert.deepEqual(cut, texts.map(chunksOf));
  assert.equal(recent.of(texts[59] ?? ""), cut[59]);
  assert.notEqual(recent.of(texts[0] ?? ""), cut[0]);
  assert.deepEqual(recent.of(texts[0] ?? ""), cut[0]);
  assert.deepEqual(recent.of("short"), ["short"]);
});
