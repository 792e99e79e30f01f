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
import { ClusteredVectors } from "./bench/search/clustered_vectors.ts";
import { Goals } from "./bench/search/goals.ts";
import { makeVectorData, recall } from "./bench/search/vector_data.ts";
import { VectorFile } from "./bench/search/vector_file.ts";
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

Deno.test("a clustered vector is the same whatever was made before it, and of length 1", () => {
  for (const dimensions of [8, 96, 384]) {
    const one = new ClusteredVectors({ dimensions, seed: 5 });
    const other = new ClusteredVectors({ dimensions, seed: 5 });
    for (const number of [0, 1, 77, 99_999]) other.vector(number);
    for (const number of [99_999, 1, 0]) {
      const vector = one.vector(number);
      assert.deepEqual(vector, other.vector(number));
      assert.equal(vector.length, dimensions);
      assert.ok(Math.abs(cosine(vector, vector) - 1) < 1e-5);
      assert.deepEqual(one.question(number, 10), other.question(number, 10));
    }
    assert.notDeepEqual(one.vector(1), new ClusteredVectors({ dimensions, seed: 6 }).vector(1));
  }
});

Deno.test("clustered vectors share a direction, and have neighbours that are far nearer", () => {
  const made = new ClusteredVectors({ dimensions: 384, seed: 9, clusters: 40 });
  const vectors = Array.from({ length: 1_000 }, (_, number) => made.vector(number));
  const first = vectors.slice(0, 100);
  const all = first.flatMap((a, at) => first.slice(at + 1).map((b) => cosine(a, b)));
  const nearest = first.map((a) =>
    Math.max(...vectors.filter((b) => b !== a).map((b) => cosine(a, b)))
  );
  assert.ok(median(all) > 0.1 && median(all) < 0.5, `any two: ${median(all)}`);
  assert.ok(median(nearest) > median(all) + 0.3, `nearest: ${median(nearest)}`);
  const apart = nearest.toSorted((a, b) => a - b);
  assert.ok((apart.at(-10) ?? 0) - (apart[10] ?? 0) > 0.2, "some clusters are tighter than others");
  const questions = Array.from({ length: 40 }, (_, number) => made.question(number, 100));
  const about = questions.map((question) => Math.max(...first.map((b) => cosine(question, b))));
  assert.ok(Math.min(...about) > median(all), `${Math.min(...about)}`);
});

Deno.test("the nearest are those of a sort over everything, and recall counts them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const sizes = [30, 300];
    const data = makeVectorData({ folder, dimensions: 24, sizes, asked: 7, more: 3 });
    const file = new VectorFile(data.vectors, 24);
    const questions = new VectorFile(data.questions, 24);
    for (const size of sizes) {
      const wanted = Array.from({ length: 7 }, (_, number) => {
        const question = questions.vector(number);
        const scores = Array.from({ length: size }, (_, at) => cosine(file.vector(at), question));
        return scores.map((score, at) => ({ at, score })).sort((a, b) => b.score - a.score)
          .slice(0, 10).map(({ at }) => at);
      });
      assert.deepEqual(data.nearest.get(size), wanted);
      assert.equal(recall(wanted, wanted), 1);
      assert.equal(recall(wanted.map((numbers) => numbers.slice(0, 9)), wanted), 0.9);
      assert.equal(recall(wanted.slice(0, 2), wanted), 1, "of those that were asked");
      assert.equal(recall([[-1]], wanted), 0);
    }
    assert.throws(() => file.vector(303), /there is no vector 303/);
    file.close();
    questions.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("goals say what was seen, and nothing where nothing was measured", () => {
  const goals = new Goals();
  assert.equal(goals.text, undefined);
  goals.add("under 4 ms", "3.0 ms", true);
  goals.add("in 512 MiB", "513 MiB", false);
  assert.equal(
    goals.text,
    [
      "Goals",
      "",
      "           goal           seen",
      "  -------  ----------  -------",
      "  reached  under 4 ms   3.0 ms",
      "  MISSED   in 512 MiB  513 MiB",
    ].join("\n"),
  );
});

function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
