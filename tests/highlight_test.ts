/** What is shown of a found memory: the right piece of it, and the words that were asked for. */
import assert from "node:assert/strict";
import type { Highlight } from "../src/text_index.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import { isOneSlip, oneSlipAway } from "../src/text_index/spelling.ts";
import { stem } from "../src/text_index/stemming.ts";
import { tokenize } from "../src/text_index/tokenizer.ts";
import { seed } from "./fakes/store_kit.ts";
import { noted } from "./noted.ts";
import { random } from "./random.ts";

/** What is highlighted of a memory that is alone in the index. */
function highlighted(content: string, question: string): Highlight {
  const index = new Bm25Index();
  const memory = noted("m", content);
  index.put(memory);
  return index.highlighter(question)(memory);
}

/** The excerpt with its ranges in brackets. */
function shown(content: string, question: string): string {
  const { start, end, ranges } = highlighted(content, question);
  let text = "";
  let at = start;
  for (const range of ranges) {
    text += content.slice(at, range.start) + "[" + content.slice(range.start, range.end) + "]";
    at = range.end;
  }
  return text + content.slice(at, end);
}

Deno.test("the words that were asked for are shown, in whatever form they stand there", () => {
  const table: [string, string, string][] = [
    ["We were running home.", "who runs", "We were [running] home."],
    ["A fence, and fences.", "fence", "A [fence], and [fences]."],
    ["The café’s Öl", "cafe oel ol", "The [café]’s [Öl]"],
    ["cafe\u0301 au lait", "café", "[cafe\u0301] au lait"],
    [
      "ﬁsh for Ｆｕｌｌ 1,250,000 or 1,250",
      "fish full 1250",
      "[ﬁsh] for [Ｆｕｌｌ] 1,250,000 or [1,250]",
    ],
    ["call getUserName(id) now", "getusername", "call [getUserName](id) now"],
    ["call getUserName(id) now", "user", "call get[User]Name(id) now"],
    ["call getUserName(id) now", "user name", "call get[UserName](id) now"],
    ["see src/users/parse_record.ts", "parse_record.ts", "see src/users/[parse]_[record].[ts]"],
    ["see src/a.ts:12", "src/a.ts:12", "see [src/a.ts:12]"],
    ["the v2.9.6 of C++", "2.9.6 c++", "the [v2.9.6] of [C++]"],
    ["昨日、東京タワーに行きました。", "東京タワー", "昨日、[東京タワー]に行きました。"],
    ["猫と犬", "猫", "[猫]と犬"],
    ["a 👨‍👩‍👧 and 👩‍👧", "👩", "a [👨‍👩‍👧] and [👩‍👧]"],
    ["Booked the restaurant.", "restaurnat", "Booked the [restaurant]."],
    ["To be, or not to be", "to be", "[To] [be], or not [to] [be]"],
    ["Nothing of it.", "zebra", "Nothing of it."],
    ["Nothing of it.", "?!", "Nothing of it."],
  ];
  for (const [content, question, expected] of table) {
    assert.equal(shown(content, question), expected, question);
  }
});

Deno.test("of a long text the piece with the most of the question is shown, cut between sentences", () => {
  const weather = "It rained the whole day, and the next one too. ";
  const content = weather.repeat(20) + "A fence costs money. " + weather.repeat(200) +
    "Ravi said: the garden fence gets cedar posts. He had measured it twice. " + weather.repeat(90);
  const expected = "Ravi said: the [garden] [fence] gets [cedar] posts. He had measured it twice.";
  const found = shown(content, "cedar for the garden fence");
  assert.ok(found.includes(expected), found);
  assert.ok(found.length < 260 && /^\[?[A-Z].*\.$/s.test(found), found);
  assert.equal(shown(content, "zebra"), shown(content, "?"));
  assert.ok(content.startsWith(shown(content, "zebra")));
});

Deno.test("a text without white space is cut between characters", () => {
  const content = "👩‍👧".repeat(300) + "東京" + "🇩🇪".repeat(300);
  const { start, end, ranges } = highlighted(content, "東京");
  assert.deepEqual(ranges.map((range) => content.slice(range.start, range.end)), ["東京"]);
  assert.match(content.slice(start, end), /^(?:👩‍👧)+東京(?:🇩🇪)+$/u);
  const { ranges: none, ...excerpt } = highlighted(content, "zebra");
  assert.deepEqual(none, []);
  assert.match(content.slice(excerpt.start, excerpt.end), /^(?:👩‍👧)+$/u);
});

const PIECES = [
  ..."aeXfß9 \n.,!?'’-_/東京タกาहि가\u0301\u200d\u0e31\ufe0f\r",
  ..." fence Fences running getUserName v1.2 1,000 ﬁsh cafe\u0301 ｶﾞ ﷺ don't C++ e-mail".split(" "),
  "ᄒ",
  "ᅡ",
  "ᆫ",
  "👨‍👩‍👧",
  "🇩🇪",
  "🇫🇷",
  "👍🏽",
  "\ud83d",
  "क्‍ष",
  "한",
  ". ",
  "。",
  "   ",
];

Deno.test(`ranges lie in the excerpt, apart, between characters, and say what was asked (seed ${seed})`, () => {
  const next = random(seed);
  const pick = () => PIECES[Math.floor(next() * PIECES.length)] ?? "";
  const piecesOf = (length: number) => Array.from({ length }, pick);
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (let round = 0; round < 1_500; round++) {
    const content = piecesOf(1 + Math.floor(next() ** 4 * 400)).join(next() < 0.5 ? " " : "");
    const question = piecesOf(1 + Math.floor(next() * 4)).join(" ");
    const { start, end, ranges } = highlighted(content, question);
    const edges = new Set([content.length]);
    for (const { index } of segmenter.segment(content)) edges.add(index);
    const terms = termsOf(question);
    const note = JSON.stringify({ content, question, start, end, ranges });
    assert.ok(0 <= start && start <= end && end <= content.length && end - start < 420, note);
    let last = -1;
    for (const range of ranges) {
      assert.ok(range.start > last && range.start < range.end, note);
      assert.ok(range.start >= start && range.end <= end, note);
      last = range.end;
    }
    for (const at of [start, end, ...ranges.flatMap((range) => [range.start, range.end])]) {
      assert.ok(edges.has(at), `${at} ${note}`);
    }
    for (const range of ranges) {
      const said = termsOf(content.slice(range.start, range.end));
      assert.ok([...said].some((term) => terms.has(term)) || isGuess(question, said), note);
    }
  }
});

/** Whether a word of the question is a slip away from one of the terms. */
function isGuess(question: string, terms: ReadonlySet<string>): boolean {
  let found = false;
  tokenize(question, (_term, _kind, _word, plain) => {
    found ||= oneSlipAway(plain, (word) => [stem(word)], {
      has: (term) => terms.has(term),
      near: (term) => [...terms].filter((other) => isOneSlip(term, other)),
    }).length > 0;
  });
  return found;
}

function termsOf(text: string): Set<string> {
  const found = new Set<string>();
  tokenize(text, (term) => found.add(term));
  return found;
}

Deno.test("the longest text of any script is highlighted in a moment", () => {
  const pieces = [
    "日本語",
    "cafe\u0301 ",
    "1,000 ",
    "ﷺ ",
    "a.b",
    "\u0301",
    "fence ",
    "👨‍👩‍👧",
    "x",
    "👩",
  ];
  for (const piece of pieces) {
    // No piece begins where a section does.
    const content = "." + piece.repeat(99_999 / piece.length);
    const index = new Bm25Index();
    const memory = noted("m", content);
    index.put(memory);
    const highlight = index.highlighter(`fence 日本 cafe 1000 a ${piece}`);
    highlight(memory);
    const began = performance.now();
    const { start, end } = highlight(memory);
    // A few milliseconds; the bound is wide for a busy machine.
    const tookMs = performance.now() - began;
    assert.ok(tookMs < 200, `${JSON.stringify(piece)}: ${tookMs} ms`);
    assert.ok(end > start, piece);
  }
});
