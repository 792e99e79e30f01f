/**
 * One condition of a filter of mem0's: a field, an operator, and what it is held against. A value
 * alone means equal, a list means one of them, "*" means that there is any; and `ne` holds also
 * where there is none.
 */
import { AppError } from "../../errors.ts";
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from "../../json.ts";
import type { Memory } from "../../memory.ts";
import { ENTITIES, entityOf } from "./kept.ts";

export type Test = (memory: Memory) => boolean;
/** Whether it holds for all that a field has: none, one or several values. */
type Holds = (values: readonly JsonValue[]) => boolean;

const MOST_VALUES = 1_000;
const DAY_MS = 86_400_000;

/** Throws `invalid` for a field or an operator that there is not. */
export function condition(field: string, asked: JsonValue): Test {
  const entity = ENTITIES.find((name) => name === field);
  if (entity !== undefined) return values((memory) => entityOf(memory, entity), named(asked));
  switch (field) {
    case "created_at":
    case "timestamp":
      return times((memory) => memory.created_at, asked);
    case "updated_at":
      return times((memory) => memory.updated_at, asked);
    case "categories":
      return values(({ tags }) => tags, asked);
    case "keywords":
      return values(({ content }) => content, isString(asked) ? { icontains: asked } : asked);
    case "id":
    case "memory_id":
    case "memory_ids":
      return values(({ id }) => id, asked);
    case "metadata":
      return metadata(asked);
    default:
      throw invalidFilter(
        `there is no field ${JSON.stringify(field.slice(0, 64))}; ask for ${
          ENTITIES.join(", ")
        }, ` +
          "created_at, updated_at, categories, keywords, metadata or memory_ids",
      );
  }
}

export function invalidFilter(state: string): AppError {
  return new AppError("invalid", `Cannot filter: ${state}`);
}

/** Names are texts, also where a program counts its users. */
function named(asked: JsonValue): JsonValue {
  if (typeof asked === "number") return String(asked);
  if (Array.isArray(asked)) return asked.map(named);
  if (!isJsonObject(asked)) return asked;
  return Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, named(value)]));
}

function values(
  of: (memory: Memory) => string | readonly string[] | null,
  asked: JsonValue,
): Test {
  const holds = conjunction(asked);
  return (memory) => {
    const found = of(memory);
    return holds(found === null ? [] : isString(found) ? [found] : found);
  };
}

function metadata(asked: JsonValue): Test {
  if (!isJsonObject(asked)) throw invalidFilter('"metadata" takes an object');
  const tests = Object.entries(asked).map(([key, wanted]): Test => {
    const holds = isOperators(wanted) ? conjunction(wanted) : holdsPlain(wanted);
    return ({ metadata }) => {
      const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
      return holds(value === undefined ? [] : [value]);
    };
  });
  return (memory) => tests.every((test) => test(memory));
}

/** An object of metadata may be meant as it stands; one with an operator in it is none. */
function isOperators(asked: JsonValue): asked is JsonObject {
  return isJsonObject(asked) &&
    Object.keys(asked).some((name) => Object.hasOwn(OPERATORS, name));
}

function holdsPlain(asked: JsonValue): Holds {
  if (asked === "*") return (found) => found.length > 0;
  if (asked === null) return (found) => found.every((value) => value === null);
  return (found) => found.some((value) => jsonEqual(value, asked));
}

function conjunction(asked: JsonValue): Holds {
  if (Array.isArray(asked)) return OPERATORS.in(asked);
  if (!isJsonObject(asked)) return holdsPlain(asked);
  const all = operatorsIn(asked, OPERATORS).map(([operator, value]) => operator(value));
  return (found) => all.every((holds) => holds(found));
}

/** With what each is held against. None at all would let through everything. */
function operatorsIn<T>(asked: JsonObject, table: Readonly<Record<string, T>>) {
  const all = Object.entries(asked).map(([name, value]): readonly [T, JsonValue] => {
    const operator = own(table, name);
    if (operator !== undefined) return [operator, value];
    const known = Object.keys(table).join(", ");
    throw invalidFilter(`there is no operator ${JSON.stringify(name.slice(0, 64))}; use ${known}`);
  });
  if (all.length > 0) return all;
  throw invalidFilter("an object must have an operator, such as eq");
}

const OPERATORS = {
  eq: holdsPlain,
  ne: (asked) => {
    const holds = holdsPlain(asked);
    return (found) => !holds(found);
  },
  in: (asked) => {
    if (!Array.isArray(asked) || asked.length > MOST_VALUES) {
      throw invalidFilter(`"in" takes a list of at most ${MOST_VALUES} values`);
    }
    const wanted = new Set(asked);
    const objects = asked.filter((value) => typeof value === "object");
    return (found) =>
      found.length > 0 && wanted.has("*") ||
      found.some((value) =>
        wanted.has(value) || objects.some((object) => jsonEqual(object, value))
      );
  },
  contains: (asked) => {
    const part = textOf("contains", asked);
    return (found) => found.some((value) => isString(value) && value.includes(part));
  },
  icontains: (asked) => {
    const part = textOf("icontains", asked).toLowerCase();
    return (found) => found.some((value) => isString(value) && value.toLowerCase().includes(part));
  },
  gt: (asked) => ordered(asked, (order) => order > 0),
  gte: (asked) => ordered(asked, (order) => order >= 0),
  lt: (asked) => ordered(asked, (order) => order < 0),
  lte: (asked) => ordered(asked, (order) => order <= 0),
} as const satisfies Record<string, (asked: JsonValue) => Holds>;

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Numbers by size, texts by their characters; a number and a text have no order. */
function ordered(asked: JsonValue, holds: (order: number) => boolean): Holds {
  return (found) =>
    found.some((value) => {
      if (typeof value === "number" && typeof asked === "number") return holds(value - asked);
      if (!isString(value) || !isString(asked)) return false;
      return holds(value < asked ? -1 : value > asked ? 1 : 0);
    });
}

function textOf(operator: string, asked: JsonValue): string {
  if (isString(asked)) return asked;
  throw invalidFilter(`"${operator}" takes a text`);
}

/** A day is all of it: `lte` a day holds until its end, and `gt` from its end on. */
const TIME_TESTS: Readonly<Record<string, (at: number, from: number, to: number) => boolean>> = {
  eq: (at, from, to) => at >= from && at < to,
  ne: (at, from, to) => at < from || at >= to,
  gt: (at, _, to) => at >= to,
  gte: (at, from) => at >= from,
  lt: (at, from) => at < from,
  lte: (at, _, to) => at < to,
};

function times(of: (memory: Memory) => string, asked: JsonValue): Test {
  if (asked === "*") return () => true;
  const given = operatorsIn(isJsonObject(asked) ? asked : { eq: asked }, TIME_TESTS);
  const tests = given.map(([test, value]) => {
    const { from, to } = spanOf(value);
    return (at: number) => test(at, from, to);
  });
  return (memory) => {
    const at = Date.parse(of(memory));
    return tests.every((test) => test(at));
  };
}

/** From its first millisecond to the one after its last. */
function spanOf(time: JsonValue): { readonly from: number; readonly to: number } {
  // Theirs count seconds; a program that counts milliseconds is beyond the year 5000 for them.
  const from = typeof time === "number"
    ? Math.trunc(time < 1e11 ? time * 1000 : time)
    : isString(time) && /^\d{4}-\d\d-\d\d/.test(time)
    ? Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(time) || time.length <= 10 ? time : `${time}Z`)
    : NaN;
  if (Number.isNaN(from)) throw invalidFilter('a time must be such as "2026-01-31T12:00:00Z"');
  return { from, to: from + (isString(time) && time.length <= 10 ? DAY_MS : 1) };
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
