/** A few points, and which of them each filter lets through. */

export const LETTERS = ["a", "b", "c", "d", "e"] as const;
export type Letter = (typeof LETTERS)[number];

export const POINTS: Readonly<Record<Letter, Readonly<Record<string, unknown>>>> = {
  a: {
    brain: "one",
    memory_id: "m1",
    chunk: 0,
    tags: ["x"],
    importance: 0.1,
    created_at: "2024-01-01T00:00:00.123Z",
  },
  b: {
    brain: "one",
    memory_id: "m2",
    chunk: 1,
    tags: ["x", "y"],
    importance: 0.1 + 0.2,
    created_at: "2024-01-01T00:00:00.124Z",
  },
  c: {
    brain: "one",
    memory_id: "m2",
    chunk: 0,
    tags: [],
    importance: 1,
    created_at: "0000-01-01T00:00:00.000Z",
  },
  d: {
    brain: "two",
    memory_id: "m1",
    chunk: 0,
    tags: ["X", "a.b[0]", "caf\u00e9", "\u{1f9e0}"],
    importance: 0,
    created_at: "9999-12-31T23:59:59.999Z",
  },
  e: {
    brain: "one",
    memory_id: "m3",
    chunk: 10,
    importance: 0.3,
    created_at: "2024-01-01T00:00:00Z",
  },
};

export function idOf(letter: Letter): string {
  return `0199000${LETTERS.indexOf(letter)}-0000-7000-8000-000000000000`;
}

const all = (...must: unknown[]) => ({ must });
const none = (...must_not: unknown[]) => ({ must_not });
const has = (key: string, value: unknown) => ({ key, match: { value } });
const hasAny = (key: string, ...any: unknown[]) => ({ key, match: { any } });
const within = (key: string, range: unknown) => ({ key, range });
const importance = (range: unknown) => all(within("importance", range));
const created = (range: unknown) => all(within("created_at", range));

type Row = readonly [what: string, filter: unknown, letters: readonly Letter[]];

export const FILTERS: readonly Row[] = [
  ["no filter", undefined, ["a", "b", "c", "d", "e"]],
  ["an empty filter", {}, ["a", "b", "c", "d", "e"]],

  ["one of many keywords is the value", all(has("tags", "x")), ["a", "b"]],
  ["one of many keywords is any of these", all(hasAny("tags", "y", "X", "none")), ["b", "d"]],
  ["two values at once", all(has("tags", "x"), has("tags", "y")), ["b"]],
  ["any of nothing is nothing", all(hasAny("tags")), []],
  ["case is told apart", all(has("tags", "X")), ["d"]],
  ["dots and brackets are letters", all(has("tags", "a.b[0]")), ["d"]],
  ["a composed letter is itself", all(has("tags", "caf\u00e9")), ["d"]],
  ["and not the decomposed one", all(has("tags", "cafe\u0301")), []],
  ["beyond the basic plane", all(has("tags", "\u{1f9e0}")), ["d"]],
  ["an empty keyword", all(has("tags", "")), []],
  ["a field that is nowhere", all(has("nowhere", "x")), []],
  ["must_not takes what lacks the field", none(has("tags", "x")), ["c", "d", "e"]],
  ["should asks for one", { should: [has("tags", "y"), has("chunk", 10)] }, ["b", "e"]],
  [
    "should asks for one beside must",
    { ...all(has("brain", "one")), should: [has("tags", "X"), has("chunk", 0)] },
    ["a", "c"],
  ],
  [
    "a filter within a filter",
    all(has("brain", "one"), { should: [has("tags", "y"), { must: [has("chunk", 10)] }] }),
    ["b", "e"],
  ],

  ["an integer", all(has("chunk", 0)), ["a", "c", "d"]],
  ["any of some integers", all(hasAny("chunk", 1, 10)), ["b", "e"]],
  ["an integer is no keyword", all(has("chunk", "0")), []],
  ["a range of integers", all(within("chunk", { gte: 1, lt: 10 })), ["b"]],

  ["ids", all({ has_id: [idOf("a"), idOf("e")] }), ["a", "e"]],
  ["other ids", none({ has_id: [idOf("a")] }), ["b", "c", "d", "e"]],
  ["another memory's", none(has("memory_id", "m2")), ["a", "d", "e"]],
  [
    "of a brain, not of a memory",
    { ...all(has("brain", "one")), ...none(hasAny("memory_id", "m2", "m3")) },
    ["a"],
  ],

  ["at least", importance({ gte: 0.3 }), ["b", "c", "e"]],
  ["at least, by a hair", importance({ gte: 0.1 + 0.2 }), ["b", "c"]],
  ["more than", importance({ gt: 0.3 }), ["b", "c"]],
  ["at most", importance({ lte: 0.1 }), ["a", "d"]],
  ["less than", importance({ lt: 0.1 }), ["d"]],
  ["the same bound twice", importance({ gte: 0.1, lte: 0.1 }), ["a"]],
  ["whole numbers among others", importance({ gte: 1, lte: 1 }), ["c"]],
  ["zero", importance({ lte: 0 }), ["d"]],
  ["a range the wrong way round", importance({ gte: 1, lte: 0 }), []],
  ["a range without bounds", importance({}), ["a", "b", "c", "d", "e"]],

  ["from a millisecond on", created({ gte: "2024-01-01T00:00:00.124Z" }), ["b", "d"]],
  ["after a millisecond", created({ gt: "2024-01-01T00:00:00.123Z" }), ["b", "d"]],
  ["up to a millisecond", created({ lte: "2024-01-01T00:00:00.123Z" }), ["a", "c", "e"]],
  ["before a millisecond", created({ lt: "2024-01-01T00:00:00.123Z" }), ["c", "e"]],
  ["a second is its first millisecond", created({ gte: "2024-01-01T00:00:00.000Z" }), [
    "a",
    "b",
    "d",
    "e",
  ]],
  ["another zone", created({ gte: "2024-01-01T02:00:00.124+02:00" }), ["b", "d"]],
  ["the first year", created({ lte: "0000-01-01T00:00:00.000Z" }), ["c"]],
  ["after the first instant", created({ gt: "0000-01-01T00:00:00.000Z" }), ["a", "b", "d", "e"]],
  ["the last instant", created({ gte: "9999-12-31T23:59:59.999Z" }), ["d"]],
  ["all of time", created({ gte: "0000-01-01T00:00:00.000Z", lte: "9999-12-31T23:59:59.999Z" }), [
    "a",
    "b",
    "c",
    "d",
    "e",
  ]],
];
