/** Qdrant's filters over payloads: the conditions that are read from a request, and what they mean. */
import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/json.ts";
import { type PointId, readPointId } from "./point_id.ts";
import { REFUSALS } from "./replies.ts";

type Test = (id: PointId, payload: JsonObject) => boolean;

const scalar = z.union([z.string(), z.number().int(), z.boolean()]);
const many = z.union([z.array(z.string()), z.array(z.number().int())]);
const range = <T extends z.ZodType>(bound: T) =>
  z.object({
    lt: bound.nullish(),
    lte: bound.nullish(),
    gt: bound.nullish(),
    gte: bound.nullish(),
  });

const match = z.union([
  z.object({ value: scalar }),
  z.object({ any: many }),
  z.object({ except: many }),
]);

const field = z.object({
  key: z.string().min(1),
  match: match.nullish(),
  range: z.union([range(z.number()), range(z.iso.datetime({ offset: true }))]).nullish(),
  values_count: range(z.number().int().nonnegative()).nullish(),
});

type Field = z.infer<typeof field>;
type Match = z.infer<typeof match>;

type Condition =
  | Field
  | { is_empty: { key: string } }
  | { is_null: { key: string } }
  | { has_id: readonly unknown[] }
  | StoredFilter;

interface StoredFilter {
  readonly must?: Condition | Condition[] | null | undefined;
  readonly must_not?: Condition | Condition[] | null | undefined;
  readonly should?: Condition | Condition[] | null | undefined;
  readonly min_should?: { conditions: Condition[]; min_count: number } | null | undefined;
}

const condition: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    field,
    z.object({ is_empty: z.object({ key: z.string() }) }),
    z.object({ is_null: z.object({ key: z.string() }) }),
    z.object({ has_id: z.array(z.unknown()) }),
    filter,
  ])
);

const oneOrMany = z.lazy(() => z.union([condition, z.array(condition)])).nullish();

const filter: z.ZodType<StoredFilter> = z.strictObject({
  must: oneOrMany,
  must_not: oneOrMany,
  should: oneOrMany,
  min_should: z.object({
    conditions: z.array(z.lazy(() => condition)),
    min_count: z.number().int().positive(),
  }).nullish(),
});

/** The filter as a test; refused with 400 where it is none. */
export function readFilter(value: unknown): Test {
  if (value === undefined || value === null) return () => true;
  const { success, data } = filter.safeParse(value);
  if (!success) {
    throw REFUSALS.wrongBody("data did not match any variant of untagged enum Condition");
  }
  return filterTest(data);
}

function filterTest({ must, must_not, should, min_should }: StoredFilter): Test {
  const all = listed(must).map(conditionTest);
  const none = listed(must_not).map(conditionTest);
  const some = listed(should).map(conditionTest);
  const few = (min_should?.conditions ?? []).map(conditionTest);
  const least = min_should?.min_count ?? 0;
  return (id, payload) =>
    all.every((test) => test(id, payload)) &&
    !none.some((test) => test(id, payload)) &&
    (some.length === 0 || some.some((test) => test(id, payload))) &&
    (least === 0 || few.filter((test) => test(id, payload)).length >= least);
}

function listed(conditions: Condition | Condition[] | null | undefined): Condition[] {
  if (conditions === null || conditions === undefined) return [];
  return Array.isArray(conditions) ? conditions : [conditions];
}

function conditionTest(one: Condition): Test {
  if ("key" in one) return fieldTest(one);
  if ("has_id" in one) {
    const ids = new Set(one.has_id.map(readPointId));
    return (id) => ids.has(id);
  }
  if ("is_empty" in one) {
    const path = one.is_empty.key.split(".");
    return (_, payload) => valuesAt(payload, path).every((value) => value === null);
  }
  if ("is_null" in one) {
    const path = one.is_null.key.split(".");
    return (_, payload) => valuesAt(payload, path).some((value) => value === null);
  }
  return filterTest(one);
}

/** Of a list one value that fits is enough. */
function fieldTest({ key, match, range, values_count }: Field): Test {
  const parts = [match, range, values_count].filter((part) => part != null).length;
  if (parts === 0) throw REFUSALS.invalidBody("at least one field condition must be specified");
  // Qdrant's engine heeds one of them and forgets the rest.
  if (parts > 1) throw REFUSALS.invalidBody("this stand-in takes one condition at a time");
  const path = key.split(".");
  const tests: ((value: JsonValue) => boolean)[] = [];
  if (match != null) tests.push(matchTest(match));
  if (range != null) tests.push(rangeTest(range));
  return (_, payload) => {
    const values = valuesAt(payload, path);
    return tests.every((test) => values.some(test)) &&
      (values_count == null || isWithin(values.length, values_count));
  };
}

function matchTest(match: Match): (value: JsonValue) => boolean {
  if ("value" in match) return (value) => value === match.value;
  if ("any" in match) {
    const any = new Set<JsonValue>(match.any);
    return (value) => any.has(value);
  }
  const except = new Set<JsonValue>(match.except);
  return (value) => !except.has(value);
}

interface Range<T> {
  readonly lt?: T | null | undefined;
  readonly lte?: T | null | undefined;
  readonly gt?: T | null | undefined;
  readonly gte?: T | null | undefined;
}

function rangeTest(range: Range<number> | Range<string>): (value: JsonValue) => boolean {
  const bounds = [range.lt, range.lte, range.gt, range.gte];
  if (!bounds.some((bound) => typeof bound === "string")) {
    const numbers = numbersOf(range);
    return (value) => typeof value === "number" && isWithin(value, numbers);
  }
  const times = numbersOf(range);
  return (value) => {
    const time = typeof value === "string" ? Date.parse(value) : NaN;
    return !Number.isNaN(time) && isWithin(time, times);
  };
}

function numbersOf({ lt, lte, gt, gte }: Range<number> | Range<string>): Range<number> {
  const [a, b, c, d] = [lt, lte, gt, gte].map((bound) =>
    typeof bound === "string" ? Date.parse(bound) : bound
  );
  return { lt: a, lte: b, gt: c, gte: d };
}

function isWithin(value: number, { lt, lte, gt, gte }: Range<number>): boolean {
  return (lt == null || value < lt) && (lte == null || value <= lte) &&
    (gt == null || value > gt) && (gte == null || value >= gte);
}

/** All values that a path leads to; the elements of a list, not the list. */
function valuesAt(value: JsonValue | undefined, path: readonly string[]): JsonValue[] {
  if (value === undefined) return [];
  const [key, ...rest] = path;
  if (key === undefined) return Array.isArray(value) ? value : [value];
  if (!isJsonObject(value)) return [];
  const list = key.endsWith("[]");
  const name = list ? key.slice(0, -2) : key;
  const inner = Object.hasOwn(value, name) ? value[name] : undefined;
  if (!list || !Array.isArray(inner)) return valuesAt(inner, rest);
  return inner.flatMap((one) => valuesAt(one, rest));
}
