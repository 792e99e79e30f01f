/** A provider's reply read piece by piece, beside what `JSON.parse` makes of it as a whole. */
import assert from "node:assert/strict";
import { ReplyReader } from "../src/embedder/reply.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";

function read(reply: string, cuts: readonly number[], count: number): Float32Array[] {
  const bytes = new TextEncoder().encode(reply);
  const reader = new ReplyReader();
  let from = 0;
  for (const cut of [...cuts, bytes.length]) reader.push(bytes.slice(from, from = cut));
  return reader.vectors(count, undefined);
}

const NUMBERS = [
  [0.25, -1, 3e-7, 1e5],
  [-0.5, 0, 12, 7.125],
];
/** Whatever the standard allows, and what looks like vectors and is none. */
const REPLY = `{"object":"list","note":"[1,2] \\"[3]\\\\","größe":"é[4",\n"data" : [
  {"embedding":[0.25,-1,3e-7,1E+5],"index":0,"more":{"a":[],"b":[[]],"c":["[5]"]}},
  {"index":1,"embedding" : [ \r\n\t-0.5 , 0,12.0,7.125 ]}],"usage":{"total_tokens":7}}`;

Deno.test("a reply that comes in pieces is read as a whole one", () => {
  const expected = NUMBERS.map((numbers) => Float32Array.from(numbers));
  const { length } = new TextEncoder().encode(REPLY);
  assert.deepEqual(read(REPLY, [], 2), expected);
  for (let cut = 0; cut <= length; cut++) assert.deepEqual(read(REPLY, [cut], 2), expected);
  assert.deepEqual(read(REPLY, Array.from({ length }, (_, at) => at), 2), expected);
});

Deno.test("a reply's vectors are those that JSON.parse reads", () => {
  const random = randomOf(seed);
  for (let round = 0; round < 50; round++) {
    const data = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => ({
      embedding: Array.from(
        { length: 32 },
        () => (random() - 0.5) * 10 ** Math.floor(random() * 4),
      ),
      index,
    }));
    const reply = JSON.stringify({ data });
    const cuts = Array.from({ length: 3 }, () => Math.floor(random() * reply.length));
    const expected = data.map(({ embedding }) => Float32Array.from(embedding));
    assert.deepEqual(read(reply, cuts.sort((a, b) => a - b), data.length), expected);
  }
});

const NOT_JSON = "Cannot use the provider's reply: it is not JSON";
const NOT_VECTORS = "Cannot use the provider's reply: it is not a list of vectors";
const WRONG: Record<string, string> = {
  "": NOT_JSON,
  '{"data":[{"index":0,"embedding":[1,2': NOT_JSON,
  '{"data":[{"index":0,"embedding":[1,]}]}': NOT_JSON,
  '{"data":[{"index":0,"embedding":[1 2]}]}': NOT_JSON,
  '{"data":[{"index":0,"embedding":[01]}]}': NOT_JSON,
  '{"data":[{"index":0,"embedding":[1,[2]]}]}': NOT_JSON,
  '{"data":[{"index":0,"embedding":[1,2]}]}}': NOT_JSON,
  '{"data":[{"index":0,"embedding":[1,"2"]}]}': NOT_VECTORS,
  '{"data":[{"index":0,"embedding":[1,1e999]}]}': NOT_VECTORS,
  '{"data":[{"index":0,"embedding":0}],"other":[1,2]}': NOT_VECTORS,
  '{"data":[{"index":0,"embedding":"[1,2]"}]}': NOT_VECTORS,
  '{"data":[{"index":0,"embedding":[[1,2],[3]]}]}': NOT_VECTORS,
  '{"data":[{"index":0,"embedding":[]}]}':
    "Cannot use the provider's reply: its vectors' length is wrong",
};

for (const [reply, message] of Object.entries(WRONG)) {
  Deno.test(`a reply that is ${reply || "empty"} is of no use`, () => {
    assert.throws(() => read(reply, [], 1), { name: "EmbedderError", message });
    assert.throws(() => read(reply, Array.from(reply, (_, at) => at), 1), { message });
  });
}

Deno.test("a reply of more lists than a provider takes texts is not read on", () => {
  const listsOf = (count: number) => `{"data":[${Array(count).fill("[1]").join()}`;
  assert.throws(() => read(listsOf(10_000), [], 1), { message: NOT_JSON });
  assert.throws(() => read(listsOf(10_001), [], 1), { message: NOT_VECTORS });
});
