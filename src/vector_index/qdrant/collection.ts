/**
 * The collection that points lie in: how it is named, and how it comes to be there and to fit.
 *
 * Several brains may share one. It is made anew only where every point in it is this brain's, which
 * can send them again; what anybody else may have put there is never removed.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Client, Limits } from "./client.ts";
import { type Filter, pointsOf } from "./filter.ts";
import { QdrantError } from "./points.ts";

const PREFIX = "second-brain-";
/** Of vectors that only clients made. */
const NO_MODEL = "own-vectors";
const MAX_SLUG = 100;

/** By model and length, so that another model's vectors have another collection. */
export function collectionName(model: string | null, length: number): string {
  return `${PREFIX}${model === null ? NO_MODEL : slugOf(model)}-${length}`;
}

/** With a hash of the name where something of it is lost. */
function slugOf(model: string): string {
  const slug = model.replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, MAX_SLUG);
  if (slug === model && slug !== NO_MODEL) return slug;
  return `${slug}-${createHash("sha256").update(model).digest("hex").slice(0, 8)}`;
}

export function isNameOfOurs(collection: string): boolean {
  return collection.startsWith(PREFIX);
}

export interface Wanted {
  readonly collection: string;
  readonly length: number;
  readonly brain: string;
  /** Scalar quantisation: a quarter of the memory there, and the vectors themselves on disk. */
  readonly isQuantised: boolean;
}

/** The payload's fields and what kind of index each has. */
const INDEXES = {
  brain: "keyword",
  memory_id: "keyword",
  chunk: "integer",
  memory_type: "keyword",
  tags: "keyword",
  importance: "float",
  created_at: "datetime",
  metadata: "keyword",
} as const;

const QUANTISED = { scalar: { type: "int8", always_ram: true } } as const;

const Info = z.object({
  result: z.object({
    config: z.object({
      params: z.object({
        vectors: z.object({ size: z.number(), distance: z.string() }).optional().catch(undefined),
      }),
      quantization_config: z.unknown(),
    }),
    payload_schema: z.record(z.string(), z.unknown()),
  }),
}).transform(({ result }) => result);
type Info = z.infer<typeof Info>;

const Done = z.object({ result: z.literal(true) });
/** Of a write to points or their indexes: with `wait` no other status is one. */
export const Completed = z.object({ result: z.object({ status: z.literal("completed") }) });
const Count = z.object({ result: z.object({ count: z.number() }) })
  .transform(({ result }) => result.count);

export async function ensureCollection(
  client: Client,
  wanted: Wanted,
  limits: Limits,
): Promise<void> {
  const found = await look(client, wanted, limits);
  let info = found;
  if (found !== undefined && !await fits(client, wanted, found, limits)) {
    await client.ask(Done, limits, (api, init) => {
      return api.deleteCollection({ collection_name: wanted.collection }, init);
    });
    info = undefined;
  }
  info ??= await create(client, wanted, limits);
  if (wanted.isQuantised && info.config.quantization_config == null) {
    await quantise(client, wanted, limits);
  }
  for (const [field, type] of Object.entries(INDEXES)) {
    if (!Object.hasOwn(info.payload_schema, field)) {
      await addIndex(client, wanted.collection, field, type, limits);
    }
  }
}

/** Undefined where there is no such collection. */
async function look(
  client: Client,
  { collection }: Wanted,
  limits: Limits,
): Promise<Info | undefined> {
  try {
    return await client.ask(Info, limits, (api, init) => {
      return api.getCollection({ collection_name: collection }, init);
    });
  } catch (error) {
    if (error instanceof QdrantError && error.fault === "missing") return undefined;
    throw error;
  }
}

/** False where it may be made anew; throws `unfit` where it may not be touched. */
async function fits(
  client: Client,
  wanted: Wanted,
  { config, payload_schema }: Info,
  limits: Limits,
): Promise<boolean> {
  const { size, distance } = config.params.vectors ?? {};
  const isRight = size === wanted.length && distance === "Cosine";
  const isKnown = Object.hasOwn(payload_schema, "brain");
  if (isRight && isKnown) return true;
  const all = await count(client, wanted.collection, undefined, limits);
  const own = await count(client, wanted.collection, pointsOf(wanted.brain), limits);
  const isOwn = all === own && (isKnown || own > 0);
  if (isRight && (isOwn || all === 0)) return true;
  if (!isRight && isOwn) return false;
  throw new QdrantError(
    "unfit",
    isRight
      ? "Cannot use Qdrant: the collection holds what is not ours; set another QDRANT_COLLECTION"
      : "Cannot use Qdrant: the collection is for other vectors, and not this brain's alone; " +
        "set another QDRANT_COLLECTION",
  );
}

/** Exactly how many points pass. */
export function count(
  client: Client,
  collection: string,
  filter: Filter | undefined,
  limits: Limits,
): Promise<number> {
  return client.ask(Count, limits, (api, init) => {
    const request = { collection_name: collection, exact: true };
    return api.countPoints(filter === undefined ? request : { ...request, filter }, init);
  });
}

/** Somebody else may be making it at the same time. */
async function create(client: Client, wanted: Wanted, limits: Limits): Promise<Info> {
  const { collection, length, isQuantised } = wanted;
  let refusal: unknown;
  try {
    await client.ask(Done, limits, (api, init) => {
      return api.createCollection({
        collection_name: collection,
        vectors: { size: length, distance: "Cosine", on_disk: isQuantised },
        on_disk_payload: true,
        ...(isQuantised ? { quantization_config: QUANTISED } : {}),
      }, init);
    });
  } catch (error) {
    if (!(error instanceof QdrantError) || error.fault !== "rejected") throw error;
    refusal = error;
  }
  const info = await look(client, wanted, limits);
  if (info !== undefined) {
    if (refusal === undefined || await fits(client, wanted, info, limits)) return info;
  }
  throw refusal ?? new QdrantError("missing", "Cannot use Qdrant: the collection is gone");
}

async function quantise(client: Client, { collection }: Wanted, limits: Limits): Promise<void> {
  await client.ask(Done, limits, (api, init) => {
    return api.updateCollection({
      collection_name: collection,
      vectors: { "": { on_disk: true } },
      quantization_config: QUANTISED,
    }, init);
  });
}

async function addIndex(
  client: Client,
  collection: string,
  field: string,
  type: (typeof INDEXES)[keyof typeof INDEXES],
  limits: Limits,
): Promise<void> {
  const index = (field_schema: typeof type | { type: "keyword"; is_tenant: true }) =>
    client.ask(Completed, limits, (api, init) => {
      const request = { collection_name: collection, field_name: field, field_schema };
      return api.createFieldIndex({ ...request, wait: true }, init);
    });
  try {
    await index(field === "brain" ? { type: "keyword", is_tenant: true } : type);
  } catch (error) {
    // Qdrant knows tenants from 1.11 on.
    if (field !== "brain" || !(error instanceof QdrantError) || error.fault !== "rejected") {
      throw error;
    }
    await index(type);
  }
}
