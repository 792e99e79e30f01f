/**
 * A snapshot that is read in one pass: across the pieces it comes in, and with nothing taken from it
 * before its sum is known to be right.
 */
import assert from "node:assert/strict";
import { decodeEntry, decodeRecord } from "../src/store/codec.ts";
import { bytesAt, copyOf, openWith, textAt } from "./fakes/damage.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import {
  below,
  contentsOf,
  kindsOf,
  memoryOf,
  open,
  PATH,
  printOf,
  putOf,
  randomOf,
  receiptOf,
  seed,
} from "./fakes/store_kit.ts";

const LETTERS = ["a", "ü", "日", "🙂", "\n", '"'];

/** Memories of all lengths around and beyond that of a piece, and what else a snapshot holds. */
async function manyPieces(): Promise<{ disk: SimulatedDisk; print: string; count: number }> {
  const random = randomOf(seed);
  const running = await open(new SimulatedDisk());
  const lengths = [
    0,
    65_400,
    65_536,
    200_000,
    ...Array.from({ length: 60 }, () => below(random, 9_000)),
  ];
  for (const [n, length] of lengths.entries()) {
    const content = Array.from({ length }, () => LETTERS[below(random, LETTERS.length)]).join("");
    await running.store.append(putOf(n, { content }));
  }
  for (let n = 0; n < 5; n++) {
    const receipt = receiptOf(n, { json: { text: "x".repeat(30_000) } });
    await running.store.append({ op: "receipt", receipt });
  }
  await running.store.compact();
  await running.store.close();
  return { disk: running.disk, print: printOf(running.state), count: lengths.length };
}

Deno.test(`a snapshot of many pieces is what was written (TEST_SEED=${seed})`, async () => {
  const { disk, print } = await manyPieces();
  const after = await open(copyOf(disk));
  assert.deepEqual(after.recovery, { integrity: "ok", notes: [] });
  assert.ok(printOf(after.state) === print);
  const cut = await openWith(disk, PATH, bytesAt(disk, PATH).slice(0, -1));
  assert.deepEqual(cut.recovery, { integrity: "ok", notes: [] });
  assert.ok(printOf(cut.state) === print);
});

Deno.test(`a byte that is wrong in any piece is seen (TEST_SEED=${seed})`, async () => {
  const { disk, count } = await manyPieces();
  const whole = bytesAt(disk, PATH);
  const random = randomOf(seed);
  for (let round = 0; round < 15; round++) {
    const at = below(random, whole.length - 1);
    const bytes = whole.with(at, whole[at]! ^ 2);
    const { state, recovery } = await openWith(disk, PATH, bytes);
    assert.ok(recovery.notes.length > 0, `flipped at ${at}`);
    assert.ok(state.size >= count - 1, `flipped at ${at}: ${state.size} of ${count}`);
  }
});

Deno.test("of a snapshot with a wrong sum nothing is left in what is taken instead", async () => {
  const { disk, count } = await manyPieces();
  const text = textAt(disk, PATH);
  const lines = text.split("\n");
  // All but the last memory are gone, and it is another: only the sum can tell.
  const edited = [
    lines[0],
    lines[count]!.replace('"semantic"', '"episodic"'),
    ...lines.slice(count + 1),
  ]
    .join("\n").replace(`"count":${count}`, '"count":1');
  const first = await openWith(disk, PATH, edited);
  assert.deepEqual(kindsOf(first.recovery), ["hand_edited"]);
  const [entry, ...others] = contentsOf(first.state).entries;
  assert.equal(entry?.memory.memory_type, "episodic");
  assert.deepEqual(others, []);
});

/** A line of the snapshot, field by field, as JSON. */
type Line = readonly (readonly [key: string, value: string])[];

const PLAIN: Line = Object.entries({ ...memoryOf(1), access_count: 0, last_accessed_at: null })
  .map(([key, value]) => [key, JSON.stringify(value)]);
const VALUES = ["null", "true", '""', '"text"', "0", "-0", "-1", "0.5", "9007199254740992", "1e300"]
  .concat(["1e999", "[]", '["a"]', "[1]", "[null]", "{}", '{"a":1}', '{"__proto__":1}']);
const TYPES = ["episodic", "procedural", "other", "__proto__", "constructor"];
const VECTORS = ['""', '"AAAAAA=="', '"AAA="', '"?"', "null", "[1]"];

/** The plain line with one thing about it changed. */
function variants(): Line[] {
  const changed = (key: string, value: string): Line =>
    PLAIN.map((field) => field[0] === key ? [key, value] : field);
  return [
    PLAIN,
    ...PLAIN.flatMap(([key]) => VALUES.map((value) => changed(key, value))),
    ...PLAIN.map(([key]) => PLAIN.filter((field) => field[0] !== key)),
    ...PLAIN.flatMap(([key]) =>
      ["another", "__proto__", "embedding"].map((name) =>
        PLAIN.map((field): Line[number] => field[0] === key ? [name, field[1]] : field)
      )
    ),
    ...TYPES.map((type) => changed("memory_type", JSON.stringify(type))),
    ...VECTORS.map((vector): Line => [...PLAIN, ["embedding", vector]]),
    ...VALUES.map((value): Line => [["__proto__", value], ...PLAIN]),
  ];
}

function textOf(line: Line): string {
  return `{${line.map(([key, value]) => `"${key}":${value}`).join(",")}}`;
}

const ACCESS = ["access_count", "last_accessed_at"];

/** As a record of the journal, which the schema judges alone. */
function recordOf(line: Line): string {
  const memory = line.filter(([key]) => !ACCESS.includes(key));
  const access = line.filter(([key]) => ACCESS.includes(key));
  return `{"op":"put","memory":${textOf(memory)},"access":${textOf(access)}}`;
}

Deno.test("a line is taken for a memory where the schema takes it, and as the same one", () => {
  const outcome = (decode: () => unknown) => {
    try {
      return { taken: decode() };
    } catch {
      return "refused";
    }
  };
  let taken = 0;
  for (const line of variants()) {
    const found = outcome(() => ({ op: "put", ...decodeEntry(JSON.parse(textOf(line))) }));
    assert.deepEqual(found, outcome(() => decodeRecord(recordOf(line))), textOf(line));
    if (found !== "refused") taken++;
  }
  assert.equal(taken, 27);
  for (const text of VALUES) assert.throws(() => decodeEntry(JSON.parse(text)), text);
});
