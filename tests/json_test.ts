/** JSON from outside: what would be lost is refused, the rest comes back the same. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AppError, type ErrorCode } from "../src/errors.ts";
import {
  inspectJson,
  isJsonObject,
  jsonEqual,
  type JsonValue,
  MAX_JSON_DEPTH,
  mergePatch,
  parseJson,
} from "../src/json.ts";
import { seed } from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);
fc.configureGlobal({ seed, numRuns: 1_000 });

function refused(text: string, code: ErrorCode): void {
  assert.throws(
    () => parseJson(text),
    (error) => error instanceof AppError && error.code === code,
    `${code}: ${text.slice(0, 80)}`,
  );
}

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

Deno.test("what JSON.parse would change without a word is refused", () => {
  const numbers = [
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567890",
    "1152921504606846976",
    "100000000000000000000000",
    "1e999",
    "-1e999",
  ];
  for (const number of numbers) {
    for (const text of [number, `[${number}]`, `{"a":{"b": ${number} }}`, `[0,${number},1]`]) {
      refused(text, "invalid");
    }
  }
  for (const text of ['"\\ud800"', '"a\\udc00b"', '{"\\ud83d":1}', '[["\\ud83d\\u0020"]]']) {
    refused(text, "invalid");
  }
});

Deno.test("numbers that survive are taken, also long ones", () => {
  for (
    const text of ["9007199254740992", "9007199254740994", "1000000000000000000", "1e21", "-0.1"]
  ) {
    assert.equal(String(parseJson(text)), String(JSON.parse(text)));
  }
  assert.deepEqual(parseJson('["99999999999999999999", "1e999 and 9007199254740993,"]'), [
    "99999999999999999999",
    "1e999 and 9007199254740993,",
  ]);
});

Deno.test("what is not JSON, or too deep, is malformed", () => {
  for (const text of ["", " ", "{", "[1,]", "{'a':1}", "NaN", "01", '"\n"', "[1]x", "\ufeff1"]) {
    refused(text, "malformed");
  }
  refused(nested(MAX_JSON_DEPTH + 1), "malformed");
  refused(nested(500_000), "malformed");
  refused(`[${nested(500_000)},9007199254740993]`, "malformed");
  assert.equal(inspectJson(parseJson(nested(MAX_JSON_DEPTH))).depth, MAX_JSON_DEPTH);
});

Deno.test("a million levels do not exhaust the stack", () => {
  let deep: JsonValue = [];
  for (let level = 0; level < 1_000_000; level++) deep = level % 2 === 0 ? [deep] : { a: deep };
  assert.ok(inspectJson(deep).depth > MAX_JSON_DEPTH);
});

Deno.test("depth and faults are found wherever they stand", () => {
  assert.deepEqual(inspectJson(1), { depth: 0, fault: null });
  assert.deepEqual(inspectJson([[], { a: [1] }]), { depth: 3, fault: null });
  assert.match(inspectJson({ a: [{ b: "\ud800" }] }).fault ?? "", /surrogate/);
  assert.match(inspectJson({ "\udc00": 1 }).fault ?? "", /surrogate/);
  assert.match(inspectJson(Infinity).fault ?? "", /range/);
});

Deno.test("keys such as __proto__ are data", () => {
  const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}},"toString":2}';
  const value = parseJson(text);
  assert.equal(JSON.stringify(value), text);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  const merged = mergePatch({ a: 1 }, value);
  assert.equal(JSON.stringify(merged), `{"a":1,${text.slice(1)}`);
  assert.equal(Object.getPrototypeOf(merged), Object.prototype);
  assert.equal(jsonEqual(value, parseJson(text)), true);
  assert.equal(jsonEqual(parseJson('{"__proto__":1}'), {}), false);
  assert.equal(jsonEqual({}, parseJson('{"__proto__":1}')), false);
  assert.equal("polluted" in {}, false);
});

Deno.test("what was parsed once is parsed again from its own text", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    if (!text.isWellFormed() || /\\ud[89a-f]/i.test(text)) return;
    assert.deepEqual(parseJson(text), JSON.parse(text));
    assert.equal(jsonEqual(parseJson(text), JSON.parse(text)), true);
  }));
  fc.assert(fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
    const text = JSON.stringify({ value });
    assert.equal(JSON.stringify(parseJson(text)), text);
  }));
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
    // Either the very digits come back, or the number is refused.
    try {
      assert.equal(JSON.stringify(parseJson(`[${value}]`)), `[${value}]`);
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === "invalid");
      assert.notEqual(String(Number(value)), String(value));
    }
  }));
});

Deno.test("merge patch: the table of RFC 7396", () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', "{}"],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', "null", "null"],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
    ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ];
  for (const [target, patch, result] of table) {
    const before = parseJson(target);
    assert.equal(JSON.stringify(mergePatch(before, parseJson(patch))), result);
    assert.equal(JSON.stringify(before), target);
  }
});

Deno.test("equality: order of keys does not count, order of elements does", () => {
  const pairs: readonly (readonly [string, string, boolean])[] = [
    ['{"a":1,"b":[1,2]}', '{"b":[1,2],"a":1}', true],
    ["[1,2]", "[2,1]", false],
    ["[]", "{}", false],
    ["null", "{}", false],
    ['{"a":null}', "{}", false],
    ['{"a":null}', '{"b":null}', false],
    ['["1"]', "[1]", false],
    ["[[],{}]", "[[],{}]", true],
    ["[1]", '{"0":1}', false],
  ];
  for (const [a, b, equal] of pairs) {
    assert.equal(jsonEqual(JSON.parse(a), JSON.parse(b)), equal, `${a} and ${b}`);
    assert.equal(jsonEqual(JSON.parse(b), JSON.parse(a)), equal, `${b} and ${a}`);
  }
  assert.deepEqual([null, [], {}, "x"].map(isJsonObject), [false, false, true, false]);
});

Deno.test("what has more parts than any request is refused before it is parsed, wherever it hides them", () => {
  const many = 100_001;
  const tooMany = [
    "[" + "1,".repeat(many) + "1]",
    "[" + "[],".repeat(many) + "1]",
    "[" + "{},".repeat(many) + "1]",
    "[" + '"",'.repeat(many) + "1]",
    "{" + '"a":1,'.repeat(many) + '"a":1}',
    '"\\\\",' + '"\\"",'.repeat(many),
    "[".repeat(many),
  ];
  for (const text of tooMany) {
    assert.throws(() => parseJson(text), {
      code: "malformed",
      message: "Cannot read the JSON: it has more than 100000 parts; " +
        "send it in several requests, or many memories as NDJSON to /import",
    });
  }
  // In a string a part is none, also behind escapes of any number.
  for (const text of [",[{".repeat(many), '\\"'.repeat(many), "\\\\".repeat(many) + "[,{"]) {
    assert.equal(typeof parseJson(`"${text}"`), "string");
    assert.equal(typeof parseJson(`["${text}"]`), "object");
  }
  parseJson("[" + "1,".repeat(99_990) + "1]");
});
