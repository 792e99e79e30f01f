/**
 * mem0's filters: a tree of AND, OR and NOT over conditions, made into a test of one memory. The
 * equal entities that all must have are also told as a filter of our own, which a search narrows by
 * before it looks.
 */
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
  /** Whether anything is asked for at all. */
  readonly isEmpty: boolean;
}

/** Each is a look at every memory. */
const MOST_CONDITIONS = 200;

/** Throws `invalid` for what is no filter of theirs. */
export function filtersOf(...trees: readonly JsonObject[]): Filters {
  const count = { conditions: 0 };
  const tests = trees.map((tree) => allOf(tree, count));
  const entities = Object.assign({}, ...trees.map(requiredEntities));
  return {
    test: every(tests),
    filter: { metadata: entities },
    entities,
    isEmpty: count.conditions === 0,
  };
}

function every(tests: readonly Test[]): Test {
  return (memory) => tests.every((test) => test(memory));
}

function allOf(tree: JsonObject, count: { conditions: number }): Test {
  return every(
    Object.entries(tree).map(([name, value]) => {
      if (name !== "AND" && name !== "OR" && name !== "NOT") {
        if (++count.conditions > MOST_CONDITIONS) {
          throw invalidFilter(`it has more than ${MOST_CONDITIONS} conditions`);
        }
        return condition(name, value);
      }
      const tests = branches(name, value).map((branch) => allOf(branch, count));
      if (name === "AND") return every(tests);
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
function requiredEntities(tree: JsonObject): Partial<Record<Entity, string>> {
  const below = "AND" in tree ? branches("AND", tree["AND"] ?? []).map(requiredEntities) : [];
  const here = ENTITIES.flatMap((name) => {
    const asked = Object.hasOwn(tree, name) ? tree[name] : undefined;
    const value = isJsonObject(asked) && Object.keys(asked).length === 1 ? asked["eq"] : asked;
    return typeof value === "string" && value !== "*" ? [[name, value] as const] : [];
  });
  return Object.assign({}, ...below, Object.fromEntries(here));
}
