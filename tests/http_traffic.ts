/**
 * Requests made from the OpenAPI document, as plain data: what fits, what just does not, and what
 * nobody would think of. A new route is asked like the others without a word written for it here.
 */
import fc from "fast-check";
import type { Json } from "./http_app.ts";
import type { Named } from "./json_schema.ts";
import { brokenOf, validOf, wild } from "./openapi_arbitrary.ts";
import type { Api, Operation, Parameter } from "./openapi_reader.ts";

/** One request; `follow` counts among what earlier replies gave to go on with. */
export interface Call {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly given: readonly { readonly at: string; readonly text: string }[];
  readonly follow: number | null;
  /** In its place an earlier request that had an Idempotency-Key is sent once more, if there is one. */
  readonly again: number | null;
  readonly key: "right" | "wrong" | "none";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly type: string; readonly text: string; readonly json?: Json } | null;
  /** Made to be taken: by the document there is nothing wrong with it. */
  readonly fits: boolean;
}

export type Given = readonly { readonly at: string; readonly text: string }[];
interface Part<T> {
  readonly value: T;
  readonly fits: boolean;
}

function rarely<T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>, weight = 12): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: often }, { weight: 1, arbitrary: seldom });
}

function texts(at: string, value: Json): Given {
  return (Array.isArray(value) ? value : [value]).map((one) => ({
    at,
    text: typeof one === "string" ? one.toWellFormed() : JSON.stringify(one) ?? "",
  }));
}

/** What a parameter is given: mostly nothing, where it may be left out. */
function parameterOf(parameter: Parameter, named: Named): fc.Arbitrary<Part<Given>> {
  const { name, in: place, required, schema } = parameter;
  const at = `${place}.${name}`;
  const sent = (values: fc.Arbitrary<Json>, fits: boolean) =>
    values.map((value) => ({ value: texts(at, value), fits }));
  const good = sent(validOf(schema, named), true);
  const bad = sent(fc.oneof(brokenOf(schema, named), wild), false);
  const twice = good.map(({ value }) => ({ value: [...value, ...value], fits: false }));
  const any = rarely(good, place === "query" ? fc.oneof(bad, bad, twice) : bad);
  if (required) return any;
  return rarely(fc.constant({ value: [], fits: true }), any, 3);
}

/** Beside what the document knows: what proxies, caches and the ill-disposed send. */
const strangeHeaders = fc.dictionary(
  fc.constantFrom("content-encoding", "accept", "range", "x-request-id", "expect", "x-api-key"),
  fc.constantFrom("gzip", "identity", "*/*", "bytes=0-1", "\u00e9", "x".repeat(300), ""),
  { maxKeys: 1, noNullPrototype: true },
);
const strangeQuery = fc.constantFrom("__proto__", "x", "limit", "key").map((name) => [
  { at: `query.${name}`, text: "1" },
]);

type Body = Call["body"];

function bodyOf(operation: Operation, named: Named): fc.Arbitrary<Part<Body>> {
  const { requestBody } = operation;
  if (requestBody === undefined) return fc.constant({ value: null, fits: true });
  const kinds = Object.entries(requestBody.content).map(([type, { schema }]) => {
    const json = fc.oneof(
      { weight: 8, arbitrary: validOf(schema, named).map((value) => ({ value, fits: true })) },
      { weight: 3, arbitrary: brokenOf(schema, named).map((value) => ({ value, fits: false })) },
      { weight: 1, arbitrary: wild.map((value) => ({ value, fits: false })) },
    );
    return type.endsWith("ndjson") ? lines(type, json) : documents(type, json);
  });
  const none: fc.Arbitrary<Part<Body>> = fc.constant({
    value: null,
    fits: !requestBody.required,
  });
  return rarely(fc.oneof(...kinds), none, requestBody.required ? 40 : 4);
}

function documents(type: string, json: fc.Arbitrary<Part<Json>>): fc.Arbitrary<Part<Body>> {
  return fc.tuple(json, fc.nat(60), fc.nat(60)).map(([{ value, fits }, cut, other]) => {
    const text = JSON.stringify(value) ?? "null";
    const spoilt = SPOILT[cut]?.(text);
    const kind = OTHER_TYPES[other];
    return {
      value: {
        type: kind ?? type,
        text: spoilt ?? text,
        ...(spoilt === undefined && { json: value }),
      },
      fits: fits && spoilt === undefined && kind === undefined,
    };
  });
}

function lines(type: string, json: fc.Arbitrary<Part<Json>>): fc.Arbitrary<Part<Body>> {
  return fc.array(json, { maxLength: 3 }).map((records) => ({
    value: { type, text: records.map(({ value }) => JSON.stringify(value) ?? "").join("\n") },
    fits: records.every(({ fits }) => fits),
  }));
}

/** Text that is no JSON any more, or says other than it seems. */
const SPOILT: readonly ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => `${text}x`,
  (text) => text + " ".repeat(1_500),
  (text) => text.replace(/\d+/, "1e999"),
  (text) => text.replace(/\d+/, "9007199254740993"),
  (text) => text.replace("{", '{"content":"first","content":"second",'),
  (text) => text.replace(/"\w/, '"\\ud800'),
];
const OTHER_TYPES = ["text/plain", "", "application/json; charset=latin1", "multipart/form-data"];

function callTo(operation: Operation, named: Named): fc.Arbitrary<Call> {
  const { operationId, method, path, parameters, security } = operation;
  const given = fc.tuple(...parameters.map((parameter) => parameterOf(parameter, named)));
  const keys = fc.constantFrom<Call["key"]>("wrong", "none");
  return fc.tuple(
    given,
    bodyOf(operation, named),
    rarely(fc.constant<Call["key"]>("right"), keys, 30),
    rarely(fc.constant({}), strangeHeaders, 20),
    rarely(fc.constant<Given>([]), strangeQuery, 30),
    fc.option(fc.nat(7), { freq: 2 }),
    rarely(fc.constant(null), fc.nat(9), 20),
  ).map(([parts, body, key, headers, more, follow, again]) => ({
    operationId,
    method,
    path,
    given: [...parts.flatMap(({ value }) => value), ...more],
    follow,
    again,
    key: security?.length === 0 ? "none" : key,
    headers,
    body: body.value,
    fits: body.fits && more.length === 0 && Object.keys(headers).length === 0 &&
      parts.every(({ fits }) => fits) && (key === "right" || security?.length === 0),
  }));
}

/** Any method on any path of the document, and paths that are in none. */
function strayCalls(api: Api): fc.Arbitrary<Call> {
  const paths = [...api.operations.map(({ path }) => path), "/", "/nothing", "/memories//", "/%00"];
  const odd = fc.array(
    fc.constantFrom("memories", "..", ".", "%2e%2e", "%", "a b", "", ";x", "\u{1f600}"),
  )
    .map((parts) => `/${parts.join("/")}`);
  return fc.record({
    operationId: fc.constant(""),
    method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"),
    path: fc.oneof(fc.constantFrom(...paths), odd),
    given: fc.constant([{ at: "path.id", text: "x" }]),
    follow: fc.constant(null),
    again: fc.constant(null),
    key: rarely<Call["key"]>(fc.constant("right"), fc.constantFrom("wrong", "none"), 3),
    headers: strangeHeaders,
    body: fc.constant(null),
    fits: fc.constant(false),
  });
}

/** Writing is asked more often than reading, since it is what leaves something behind. */
export function callsTo(api: Api): fc.Arbitrary<Call> {
  return fc.oneof(
    ...api.operations.map((operation) => ({
      weight: operation.requestBody !== undefined ? 4 : operation.parameters.length > 0 ? 3 : 1,
      arbitrary: callTo(operation, api.named),
    })),
    { weight: 2, arbitrary: strayCalls(api) },
  );
}
