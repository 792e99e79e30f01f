/**
 * Values made from a JSON Schema: such as it allows, such as it just does not, and such as nobody
 * would think of.
 */
import fc from "fast-check";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type Json } from "./http_app.ts";
import { isValid, type Named, patternOf, resolved, type Schema } from "./json_schema.ts";

type Values = fc.Arbitrary<Json>;

/** Few of them, and the first that the service makes itself among them: so that they meet. */
export const IDS: readonly string[] = [1, 2, 801, 802, 803].map(idOf);
const FIRST_ID = IDS[2] ?? "";

const WORDS = [CANARY, "fence", "Fence", "\u{1f600}", " garden ", "__proto__", "a,b", "e\u0301"];
/** Any but halves of pairs. A unit of fast-check's own would take seconds to make ready. */
const character = fc.nat(0x10ffff - 0x800)
  .map((n) => String.fromCodePoint(n < 0xd800 ? n : n + 0x800));
const text = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 })
      .map((words) => words.join(" ")),
  },
  { weight: 1, arbitrary: fc.string({ unit: character, maxLength: 12 }) },
);
/** In another case and with another offset they are the same id and the same moment. */
const FORMATS: Readonly<Record<string, Values>> = {
  "uuid": fc.constantFrom(...IDS, FIRST_ID.toUpperCase(), "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
  "date-time": fc.constantFrom(
    "2026-01-01T00:00:00Z",
    "2020-02-29T12:00:00.123456+02:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
  ),
};
const anyJson = fc.jsonValue({ maxDepth: 2, stringUnit: character });

/** What has brought down others. */
export const wild: Values = fc.oneof(
  anyJson,
  fc.constantFrom<Json>("", " ", -1, 1.5, 1e308, null, [], {}, "\u0000", "\ud800", [[]], true),
  fc.constantFrom(2 ** 53 + 2, -0, 5e-324, "x".repeat(2_000), nested(70), "../../etc/passwd"),
  fc.constant(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}}}')),
);

function nested(depth: number): Json {
  return depth === 0 ? [] : [nested(depth - 1)];
}

/** Values that the schema allows. */
export function validOf(schema: Schema, named: Named): Values {
  const known = resolved(schema, named);
  const { anyOf, type, ...rest } = known;
  if (known.const !== undefined) return fc.constant(known.const);
  if (known.enum !== undefined) return fc.constantFrom(...known.enum);
  if (anyOf !== undefined && type === undefined) {
    return fc.oneof(...anyOf.map((one) => validOf(one, named)));
  }
  if (anyOf !== undefined) {
    const variants = anyOf.map(({ required = [] }) => ({
      ...rest,
      type,
      required: [...new Set([...rest.required ?? [], ...required])],
    }));
    return fc.oneof(...variants.map((one) => validOf(one, named)))
      .filter((value) => isValid(known, value, named));
  }
  return ofType(known, named);
}

function ofType(schema: Schema, named: Named): Values {
  switch (schema.type) {
    case "string":
      return strings(schema);
    case "integer":
    case "number":
      return numbers(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return lists(schema, named);
    case "object":
      return objects(schema, named);
    default:
      return anyJson;
  }
}

function strings(schema: Schema): Values {
  const { format, pattern, minLength = 0, maxLength = 1_000 } = schema;
  const known = format === undefined ? undefined : FORMATS[format];
  if (known !== undefined) return known;
  const fits = (value: string) => isValid(schema, value, {});
  if (pattern !== undefined && pattern !== "\\S") {
    // A few that come again, and any others.
    return fc.oneof(fc.constantFrom("k1", "k2", "k3"), fc.stringMatching(patternOf(pattern)))
      .filter(fits);
  }
  const edges = ["x".repeat(Math.max(1, minLength))];
  if (maxLength <= 1_000) edges.push("\u{1f331}".repeat(maxLength));
  return fc.oneof({ weight: 12, arbitrary: text }, {
    weight: 1,
    arbitrary: fc.constantFrom(...edges),
  }).filter(fits);
}

function numbers(schema: Schema): Values {
  const { type, minimum = -1e6, maximum = 1e6 } = schema;
  const [low, high] = [Math.max(minimum, -1e6), Math.min(maximum, 1e6)];
  const any = type === "integer"
    ? fc.oneof(fc.integer({ min: low, max: Math.min(high, low + 5) }), fc.constant(maximum))
    : fc.oneof(
      fc.integer({ min: Math.ceil(Math.max(low, -3)), max: Math.floor(Math.min(high, 3)) }),
      fc.constantFrom(minimum, maximum, (low + high) / 2, (low + high) / 4),
    );
  return any.filter((value) => isValid(schema, value, {}));
}

/** Mostly of one length, since vectors must be; seldom as long as may be. */
function lists(schema: Schema, named: Named): Values {
  const { items = {}, minItems = 0, maxItems = 8 } = schema;
  const item = validOf(items, named);
  const length = Math.max(minItems, Math.min(2, maxItems));
  const most = Math.max(length, Math.min(maxItems, 4));
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(item, { minLength: length, maxLength: length }) },
    { weight: 3, arbitrary: fc.array(item, { minLength: minItems, maxLength: most }) },
  ).filter((value) => isValid(schema, value, named));
}

function objects(schema: Schema, named: Named): Values {
  const { properties = {}, required = [], additionalProperties = true, propertyNames } = schema;
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, validOf(field, named)]),
  );
  const known = fc.record(fields, { requiredKeys: [...required], noNullPrototype: true });
  if (additionalProperties === false) return known;
  const names = propertyNames === undefined ? fc.constantFrom(...WORDS) : strings(propertyNames);
  const more = fc.dictionary(
    names.filter((name) => !Object.hasOwn(properties, name)),
    additionalProperties === true ? anyJson : validOf(additionalProperties, named),
    { maxKeys: 2, noNullPrototype: true },
  );
  return fc.tuple(known, more).map(([own, others]) =>
    Object.fromEntries([...Object.entries(own), ...Object.entries(others)])
  );
}

/** Values that the schema just does not allow; now and then one that it does after all. */
export function brokenOf(schema: Schema, named: Named): Values {
  const known = resolved(schema, named);
  const others = fc.constantFrom<Json>(null, 0, "0", [], {}, true, "", " ");
  const { type, anyOf } = known;
  if (anyOf !== undefined && type === undefined) {
    return fc.oneof(...anyOf.map((one) => brokenOf(one, named)));
  }
  if (known.enum !== undefined || known.const !== undefined) {
    const first = String(known.enum?.[0] ?? known.const);
    return fc.oneof(others, fc.constantFrom(first.toUpperCase(), `${first} `, `${first}s`));
  }
  if (type === "object") return brokenObjects(known, named);
  if (type === "array") return fc.oneof(others, brokenLists(known, named));
  if (type === "number" || type === "integer") return fc.oneof(others, brokenNumbers(known));
  if (type === "string") return fc.oneof(others, brokenStrings(known));
  return others;
}

function brokenNumbers({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema) {
  const beyond = [1e308, -1e308];
  if (type === "integer") beyond.push(1.5);
  for (const low of [minimum, exclusiveMinimum]) if (low !== undefined) beyond.push(low - 1);
  for (const high of [maximum, exclusiveMaximum]) if (high !== undefined) beyond.push(high + 1);
  return fc.constantFrom(...beyond);
}

function brokenStrings({ maxLength = 0, format, pattern }: Schema): Values {
  const beyond = ["\u0000", "\u3000", "\u{1f600}".repeat(Math.min(maxLength + 1, 1_001))];
  if (format === "uuid") beyond.push("0", FIRST_ID.slice(1), `${FIRST_ID}0`);
  if (format === "date-time") beyond.push("yesterday", "2026-02-30T00:00:00Z", "2026-01-01");
  if (pattern !== undefined) beyond.push("\u00e9", "=", "a\nb");
  return fc.constantFrom(...beyond);
}

function brokenLists(schema: Schema, named: Named): Values {
  const { items = {}, minItems = 0, maxItems = Infinity } = schema;
  const tooMany = Math.min(maxItems + 1, 51);
  return fc.oneof(
    fc.array(brokenOf(items, named), { minLength: 1, maxLength: 2 }),
    fc.array(validOf(items, named), { minLength: tooMany, maxLength: tooMany }).map((all) =>
      maxItems < 51 ? all : all.slice(0, 3)
    ),
    fc.constant(minItems > 0 ? [] : {}),
  );
}

/** One field wrong, missing, or too many. */
function brokenObjects(schema: Schema, named: Named): Values {
  const { properties = {}, required = [] } = schema;
  const good = validOf(schema, named);
  const ways = Object.entries(properties).map(([name, field]) =>
    fc.tuple(good, fc.oneof(brokenOf(field, named), wild)).map(([value, bad]) => ({
      ...value,
      [name]: bad,
    }))
  );
  ways.push(fc.tuple(good, wild).map(([value, more]) => ({ ...value, unheard_of: more })));
  for (const name of required) {
    ways.push(good.map((value) => {
      const { [name]: _, ...rest } = value;
      return rest;
    }));
  }
  return fc.oneof(...ways);
}
