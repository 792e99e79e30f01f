/**
 * The part of JSON Schema 2020-12 that our OpenAPI document speaks, read and obeyed. A keyword
 * that is not known here is an error, so that nothing in the document goes unheeded.
 */
import { z } from "zod";

export interface Schema {
  readonly $ref?: string | undefined;
  readonly type?: string | undefined;
  readonly const?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly anyOf?: readonly Schema[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly pattern?: string | undefined;
  readonly format?: string | undefined;
  readonly items?: Schema | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly contains?: Schema | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | Schema | undefined;
  readonly propertyNames?: Schema | undefined;
}

const number = z.number().optional();
const typeText = z.enum(["string", "number", "integer", "boolean", "null", "array", "object"]);
const schemaText: z.ZodType<Schema> = z.lazy(() =>
  z.strictObject({
    $ref: z.string().startsWith("#/components/schemas/").optional(),
    type: z.union([typeText, z.array(typeText)]).optional(),
    const: z.unknown().optional(),
    enum: z.array(z.unknown()).min(1).optional(),
    anyOf: z.array(schemaText).min(1).optional(),
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    minLength: number,
    maxLength: number,
    pattern: z.string().optional(),
    format: z.enum(["uuid", "date-time"]).optional(),
    items: schemaText.optional(),
    minItems: number,
    maxItems: number,
    contains: schemaText.optional(),
    properties: z.record(z.string(), schemaText).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), schemaText]).optional(),
    propertyNames: schemaText.optional(),
    description: z.string().optional(),
    examples: z.array(z.unknown()).optional(),
    default: z.unknown().optional(),
  }).transform(({ type, description: _, examples: __, default: ___, ...rest }) =>
    Array.isArray(type)
      ? { anyOf: type.map((one) => ({ ...rest, type: one })) }
      : { ...rest, ...(type && { type }) }
  )
);

/** Throws where the schema holds a keyword that nobody here would heed. */
export function readSchema(schema: unknown): Schema {
  return schemaText.parse(schema);
}

export type Named = Readonly<Record<string, Schema>>;

export function resolved(schema: Schema, named: Named): Schema {
  if (schema.$ref === undefined) return schema;
  const target = named[schema.$ref.replace("#/components/schemas/", "")];
  if (target === undefined) throw new Error(`Cannot resolve ${schema.$ref}: there is no such part`);
  return resolved(target, named);
}

/** Whether the value is what the schema says. */
export function isValid(schema: Schema, value: unknown, named: Named): boolean {
  const known = resolved(schema, named);
  const { anyOf } = known;
  if (known.const !== undefined && value !== known.const) return false;
  if (known.enum !== undefined && !known.enum.includes(value)) return false;
  if (anyOf !== undefined && !anyOf.some((one) => isValid(one, value, named))) return false;
  return hasType(known.type, value) && isWithin(known, value, named);
}

function hasType(type: string | undefined, value: unknown): boolean {
  if (type === undefined) return true;
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }
  const is: string = typeof value;
  return is === type;
}

function isWithin(schema: Schema, value: unknown, named: Named): boolean {
  if (typeof value === "string") return isText(schema, value);
  if (typeof value === "number") return isNumber(schema, value);
  if (Array.isArray(value)) return isList(schema, value, named);
  return typeof value !== "object" || value === null || isObject(schema, value, named);
}

const patterns = new Map<string, RegExp>();

export function patternOf(text: string): RegExp {
  const known = patterns.get(text) ?? new RegExp(text, "u");
  patterns.set(text, known);
  return known;
}

function isText({ minLength = 0, maxLength = Infinity, pattern }: Schema, value: string): boolean {
  const characters = value.length > maxLength ? [...value].length : value.length;
  if (characters > maxLength || value.length < minLength) return false;
  return pattern === undefined || patternOf(pattern).test(value);
}

function isNumber(schema: Schema, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = schema;
  return value >= minimum && value <= maximum &&
    value > exclusiveMinimum && value < exclusiveMaximum;
}

function isList(schema: Schema, value: readonly unknown[], named: Named): boolean {
  const { items = {}, contains, minItems = 0, maxItems = Infinity } = schema;
  if (value.length < minItems || value.length > maxItems) return false;
  if (!value.every((item) => isValid(items, item, named))) return false;
  return contains === undefined || value.some((item) => isValid(contains, item, named));
}

function isObject(schema: Schema, value: object, named: Named): boolean {
  const { properties = {}, required = [], additionalProperties = true, propertyNames } = schema;
  if (!required.every((name) => Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, field]) => {
    if (propertyNames !== undefined && !isValid(propertyNames, name, named)) return false;
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known !== undefined) return isValid(known, field, named);
    if (typeof additionalProperties === "boolean") return additionalProperties;
    return isValid(additionalProperties, field, named);
  });
}
