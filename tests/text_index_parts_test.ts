/** What the text index is built from, each part against a slow and obvious one. */
import assert from "node:assert/strict";
import porter2 from "wink-porter2-stemmer";
import { traitsOf } from "../src/text_index/answer_kinds.ts";
import { LANGUAGES } from "../src/text_index/languages.ts";
import { PlainText } from "../src/text_index/plain_text.ts";
import { frequencyOf, PostingLists, slotOf } from "../src/text_index/postings.ts";
import { prepareQuery } from "../src/text_index/query.ts";
import { Reader } from "../src/text_index/reader.ts";
import { Needles } from "../src/text_index/sections.ts";
import { stem } from "../src/text_index/stemming.ts";
import { chunksOf } from "../src/text_index/tokenizer.ts";
import { Vocabulary } from "../src/text_index/vocabulary.ts";
import { seed } from "./fakes/store_kit.ts";
import { noted } from "./noted.ts";
import { random } from "./random.ts";

/** Everything that means something to the pattern, and a little that does not. */
const PIECES = [
  ..."aZz09 \t\n.,'@:&=?%~_\\/-+#>!()\"\0",
  "->",
  "->-",
  "++",
  "C++",
  "C#",
  "Word",
  "WORD",
  "wOrd",
  "a.b",
  "1,000",
  "...",
];

function plainWords(text: PlainText): string[] {
  const found: string[] = [];
  while (text.next()) found.push(text.word);
  return found;
}

Deno.test(`words by bytes are the words of the pattern (seed ${seed})`, () => {
  const next = random(seed);
  const plain = new PlainText();
  for (let round = 0; round < 20_000; round++) {
    const length = Math.floor(next() * 12);
    const pick = () => PIECES[Math.floor(next() * PIECES.length)];
    const text = Array.from({ length }, pick).join("");
    assert.ok(plain.take(text));
    const expected = chunksOf(text)
      .map((word) => /^[A-Z][a-z]*$/.test(word) ? word.toLowerCase() : word);
    assert.deepEqual(plainWords(plain), expected, JSON.stringify(text));
  }
});

Deno.test("a text is plain or not, however long, and whatever was there before", () => {
  const plain = new PlainText();
  assert.ok(plain.take("word ".repeat(5_000)));
  assert.equal(plainWords(plain).length, 5_000);
  assert.ok(plain.take("c"));
  assert.deepEqual(plainWords(plain), ["c"]);
  assert.ok(plain.take(""));
  assert.deepEqual(plainWords(plain), []);
  for (const text of ["é", "a\u0080", "’", "日本", "😀", "\ud800", "x".repeat(9_000) + "é"]) {
    assert.ok(!plain.take(text), text);
  }
});

Deno.test(`postings are a map of maps, however they grew and shrank (seed ${seed})`, () => {
  const next = random(seed);
  const lists = new PostingLists();
  const model = new Map<number, Map<number, number>>();
  // The first term is in most memories: its list fills pages of its own.
  const changes = [{ slots: 70_000, terms: 1, steps: 90_000 }, {
    slots: 3_000,
    terms: 3_000,
    steps: 60_000,
  }];
  for (const { slots, terms, steps } of [...changes, ...changes]) {
    const adding = next() < 0.5 ? 0.9 : 0.3;
    for (let step = 0; step < steps; step++) {
      const term = Math.floor(terms * next() ** 3), slot = Math.floor(slots * next());
      const known = model.get(term) ?? new Map<number, number>();
      model.set(term, known);
      const remove = () => {
        lists.remove(term, slot);
        known.delete(slot);
      };
      if (known.has(slot) || next() > adding) remove();
      if (next() > adding) continue;
      remove();
      const frequency = next() < 0.05 ? 250 + Math.floor(10 * next()) : 10;
      lists.add(term, slot, frequency);
      known.set(slot, frequency);
    }
    for (const [term, known] of model) assert.deepEqual(listed(lists, term), sorted(known));
  }
});

function listed(lists: PostingLists, term: number): [number, number][] {
  const postings = lists.of(term);
  const { entries, from, count } = postings;
  assert.equal(lists.count(term), count);
  return [...entries.subarray(from, from + count)]
    .map((entry) => [slotOf(entry), frequencyOf(postings, entry)]);
}

function sorted(known: ReadonlyMap<number, number>): [number, number][] {
  return [...known].sort(([a], [b]) => a - b);
}

/** Damerau's four slips, by the letters that the words could have. */
function slipsOf(word: string, letters: string): Set<string> {
  const slips = new Set<string>();
  for (let at = 0; at <= word.length; at++) {
    const [head, tail] = [word.slice(0, at), word.slice(at)];
    if (tail !== "") slips.add(head + tail.slice(1));
    if (tail.length > 1) slips.add(head + tail.charAt(1) + tail.charAt(0) + tail.slice(2));
    for (const letter of letters) {
      slips.add(head + letter + tail).add(head + letter + tail.slice(1));
    }
  }
  slips.delete(word);
  return slips;
}

Deno.test(`terms one slip away are those that a slip makes of it (seed ${seed})`, () => {
  const next = random(seed);
  const vocabulary = new Vocabulary();
  // Each has a bit in common with another of them.
  const letters = "abcA\u0431";
  const pick = () => letters.charAt(Math.floor(next() * letters.length));
  const wordOf = () => Array.from({ length: 3 + Math.floor(next() * 4) }, pick).join("");
  const known = new Set(Array.from({ length: 2_000 }, wordOf));
  for (const term of known) vocabulary.add(vocabulary.numberOf(term), 1, 10);
  const gone = wordOf();
  vocabulary.remove(vocabulary.numberOf(gone), 1);
  known.delete(gone);
  for (let round = 0; round < 500; round++) {
    const word = wordOf();
    const expected = [...slipsOf(word, letters)].filter((term) => known.has(term)).sort();
    assert.deepEqual(vocabulary.near(word).sort(), expected, word);
  }
});

/** Words of every kind of answer, alone and in pieces, and what stands between words. */
const SAYINGS = [
  "yesterday today ago Monday may May 5 march 2023 5pm p.m. 17:30 next week last few days an hour",
  "one someone twice since because so that 'cause due to thanks to in order that's why makes me",
  'helped helps me Paris in In into the the visiting St.Gallen É Éa “ « " ? ？ ! . , 1,000 1,000kg',
  "_ - -> / ' ’ x_one one_x to-day e\u0301to éto today\u0301 und der nicht C++ 日本 。",
].join(" ").split(" ");

Deno.test(`no kind of answer is missed for want of a word that gives a clue (seed ${seed})`, () => {
  const next = random(seed);
  const reader = new Reader(new Vocabulary());
  const said = new Set<number>();
  for (let round = 0; round < 10_000; round++) {
    const words = Array.from(
      { length: 1 + Math.floor(next() * 8) },
      () => SAYINGS[Math.floor(next() * SAYINGS.length)],
    );
    const text = words.join([" ", " ", "", "\n"][Math.floor(next() * 4)]);
    reader.read(noted("m", text));
    const traits = traitsOf(text);
    assert.equal(traitsOf(text, reader.clues), traits, JSON.stringify(text));
    for (let bit = 1; bit <= traits; bit *= 2) if ((traits & bit) !== 0) said.add(bit);
  }
  assert.equal(said.size, 7, "every kind was there, and a question");
});

/** How words end that the stemmer has a rule for. */
const SUFFIXES =
  ("ational ization fulness ousness iveness tional biliti lessli entli ation alism " +
    "aliti ousli iviti fulli enci anci abli izer ator alli bli ogi li y ed ing eedly edly ingly s es " +
    "ies ied sses us ss e l ll al ance er ic able ible ant ement ment ent ism ate iti ous ive ize ion " +
    "alize icate iciti ical ness ful ative").split(" ");

Deno.test(`the stemmer would leave alone the words that it is not asked for (seed ${seed})`, () => {
  const next = random(seed);
  const letter = () => String.fromCharCode(0x61 + Math.floor(next() * 26));
  for (let round = 0; round < 20_000; round++) {
    // No irregular form and no British spelling begins with it.
    const start = "x" + Array.from({ length: 1 + Math.floor(next() * 6) }, letter).join("");
    const suffix = SUFFIXES[Math.floor(next() * SUFFIXES.length)] ?? "";
    const word = start + suffix.slice(0, suffix.length - Math.floor(next() * 2)) +
      (next() < 0.2 ? letter() : "");
    assert.equal(stem(word), porter2(word), word);
  }
});

Deno.test("of a question of long words the first few are taken apart, so that it is done in time", () => {
  const vocabulary = new Vocabulary();
  const reader = new Reader(vocabulary);
  reader.read(noted("m", "Der Schlüssel hängt nicht im Keller."));
  for (const term of reader.terms) vocabulary.add(term, 1, reader.frequency(term));
  let looks = 0;
  const find = (term: string) => {
    looks++;
    return vocabulary.find(term);
  };
  // Too long to be a slip of another.
  const unknown = (at: number) =>
    String.fromCharCode(0x61 + at % 26, 0x61 + at / 26) + "x".repeat(28);
  const words = ["Kellerschlüssel", ...Array.from({ length: 300 }, (_, at) => unknown(at))];
  const { asked, wordCount } = prepareQuery(words.join(" "), {
    find,
    has: (term) => find(term) !== undefined,
    near: () => [],
    languages: LANGUAGES.filter(({ code }) => code === "de"),
    documents: 1,
  });
  const found = asked.map(({ terms }) =>
    terms.map(({ postings }) => vocabulary.termOf(postings.term))
  );
  assert.deepEqual([wordCount, found], [301, [["kell de", "schlussel de"]]]);
  assert.ok(looks < 2_000, `${looks}`);
});

Deno.test("of two needles with the same letters the one that tells more counts", () => {
  const needles = new Needles([
    { letters: "ann", weight: 5 },
    { letters: "bob", weight: 2 },
    { letters: "ann", weight: 1 },
  ]);
  const content = `${"bob ".repeat(3_000)}${"- ".repeat(1_000)}ann`;
  const sections = needles.sectionsOf(content);
  assert.ok(sections.some(({ start, end }) => content.slice(start, end).includes("ann")));
});
