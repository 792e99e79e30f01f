/** Records out of a large document: the same as `JSON.parse` of the whole, however it is cut. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AppError } from "../src/errors.ts";
import { type JsonRecord, JsonRecordReader } from "../src/json_records.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);
fc.configureGlobal({ seed, numRuns: 300 });

const encoder = new TextEncoder();

interface Read {
  readonly records: readonly (readonly [string | undefined, unknown])[];
  readonly fields: ReadonlyMap<string, unknown>;
}

function readPieces(pieces: readonly Uint8Array[], reader = new JsonRecordReader(1 << 20)): Read {
  const found: JsonRecord[] = [];
  for (const piece of pieces) found.push(...reader.push(piece));
  reader.end();
  const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
  return {
    records: found.map(({ key, bytes }) => [key, decode(bytes)]),
    fields: new Map([...reader.fields].map(([key, text]) => [key, JSON.parse(text)])),
  };
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.slice(edges[i], edge));
}

function expected(text: string): Read {
  const value = JSON.parse(text);
  if (Array.isArray(value)) {
    return { records: value.map((record) => [undefined, record]), fields: new Map() };
  }
  const { memories } = value;
  const records: [string | undefined, unknown][] = Array.isArray(memories)
    ? memories.map((record) => [undefined, record])
    : Object.entries(memories);
  const fields = new Map(Object.entries(value).filter(([key]) => key !== "memories"));
  return { records, fields };
}

const DOCUMENTS = [
  "[]",
  ' [ 1 , -2.5e3,true,null,"x" , [] , {} ] ',
  '[{"a":"}],\\"[{"},{"b":[[{"c":"\\\\"}]]},"\\u007b ümläut 🙂"]\n',
  '{"memories":[]}',
  '{"memories":{}}',
  '{"format":"x/1","n":-1,"memories":[{"id":"1"},{"id":"2"}],"after":{"memories":[3]},"t":true}',
  '{ "memories" : { "k\\u0041" : {"__proto__":{"x":1}} , "" : 1 , "__proto__" : [2] } , "z" : null }',
  '{"m\\u0065mories":[1,2]}',
];

Deno.test("documents cut in two and in three at every byte", () => {
  let cuts = 0;
  for (const text of DOCUMENTS) {
    const bytes = encoder.encode(text);
    const whole = expected(text);
    for (let a = 0; a <= bytes.length; a++) {
      for (let b = a; b <= bytes.length; b++, cuts++) {
        assert.deepEqual(readPieces(cutAt(bytes, [a, b])), whole, `${text} cut at ${a}, ${b}`);
      }
    }
    assert.deepEqual(readPieces([...bytes].map((byte) => Uint8Array.of(byte))), whole);
  }
  console.log(`${cuts} cuts`);
});

Deno.test("random documents in random pieces", () => {
  const random = randomOf(seed);
  fc.assert(fc.property(
    fc.array(fc.jsonValue()),
    fc.dictionary(fc.string().filter((key) => key !== "memories"), fc.jsonValue()),
    fc.boolean(),
    fc.integer({ min: 0, max: 2 }),
    (values, fields, keyed, indent) => {
      const memories = keyed ? Object.fromEntries(values.map((v, i) => [`k${i}`, v])) : values;
      const document = indent === 2 && !keyed ? values : { ...fields, memories };
      const text = JSON.stringify(document, null, indent);
      const bytes = encoder.encode(text);
      const cuts = Array.from({ length: below(random, 6) }, () => below(random, bytes.length + 1));
      assert.deepEqual(readPieces(cutAt(bytes, cuts)), expected(text));
    },
  ));
});

function refused(text: string, code: "malformed" | "too_large", reader?: JsonRecordReader): void {
  const bytes = encoder.encode(text);
  for (const size of [1, 3, bytes.length]) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
    assert.throws(
      () => readPieces(pieces, reader ?? new JsonRecordReader(50)),
      (error) => error instanceof AppError && error.code === code,
      text.slice(0, 80),
    );
  }
}

Deno.test("frames that are not JSON are refused, cut off ones too", () => {
  const malformed = [
    ...'1|null|"memories"|]|}|,|:|[,]|[1,]|[1 2]|[1}|[{}{}]|[]]|[][]|[]x|[1]]|{]|{,}|{1:2}'.split(
      "|",
    ),
    ...'{"a"}|{"a" 1}|{"a":}|{"a":,}|{"a":1,}|{"a":1 "b":2}|{"a"::1}|{a:1}'.split("|"),
    '{"memories":3}',
    '{"memories":"x"}',
    '{"memories":[1],"memories":[2]}',
    '{"memories":[1},',
    '{"memories":{"a":1]}',
    '{"memories":{1}}',
    '{"bad \\x key":1}',
    "\ufeff[]",
  ];
  for (const text of malformed) refused(text, "malformed");
  for (const text of DOCUMENTS) {
    const whole = text.trim();
    for (let size = 0; size < whole.length; size++) {
      const reader = new JsonRecordReader(1000);
      assert.throws(
        () => {
          reader.push(encoder.encode(whole.slice(0, size)));
          reader.end();
        },
        AppError,
        whole.slice(0, size),
      );
    }
  }
});

Deno.test("an object without memories has none", () => {
  const reader = new JsonRecordReader(50);
  assert.deepEqual(readPieces([encoder.encode('{"a":[1]}')], reader).records, []);
  assert.equal(reader.sawRecords, false);
});

Deno.test("a record or a key that is too large is refused, as soon as that shows", () => {
  const long = "x".repeat(49);
  refused(`["${long}"]`, "too_large");
  refused(`["${long}x`, "too_large");
  refused(`[{"a":[${"1,".repeat(30)}`, "too_large");
  refused(`[${"1".repeat(51)}]`, "too_large");
  refused(`{"${long}":1}`, "too_large");
  assert.equal(
    readPieces([encoder.encode(`["${long.slice(1)}"]`)], new JsonRecordReader(50)).records.length,
    1,
  );
  const fields = Array.from({ length: 30_000 }, (_, i) => `"k${i}":"${long.slice(5)}"`).join();
  assert.throws(
    () => readPieces([encoder.encode(`{${fields}}`)], new JsonRecordReader(50)),
    AppError,
  );
});

Deno.test("members that are ignored may be of any size, and leave nothing", () => {
  const text = `{"skip":[${"1,".repeat(1000)}{"memories":[1]}],"memories":["a"],"skip":"${
    "x".repeat(999)
  }"}`;
  const bytes = encoder.encode(text);
  for (const size of [1, 7, bytes.length]) {
    const reader = new JsonRecordReader(50, ["skip"]);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
    assert.deepEqual(readPieces(pieces, reader), {
      records: [[undefined, "a"]],
      fields: new Map(),
    });
  }
});
