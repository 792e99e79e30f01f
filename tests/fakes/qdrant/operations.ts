/** What may be asked of the stand-in's collections: each request as it is read, and carried out. */
import { z } from "zod";
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import { Collection, type NewPoint, type Point, type Selection } from "./collection.ts";
import { type PointId, readPointId } from "./point_id.ts";
import { REFUSALS } from "./replies.ts";
import { readFilter } from "./stored_filter.ts";

const MOST_DIMENSIONS = 65_536;
/** In older servers a field's schema was only its type, but for those of texts and integers. */
const LATER_SCHEMAS = ["keyword", "float", "datetime", "uuid", "bool", "geo"];

const payload = z.custom<JsonObject>((value) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
);
const vectorText = z.custom<readonly number[]>((value) =>
  Array.isArray(value) && value.every((x) => typeof x === "number")
);

const Create = z.object({
  vectors: z.object({
    size: z.number().int(),
    distance: z.enum(["Cosine", "Euclid", "Dot", "Manhattan"]),
  }),
});
const Schema = z.union([z.string(), z.looseObject({ type: z.string() })]);
const Index = z.object({ field_name: z.string(), field_schema: Schema });
const Upsert = z.object({
  points: z.array(z.object({ id: z.unknown(), vector: vectorText, payload: payload.nullish() })),
});
const Selected = z.object({
  points: z.array(z.unknown()).nullish(),
  filter: z.unknown().optional(),
});
const Payload = Selected.extend({ payload, key: z.null().optional() });
const PayloadKeys = Selected.extend({ keys: z.array(z.string()) });
const Batch = z.object({ operations: z.array(z.record(z.string(), z.unknown())) });
const Wanted = z.union([
  z.boolean(),
  z.array(z.string()),
  z.object({ include: z.array(z.string()) }),
  z.object({ exclude: z.array(z.string()) }),
]).nullish();
const size = z.number().int();
const Query = z.object({
  query: z.union([vectorText, z.object({ nearest: vectorText }).transform((q) => q.nearest)]),
  filter: z.unknown().optional(),
  score_threshold: z.number().nullish(),
  limit: size.positive().nullish(),
  offset: size.nonnegative().nullish(),
  with_payload: Wanted,
  with_vector: z.boolean().nullish(),
});
const Scroll = z.object({
  offset: z.unknown().optional(),
  limit: size.positive().nullish(),
  filter: z.unknown().optional(),
  with_payload: Wanted,
  with_vector: z.boolean().nullish(),
});
const Count = z.object({ filter: z.unknown().optional(), exact: z.boolean().optional() });

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const [issue] = error.issues;
  throw REFUSALS.wrongBody(`${issue?.message} at ${issue?.path.join(".")}`);
}

export function created(body: JsonObject): Collection {
  const { size } = read(Create, body).vectors;
  if (size < 1 || size > MOST_DIMENSIONS) {
    throw REFUSALS.invalidBody(`vectors.size: value ${size} invalid, must be from 1 to 65536`);
  }
  return new Collection(body, size);
}

export function createIndex(collection: Collection, body: unknown, version: string): void {
  const { field_name, field_schema } = read(Index, body);
  const schema = typeof field_schema === "string" ? { type: field_schema } : field_schema;
  if (typeof field_schema !== "string" && /^1\.10\./.test(version)) {
    if (LATER_SCHEMAS.includes(schema.type)) {
      throw REFUSALS.wrongBody(
        "data did not match any variant of untagged enum PayloadFieldSchema",
      );
    }
  }
  collection.indexes.set(field_name, { ...schema } as JsonObject);
}

export function upsert(collection: Collection, body: unknown): void {
  const points = read(Upsert, body).points.map(({ id, vector, payload }): NewPoint => ({
    id: readPointId(id),
    vector,
    payload: payload ?? {},
  }));
  collection.upsert(points);
}

function selection(body: z.infer<typeof Selected>): Selection {
  if (Array.isArray(body.points)) return body.points.map(readPointId);
  if (body.filter === undefined || body.filter === null) {
    throw REFUSALS.wrongBody("data did not match any variant of untagged enum PointsSelector");
  }
  return readFilter(body.filter);
}

const CHANGES: Readonly<Record<string, (collection: Collection, body: unknown) => void>> = {
  upsert,
  delete: (collection, body) => collection.delete(selection(read(Selected, body))),
  set_payload: (collection, body) => {
    const asked = read(Payload, body);
    collection.setPayload(selection(asked), (payload) => ({ ...payload, ...asked.payload }));
  },
  overwrite_payload: (collection, body) => {
    const asked = read(Payload, body);
    collection.setPayload(selection(asked), () => asked.payload);
  },
  delete_payload: (collection, body) => {
    const asked = read(PayloadKeys, body);
    collection.setPayload(
      selection(asked),
      (payload) =>
        Object.fromEntries(Object.entries(payload).filter(([key]) => !asked.keys.includes(key))),
    );
  },
  clear_payload: (collection, body) =>
    collection.setPayload(selection(read(Selected, body)), () => ({})),
};

/** One change, by the name that it has in a batch. */
export function change(collection: Collection, name: string, body: unknown): object {
  const apply = Object.hasOwn(CHANGES, name) ? CHANGES[name] : undefined;
  if (apply === undefined) {
    throw REFUSALS.wrongBody("data did not match any variant of untagged enum UpdateOperation");
  }
  apply(collection, body);
  return { operation_id: collection.nextOperation(), status: "completed" };
}

/** One after the other, up to the first that is refused. */
export function changeMany(collection: Collection, body: unknown): object[] {
  return read(Batch, body).operations.map((operation) => {
    const [name = ""] = Object.keys(operation);
    return change(collection, name, operation[name]);
  });
}

export function query(collection: Collection, body: unknown): object {
  const { query, filter, score_threshold, limit, offset, with_payload, with_vector } = read(
    Query,
    body,
  );
  const from = offset ?? 0;
  const range = { least: score_threshold ?? -Infinity, limit: from + (limit ?? 10) };
  const found = collection.nearest(query, readFilter(filter), range).slice(from);
  const points = found.map((point) => ({
    id: point.id,
    version: point.version,
    score: point.score,
    ...payloadOf(point, with_payload ?? false),
    ...with_vector ? { vector: collection.vectorOf(point) } : {},
  }));
  return { points };
}

export function scroll(collection: Collection, body: unknown): object {
  const { offset, limit, filter, with_payload, with_vector } = read(Scroll, body);
  const test = readFilter(filter);
  const from = offset === undefined || offset === null ? undefined : readPointId(offset);
  const points: object[] = [];
  let next: PointId | null = null;
  for (const point of collection.inOrder(from)) {
    if (!test(point.id, point.payload)) continue;
    if (points.length === (limit ?? 10)) {
      next = point.id;
      break;
    }
    const vector = with_vector ? { vector: collection.vectorOf(point) } : {};
    points.push({ id: point.id, ...payloadOf(point, with_payload ?? true), ...vector });
  }
  return { points, next_page_offset: next };
}

export function count(collection: Collection, body: unknown): object {
  const test = readFilter(read(Count, body).filter);
  let count = 0;
  for (const _ of collection.matching(test)) count++;
  return { count };
}

function payloadOf({ payload }: Point, wanted: z.infer<typeof Wanted>): { payload?: JsonObject } {
  if (wanted === false || wanted === null || wanted === undefined) return {};
  if (wanted === true) return { payload };
  const isIn = Array.isArray(wanted)
    ? (key: string) => wanted.includes(key)
    : "include" in wanted
    ? (key: string) => wanted.include.includes(key)
    : (key: string) => !wanted.exclude.includes(key);
  const entries: [string, JsonValue][] = Object.entries(payload).flatMap(([key, value]) =>
    value !== undefined && isIn(key) ? [[key, value]] : []
  );
  return { payload: Object.fromEntries(entries) };
}
