/** The parts of the benchmark that reckon; what it measures is not measured here. */
import assert from "node:assert/strict";
import {
  DIMENSIONS,
  newNote,
  noteId,
  noteVector,
  question,
  questionVector,
  storedNote,
} from "./bench/notes.ts";
import { median, medianTiming, percentile, timing } from "./bench/statistics.ts";
import { ms, ratio, table, whole } from "./bench/tables.ts";
import { random } from "./random.ts";

Deno.test("percentiles are values that were measured, by nearest rank", () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual([0, 0.2, 0.21, 0.5, 0.99, 1].map((p) => percentile(values, p)), [
    1,
    1,
    2,
    3,
    5,
    5,
  ]);
  assert.deepEqual(values, [5, 1, 4, 2, 3], "not put in order in place");
  assert.throws(() => percentile([], 0.5), RangeError);
});

Deno.test("percentiles and medians agree with counting", () => {
  const chance = random(7);
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 1 + Math.floor(chance() * 40) }, () => chance());
    const share = chance();
    const found = percentile(values, share);
    const upTo = (limit: number) => values.filter((value) => value <= limit).length;
    assert.ok(upTo(found) >= share * values.length);
    for (const smaller of values.filter((value) => value < found)) {
      assert.ok(upTo(smaller) < share * values.length);
    }
    const middle = median(values);
    const below = values.filter((value) => value < middle).length;
    const above = values.filter((value) => value > middle).length;
    assert.ok(below <= values.length / 2 && above <= values.length / 2);
  }
});

Deno.test("the median of an even number of values lies between the two in the middle", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([10, 2, 9]), 9);
  assert.throws(() => median([]), RangeError);
});

Deno.test("a timing tells rate and spread; of several rounds, the medians", () => {
  const one = timing([1, 2, 3, 4], 2, 8);
  assert.deepEqual(one, {
    requests: 4,
    perSecond: 2,
    p50: 2,
    p95: 4,
    p99: 4,
    longest: 4,
    cpuMs: 2,
  });
  const rounds = [one, timing([10], 1, 5), timing([1, 1, 1, 1, 1, 9], 2, 6)];
  const all = medianTiming(rounds);
  assert.deepEqual(all, {
    requests: 11,
    perSecond: 2,
    p50: 2,
    p95: 9,
    p99: 9,
    longest: 10,
    cpuMs: 2,
  });
});

Deno.test("a note is the same whenever it is made, and different from its neighbours", () => {
  for (const number of [0, 1, 77, 99_999]) {
    assert.deepEqual(newNote(1, number), newNote(1, number));
    assert.deepEqual(storedNote(number, true), storedNote(number, true));
    assert.notEqual(newNote(1, number).content, newNote(1, number + 1).content);
    assert.notEqual(newNote(1, number).content, newNote(2, number).content);
    assert.equal(question(number, 500), question(number, 500));
    assert.deepEqual(questionVector(number), questionVector(number));
    assert.equal(noteVector(number).length, DIMENSIONS);
  }
  const ids = Array.from({ length: 5_000 }, (_, number) => noteId(number));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

Deno.test("the words of the notes are spread as in a language", () => {
  const counts = new Map<string, number>();
  for (let number = 0; number < 2_000; number++) {
    for (const word of newNote(1, number).content.toLowerCase().split(/[^a-z]+/)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const sorted = [...counts.values()].toSorted((a, b) => b - a);
  const total = sorted.reduce((sum, count) => sum + count, 0);
  const top = sorted.slice(0, 100).reduce((sum, count) => sum + count, 0);
  assert.ok(top / total > 0.35 && top / total < 0.7, `the first hundred have ${top / total}`);
  assert.ok(sorted.length > 5_000, `${sorted.length} words`);
});

Deno.test("questions have two to eight words, and stand in a note", () => {
  for (let number = 0; number < 300; number++) {
    const words = question(number, 1_000).split(" ");
    assert.ok(words.length >= 2 && words.length <= 8, words.join(" "));
  }
});

Deno.test("tables are aligned", () => {
  const text = table(["what", "n"], [["one", whole(1234.4)], ["three", ms(0.056)]]);
  assert.equal(
    text,
    ["  what       n", "  -----  -----", "  one    1,234", "  three   0.06"].join("\n"),
  );
  assert.equal(ratio(1.005 + 1e-9), "1.01 x");
});
