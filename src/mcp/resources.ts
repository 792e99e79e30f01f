/**
 * What clients can read by address: the newest memories, one memory, and what there is in all. As
 * JSON, so that stored text stands in strings and nowhere else.
 */
import {
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  type Resource,
  ResourceNotFoundError,
  type ResourceTemplateType,
} from "@modelcontextprotocol/server";
import type { Brain } from "../brain.ts";
import { AppError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { idSchema } from "../memory.ts";
import { paced } from "../pace.ts";
import { listedData, wholeData } from "./memory_text.ts";

export const RECENT_URI = "memory://recent";
export const STATS_URI = "memory://stats";
export const MEMORY_TEMPLATE = "memory://{id}";
const MOST_RECENT = 20;
/** Ours are shorter; it is said again in the answer, and as often as it changes. */
export const MOST_URI_CHARACTERS = 256;
const mimeType = "application/json";

export const RESOURCES: readonly Resource[] = [
  {
    uri: RECENT_URI,
    name: "recent",
    title: "Newest memories",
    description: `The ${MOST_RECENT} newest memories.`,
    mimeType,
  },
  {
    uri: STATS_URI,
    name: "stats",
    title: "What is remembered",
    description:
      "How many memories there are, of which types and tags, and how the brain is doing.",
    mimeType,
  },
];

export const RESOURCE_TEMPLATES: readonly ResourceTemplateType[] = [
  {
    uriTemplate: MEMORY_TEMPLATE,
    name: "memory",
    title: "One memory",
    description: "A memory by its id.",
    mimeType,
  },
];

export function memoryUri(id: string): string {
  return `memory://${id}`;
}

export async function readResource(brain: Brain, uri: string): Promise<ReadResourceResult> {
  if (uri.length > MOST_URI_CHARACTERS) {
    const long = `Cannot read a resource whose URI has more than ${MOST_URI_CHARACTERS} characters`;
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, long);
  }
  const data = await dataAt(brain, uri);
  return { contents: [{ uri, mimeType, text: JSON.stringify(data) }] };
}

async function dataAt(brain: Brain, uri: string): Promise<unknown> {
  if (uri === STATS_URI) return brain.stats.all();
  if (uri === RECENT_URI) return await newest(brain);
  const id = idSchema.safeParse(/^memory:\/\/([^/]+)$/.exec(uri)?.[1]);
  if (!id.success) throw new ResourceNotFoundError(uri);
  try {
    return wholeData(brain.memories.read(id.data), "detailed");
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") {
      throw new ResourceNotFoundError(uri);
    }
    throw error;
  }
}

async function newest({ listing }: Brain): Promise<JsonObject> {
  const { entries, total } = await listing.list({ filter: {}, limit: MOST_RECENT });
  return { memories: await paced(entries, (entry) => listedData(entry, "detailed")), total };
}
