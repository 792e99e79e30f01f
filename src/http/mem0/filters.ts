/**
 * mem0's filters: a tree of AND, OR and NOT over conditions, made into a test of one memory. The
 * equal entities that all must have are also told as a filter of our own, which a search narrows by
 * before it looks.
 */
import { AppError } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { MemoryFilter } from "../../memory.ts";
import { condition, invalidFilter, type Test } from "./conditions.ts";
import { ENTITIES, type Entity } from "./kept.ts";

export interface Filters {
  readonly test: Test;
  /** All that `test` lets through, and maybe more. */
  readonly filter: MemoryFilter;
  /** By name, the entities that every memory must be of. */
  readonly entities: Partial<Record<Entity, string>>;
  /** Whether nothing but these entities is asked for, which is quickly tested. */
  readonly isQuick: boolean;
}

/** Each is a look at every memory. */
const MOST_CONDITIONS = 200;
const MOST_BRANCHES = 200;

interface Counts {
  conditions: number;
  branches: number;
  /** Lists of them of which not all must hold. */
  choices: number;
}

/** Throws `invalid` for what is no filter of theirs. */
export function filtersOf(...trees: readonly JsonObject[]): Filters {
  const counts = { conditions: 0, branches: 0, choices: 0 };
  const tests = trees.map((tree) => allOf(tree, counts));
  const entities = Object.fromEntries(trees.flatMap(requiredEntities));
  const count = Object.keys(entities).length;
  return {
    test: every(tests),
    filter: count > 0 ? { metadata: entities } : {},
    entities,
    // Of two values for one entity a filter of ours has room for one only.
    isQuick: counts.choices === 0 && counts.conditions === count,
  };
}

/**
 * Whose memories are that are added with these filters: all that they may say there. Throws
 * `invalid` where they say anything else, or nobody in particular.
 */
export function ownersIn(filters: JsonObject): Partial<Record<Entity, string>> {
  const said = Object.entries(filters).filter(([, value]) => value !== null);
  const { entities, isQuick } = filtersOf(Object.fromEntries(said));
  if (isQuick) return entities;
  throw new AppError(
    "invalid",
    "Cannot add memories: filters say whose they are here, each by one value, such as " +
      '{"user_id": "ada"}',
  );
}

function every(tests: readonly Test[]): Test {
  return (memory) => tests.every((test) => test(memory));
}

function allOf(tree: JsonObject, counts: Counts): Test {
  return every(
    Object.entries(tree).map(([name, value]) => {
      if (name !== "AND" && name !== "OR" && name !== "NOT") {
        if (++counts.conditions > MOST_CONDITIONS) {
          throw invalidFilter(`it has more than ${MOST_CONDITIONS} conditions`);
        }
        return condition(name, value);
      }
      const below = branches(name, value);
      counts.branches += below.length;
      if (counts.branches > MOST_BRANCHES) {
        throw invalidFilter(`it has more than ${MOST_BRANCHES} branches`);
      }
      const tests = below.map((branch) => allOf(branch, counts));
      if (name === "AND") return every(tests);
      counts.choices++;
      const some: Test = (memory) => tests.some((test) => test(memory));
      return name === "OR" ? some : (memory) => !some(memory);
    }),
  );
}

function branches(name: string, value: JsonValue): readonly JsonObject[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((branch) => {
    if (isJsonObject(branch)) return branch;
    throw invalidFilter(`"${name}" takes a list of conditions`);
  });
}

/** Those that are asked for by value, at the root or below ANDs alone. */
function requiredEntities(tree: JsonObject): (readonly [Entity, string])[] {
  const below = "AND" in tree ? branches("AND", tree["AND"] ?? []).flatMap(requiredEntities) : [];
  const here = ENTITIES.flatMap((name) => {
    const asked = Object.hasOwn(tree, name) ? tree[name] : undefined;
    const value = isJsonObject(asked) && Object.keys(asked).length === 1 ? asked["eq"] : asked;
    const named = typeof value === "number" ? String(value) : value;
    return typeof named === "string" && named !== "*" ? [[name, named] as const] : [];
  });
  return [...below, ...here];
}
