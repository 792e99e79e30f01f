/** The text index: what it keeps, against a slow one that keeps nothing; what it finds is in
 * golden_test.ts. */
import assert from "node:assert/strict";
import type { Memory } from "../src/memory.ts";
import type { TextResult } from "../src/text_index.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import { tokenize } from "../src/text_index/tokenizer.ts";
import { noted } from "./noted.ts";
import { random } from "./random.ts";

const SEED = 20_261_122;
const WORDS = ("garden fence paint ladder kettle violin train ticket Lisbon passport soup basil " +
  "dentist Tuesday invoice 2024-05-01 v1.2.3 getUserName the of when").split(" ");

function words(next: () => number, count: number): string {
  return Array.from({ length: count }, () => WORDS[Math.floor(next() * WORDS.length)]).join(" ");
}

function randomMemory(next: () => number, id: string): Memory {
  const day = 1 + Math.floor(next() * 5);
  return noted(id, words(next, 1 + Math.floor(next() * 30)) + (next() < 0.3 ? "?" : "."), {
    tags: next() < 0.3 ? [words(next, 1)] : [],
    metadata: next() < 0.6 ? { thread_id: `t${Math.floor(next() * 6)}` } : {},
    created_at: next() < 0.1 ? "yesterday" : `2024-05-0${day}T10:00:00.000Z`,
  });
}

function indexOf(memories: Iterable<Memory>): Bm25Index {
  const index = new Bm25Index();
  for (const memory of memories) index.put(memory);
  return index;
}

function ids({ hits }: TextResult): string[] {
  return hits.map(({ id }) => id);
}

function shuffled<T>(items: readonly T[], next: () => number): T[] {
  return items.map((item) => ({ item, at: next() })).sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

Deno.test(`any history gives the ranking of a freshly built index (seed ${SEED})`, () => {
  const next = random(SEED);
  const index = new Bm25Index();
  const model = new Map<string, Memory>();
  for (let step = 1; step <= 3000; step++) {
    const id = `m${Math.floor(next() * 150)}`;
    if (next() < 0.4) {
      index.delete(id);
      model.delete(id);
    } else {
      const memory = randomMemory(next, id);
      index.put(memory);
      model.set(id, memory);
    }
    if (step % 100 !== 0) continue;
    assert.equal(index.size, model.size);
    const fresh = indexOf(shuffled([...model.values()], next));
    for (let asked = 0; asked < 10; asked++) {
      const query = { text: words(next, 1 + Math.floor(next() * 6)), limit: 1000 };
      assert.deepEqual(index.search(query), fresh.search(query), `step ${step}: ${query.text}`);
    }
  }
});

Deno.test("more words than it remembers, come and gone, are not mixed up with others", () => {
  // Some of these notes are long enough for the index to keep their terms.
  const many = (letter: string, note: number) =>
    Array.from({ length: note % 3 === 0 ? 2500 : 1000 }, (_, at) => `${letter}${2500 * note + at}`);
  const note = (letter: string, number: number) =>
    noted(`${letter}${number}`, `${many(letter, number).join(" ")} fence`);
  const all = Array.from({ length: 40 }, (_, number) => number);
  const index = indexOf(all.map((number) => note("k", number)));
  index.delete("k21");
  index.put(note("k", 21));
  for (const number of all.slice(0, 20)) index.delete(`k${number}`);
  const others = all.map((number) => note("j", number));
  const later = [note("k", 4), ...others.slice(0, 20), note("k", 3), ...others.slice(20)];
  for (const memory of later) index.put(memory);
  const fresh = indexOf([...later, ...all.slice(20).map((number) => note("k", number))]);
  for (const text of all.flatMap((n) => [`j${2500 * n} fence`, `k${2500 * n + 7} k52507`])) {
    assert.deepEqual(index.search({ text, limit: 50 }), fresh.search({ text, limit: 50 }), text);
  }
});

Deno.test("a word of thousands of memories finds each of them", () => {
  const index = indexOf(Array.from({ length: 9000 }, (_, at) => noted(`m${at}`, "a fence")));
  assert.equal(index.search({ text: "fence", limit: 1 }).total, 9000);
  for (let at = 0; at < 8995; at++) index.delete(`m${at}`);
  const { hits, total } = index.search({ text: "fence", limit: 10 });
  assert.deepEqual([total, ids({ hits, total })], [5, [5, 6, 7, 8, 9].map((at) => `m899${at}`)]);
});

/** Textbook BM25 over plain words, every memory read for every question; returns what is above 0. */
function slowBm25(memories: readonly Memory[], question: readonly string[]): Map<string, number> {
  const texts = new Map(memories.map(({ id, content }) => {
    const terms: string[] = [];
    tokenize(content, (term) => terms.push(term));
    return [id, terms];
  }));
  const length = ({ length }: readonly string[]) => Math.max(20, length);
  const total = [...texts.values()].reduce((sum, terms) => sum + terms.length, 0);
  const average = Math.max(20, total / texts.size);
  const scores = new Map<string, number>();
  for (const word of question) {
    const having = [...texts].filter(([, terms]) => terms.includes(word));
    const rarity = Math.log(1 + (texts.size - having.length + 0.5) / (having.length + 0.5));
    for (const [id, terms] of having) {
      const frequency = terms.filter((term) => term === word).length;
      const norm = 1.2 * (0.25 + 0.75 * length(terms) / average);
      scores.set(id, (scores.get(id) ?? 0) + rarity * frequency / (frequency + norm));
    }
  }
  for (const [id, terms] of texts) {
    const matched = question.filter((word) => terms.includes(word)).length;
    const score = scores.get(id);
    if (score !== undefined) scores.set(id, score * Math.sqrt(matched / question.length));
  }
  return scores;
}

Deno.test(`it ranks as a full scan with the textbook's formula does (seed ${SEED})`, () => {
  const next = random(SEED);
  const plain = ["garden", "fenc", "paint", "kettl", "train", "soup", "basil", "violin"];
  const pick = () => plain[Math.floor(next() * plain.length)] ?? "";
  const memories = Array.from({ length: 80 }, (_, number) => {
    const text = Array.from({ length: 1 + Math.floor(next() * 50) }, pick).join(" ");
    return noted(`m${number}`, text);
  });
  const index = indexOf(memories);
  for (let round = 0; round < 100; round++) {
    const question = [...new Set(Array.from({ length: 1 + Math.floor(next() * 4) }, pick))];
    const slow = slowBm25(memories, question);
    const { hits, total } = index.search({ text: question.join(" "), limit: 1000 });
    assert.equal(total, slow.size);
    for (let at = 1; at < hits.length; at++) {
      const before = slow.get(hits[at - 1]?.id ?? "") ?? 0;
      assert.ok(before > (slow.get(hits[at]?.id ?? "") ?? 0) - 1e-9, question.join(" "));
    }
  }
});

Deno.test("a score is above 0, below 1 and falls down the list", () => {
  const next = random(SEED);
  const index = indexOf(Array.from({ length: 200 }, (_, at) => randomMemory(next, `m${at}`)));
  for (const text of ["garden", "when garden fence", words(next, 40), "the of"]) {
    const { hits } = index.search({ text, limit: 1000 });
    assert.ok(hits.length > 0, text);
    for (const [at, { score }] of hits.entries()) {
      assert.ok(score > 0 && score < 1 && score <= (hits[at - 1]?.score ?? 1), `${score}`);
    }
  }
});

Deno.test("equal scores are ordered by the newest, then by id", () => {
  const memory = (id: string, day: number) =>
    noted(id, "paint the fence", { created_at: `2024-05-0${day}T10:00:00.000Z` });
  const index = indexOf([memory("b", 1), memory("c", 2), memory("a", 1)]);
  assert.deepEqual(ids(index.search({ text: "fence", limit: 5 })), ["c", "a", "b"]);
});

Deno.test("the filter holds before the best are chosen; total counts what it let through", () => {
  const index = indexOf([
    noted("a", "fence fence fence"),
    noted("b", "a fence", { importance_score: 0.9 }),
    noted("c", "the fence of the old garden", { importance_score: 0.9 }),
  ]);
  const accept = ({ importance_score }: Memory) => importance_score > 0.5;
  const { hits, total } = index.search({ text: "fence", limit: 1, accept });
  assert.deepEqual([hits.length, hits[0]?.id !== "a", total], [1, true, 2]);
});

Deno.test("the filter sees the latest version of a memory whose words did not change", () => {
  const index = indexOf([noted("a", "a fence", { importance_score: 0.1 })]);
  index.put(noted("a", "a fence", { importance_score: 0.9 }));
  const accept = ({ importance_score }: Memory) => importance_score > 0.5;
  assert.equal(index.search({ text: "fence", limit: 1, accept }).total, 1);
});

Deno.test("replaced words are gone, and a deleted memory is not found", () => {
  const index = indexOf([noted("a", "a green fence"), noted("b", "a red fence")]);
  index.put(noted("a", "a blue door"));
  index.delete("b");
  index.delete("nobody");
  assert.deepEqual(index.search({ text: "fence green red", limit: 5 }), { hits: [], total: 0 });
  assert.deepEqual(ids(index.search({ text: "door", limit: 5 })), ["a"]);
  assert.equal(index.size, 1);
});

Deno.test("the same names in other fields are another speaker", () => {
  const said = (metadata: Memory["metadata"]) => noted("a", "I painted the fence", { metadata });
  const index = indexOf([said({ author: "Ann", speaker: "Bob" }), noted("b", "Bob's fence")]);
  const later = said({ author: "Ann", people: ["Bob"] });
  index.put(later);
  const fresh = indexOf([later, noted("b", "Bob's fence")]);
  const query = { text: "Bob's fence", limit: 5 };
  assert.deepEqual(index.search(query), fresh.search(query));
});

Deno.test("a word that no memory has any more is looked for under other spellings again", () => {
  const index = indexOf([noted("a", "a kettle"), noted("b", "a nettle")]);
  assert.deepEqual(ids(index.search({ text: "kettle", limit: 5 })), ["a"]);
  index.delete("a");
  assert.deepEqual(ids(index.search({ text: "kettle", limit: 5 })), ["b"]);
  index.put(noted("a", "a kettle"));
  assert.deepEqual(ids(index.search({ text: "kettle", limit: 5 })), ["a"]);
});

Deno.test("nothing to ask for, and nothing to find it in, are no errors", () => {
  const nothing = { hits: [], total: 0 };
  assert.deepEqual(new Bm25Index().search({ text: "fence", limit: 5 }), nothing);
  const index = indexOf([noted("a", "a fence"), noted("b", ""), noted("c", "?!")]);
  for (const text of ["", "  ", "?!", "zebra"]) {
    assert.deepEqual(index.search({ text, limit: 5 }), nothing, text);
  }
  assert.deepEqual(index.search({ text: "fence", limit: 0 }), { hits: [], total: 1 });
});

function tokens(text: string): string {
  const found: string[] = [];
  tokenize(text, (term, kind) => found.push(kind === "term" ? term : `${term}/${kind}`));
  return found.join(" ");
}

Deno.test("text becomes terms", () => {
  const table: [string, string][] = [
    ["Running foxes", "run fox"],
    ["Caroline's café, Straße", "carolin cafe strass"],
    ["don’t the", "don't/stopword the/stopword"],
    ["l'amour O'Neil", "lamour/whole l amour oneil/whole o neil"],
    ["getUserName", "getusernam/whole get user name"],
    ["HTMLParser iPhone15", "htmlparser/whole html parser iphone15/whole iphon 15"],
    ["snake_case", "snakecas/whole snake case"],
    ["e-mail", "email/whole e mail"],
    ["v2.9.6", "2.9.6/whole 2 9 6"],
    ["src/memory.ts", "src/memory.ts/whole src memori ts"],
    ["ann@mail.org", "ann@mail.org/whole ann mail org"],
    ["10,000 C++ C#", "10000 c++/whole c c#/whole c"],
    ["ﬁne ① Ｆｕｌｌ", "fine 1 full"],
    ["東京タ", "東京 東/single 京タ 京/single タ/single"],
    ["猫", "猫"],
    ["고양이", "고양 고/single 양이 양/single 이/single"],
    ["ไทย", "ไท ไ/single ทย ท/single ย/single"],
    ["हिन्दी में", "हिन्द में/stopword"],
    ["ёлка نَصّ עִברית", "елк نص עברית"],
    ["パーティー", "パー パ/single ーテ ー/single ティ テ/single ィー ィ/single ー/single"],
  ];
  for (const [text, expected] of table) {
    assert.equal(tokens(text), expected.normalize("NFC"), text);
  }
});

Deno.test("a word as long as a line may be is one of a memory's words, and hides none of the others", () => {
  const index = indexOf(
    ["QUJD", "aB1", "é", "日"].map((piece) => noted(piece, `fence ${piece.repeat(1_000_000)}`)),
  );
  assert.deepEqual(ids(index.search({ text: "fence", limit: 10 })).sort(), [
    "QUJD",
    "aB1",
    "é",
    "日",
  ]);
  assert.deepEqual(ids(index.search({ text: "QUJD".repeat(300_000), limit: 10 })), ["QUJD"]);
});

Deno.test("a memory that cannot be read is not in the index, and the next ones are none the worse", () => {
  const index = indexOf([1, 2, 3].map((n) => noted(`m${n}`, `only${n}here`)));
  index.delete("m1");
  const unreadable = {
    ...noted("m4", "only4here"),
    get tags(): string[] {
      throw new RangeError("for the test");
    },
  };
  assert.throws(() => index.put(unreadable), RangeError);
  for (const n of [5, 6]) index.put(noted(`m${n}`, `only${n}here`));
  const found = [1, 2, 3, 4, 5, 6].map((n) =>
    ids(index.search({ text: `only${n}here`, limit: 5 })).join()
  );
  assert.deepEqual(found, ["", "m2", "m3", "", "m5", "m6"]);
  assert.equal(index.size, 4);
});

Deno.test("no text takes longer than its length", () => {
  const hostile = ["a", "a'", "a-", "aA", "a.", "\u0300", "?", "? ", " ", "ﷺ", "東", "may ", "1,"];
  const index = new Bm25Index();
  for (const piece of hostile) {
    const content = piece.repeat(100_000 / piece.length);
    const started = performance.now();
    index.put(noted(piece, content));
    index.search({ text: content.slice(0, 10_000), limit: 10 });
    index.delete(piece);
    // Quadratic work would take minutes; the bound is wide for a busy machine.
    const tookMs = performance.now() - started;
    assert.ok(tookMs < 3000, `${JSON.stringify(piece)}: ${tookMs} ms`);
  }
  assert.equal(index.size, 0);
});
