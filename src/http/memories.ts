/** `/memories`: create, read, list, update, delete. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { idSchema, MEMORY_TYPES, timeSchema, WRITABLE } from "../memory.ts";
import { SORTS } from "../walks.ts";
import { etag, ifMatch, memorySchema, memoryView } from "./memory_view.ts";
import {
  IDEMPOTENCY_HEADER,
  IF_MATCH_HEADER,
  numberParameter,
  pageParameters,
  retriable,
} from "./parameters.ts";
import { tagList } from "./question.ts";
import { json, type ReplyDoc, type Route, route } from "./route.ts";
import type { Entry, Made } from "../memory.ts";

const JSON_ONLY = ["application/json"] as const;

const idParams = z.strictObject({
  id: idSchema.meta({ description: "The memory's id." }),
});

const { content, memory_type, importance_score, tags, metadata, embedding } = WRITABLE;

const newMemorySchema = z.strictObject({
  content,
  memory_type: memory_type.default("semantic"),
  importance_score: importance_score.default(0.5),
  tags: tags.default([]),
  metadata: metadata.default({}),
  embedding: z.exactOptional(embedding),
  id: z.exactOptional(idSchema),
  created_at: z.exactOptional(timeSchema),
}).meta({ id: "NewMemory" });

const createQuery = z.strictObject({
  on_duplicate: z.enum(["create", "return"]).optional().meta({
    description:
      "Where a memory with the same text is there already, white space and case aside: " +
      "`create` (default) makes another one; `return` answers 200 with the oldest of them as it " +
      "is, and keeps nothing of what was sent, not even a given id.",
  }),
});

const fieldsSchema = z.strictObject({
  content: z.exactOptional(content),
  memory_type: z.exactOptional(memory_type),
  importance_score: z.exactOptional(importance_score),
  tags: z.exactOptional(tags),
  metadata: z.exactOptional(metadata),
  embedding: z.exactOptional(embedding.nullable()),
}).meta({ id: "MemoryFields" });

const patchSchema = z.strictObject({
  content: z.exactOptional(content),
  memory_type: z.exactOptional(memory_type.nullable()),
  importance_score: z.exactOptional(importance_score.nullable()),
  tags: z.exactOptional(tags.nullable()),
  metadata: z.exactOptional(metadata.nullable()),
  embedding: z.exactOptional(embedding.nullable()),
}).meta({ id: "MemoryPatch" });

const CURSOR = /^[\w-]+$/;
const CURSOR_FAULT = "must be a next_cursor of an earlier reply";

const DEFAULT_LIMIT = 20;

const listQuery = z.strictObject({
  ...pageParameters(DEFAULT_LIMIT, 1e9),
  // Short enough for the first line of a request, with the longest question in it.
  cursor: z.string().min(1).max(12_000).regex(CURSOR, CURSOR_FAULT).optional().meta({
    description: "`next_cursor` of the page before. It brings the other parameters with it.",
  }),
  memory_type: z.enum(MEMORY_TYPES).optional(),
  tag: tagList.optional().meta({
    description: "May be repeated: all must match.",
  }),
  min_importance: numberParameter({ integer: false, min: 0, max: 1 }).optional(),
  created_after: timeSchema.optional().meta({ description: "Inclusive." }),
  created_before: timeSchema.optional().meta({ description: "Exclusive." }),
  sort: z.enum(SORTS).optional().meta({ description: "Default `created_at`." }),
  order: z.enum(["asc", "desc"]).optional().meta({ description: "Default `desc`." }),
}).refine(({ cursor, offset }) => cursor === undefined || offset === undefined, {
  message: "cannot go with an offset",
  path: ["cursor"],
});

const listSchema = z.strictObject({
  memories: z.array(memorySchema),
  total: z.int().min(0).meta({ description: "How many match, on all pages." }),
  limit: z.int(),
  offset: z.int().meta({ description: "How many come before this page." }),
  next_cursor: z.string().nullable(),
}).meta({ id: "MemoryList" });

/** Where a client goes on from a memory: to the memory itself, and to changing just this version. */
const ID = { "path.id": "$response.body#/id" };
const VERSION = { ...ID, "header.If-Match": "$response.header.ETag" };
const MEMORY_LINKS = {
  read: { operationId: "readMemory", parameters: ID },
  replaceFields: { operationId: "replaceMemoryFields", parameters: VERSION },
  patch: { operationId: "patchMemory", parameters: VERSION },
  delete: { operationId: "deleteMemory", parameters: VERSION },
} as const;

const LIST_LINKS = {
  nextPage: {
    operationId: "listMemories",
    parameters: { "query.cursor": "$response.body#/next_cursor" },
  },
  readFirst: {
    operationId: "readMemory",
    parameters: { "path.id": "$response.body#/memories/0/id" },
  },
} as const;

const oneMemory: ReplyDoc = {
  description: "The memory.",
  schema: memorySchema,
  headers: { ETag: "The version of its writable fields." },
  links: MEMORY_LINKS,
};

const placedMemory: ReplyDoc = {
  ...oneMemory,
  headers: { ...oneMemory.headers, Location: "Where the memory is." },
};

/** What the routes that change a memory have in common; on a full disk even deleting is refused. */
const CHANGE = {
  tag: "Memories",
  params: idParams,
  headers: { ...IF_MATCH_HEADER, ...IDEMPOTENCY_HEADER },
  errors: ["not_found", "precondition_failed", "insufficient_storage", "overloaded"],
} as const;

export function memoryRoutes(brain: Brain): readonly Route[] {
  return [
    createRoute(brain),
    listRoute(brain),
    readRoute(brain),
    replaceRoute(brain),
    patchRoute(brain),
    deleteRoute(brain),
  ];
}

function answer(status: number, entry: Entry, headers: Record<string, string> = {}): Response {
  return json(status, memoryView(entry), { ETag: etag(entry.memory), ...headers });
}

function createRoute({ memories }: Brain): Route {
  return route({
    method: "POST",
    path: "/memories",
    operationId: "createMemory",
    summary: "Remember something",
    tag: "Memories",
    query: createQuery,
    headers: IDEMPOTENCY_HEADER,
    body: { schema: newMemorySchema, contentTypes: JSON_ONLY },
    replies: {
      200: {
        ...placedMemory,
        description: "The same text was there already, and `on_duplicate` is `return`. " +
          "Does not count as an access.",
      },
      201: { ...placedMemory, description: "It is on disk." },
    },
    errors: ["conflict", "insufficient_storage", "overloaded"],
  }, async ({ query, body, request, bodyText }) => {
    const asked = retriable(request, bodyText);
    const made: Made = query.on_duplicate === "return"
      ? await memories.createOnce(body, asked)
      : await memories.create(body, asked);
    return answer(made.existing ? 200 : 201, made, { Location: `/memories/${made.memory.id}` });
  });
}

function listRoute({ listing }: Brain): Route {
  return route({
    method: "GET",
    path: "/memories",
    operationId: "listMemories",
    summary: "List memories",
    description: "A walk by cursor sees every memory that stood throughout exactly once, also " +
      "while others come, go and change.",
    tag: "Memories",
    query: listQuery,
    repeatable: ["tag"],
    replies: { 200: { description: "A page.", schema: listSchema, links: LIST_LINKS } },
  }, async ({ query }) => {
    const { memory_type: type, tag, min_importance, created_after, created_before } = query;
    const page = await listing.list({
      sort: query.sort,
      order: query.order,
      cursor: query.cursor,
      offset: query.offset,
      limit: query.limit ?? DEFAULT_LIMIT,
      filter: {
        memory_type: type && [type],
        tags: tag,
        min_importance,
        created_after,
        created_before,
      },
    });
    return json(200, {
      memories: page.entries.map((entry) => memoryView(entry)),
      total: page.total,
      limit: page.limit,
      offset: page.offset,
      next_cursor: page.nextCursor,
    });
  });
}

function readRoute({ memories }: Brain): Route {
  return route({
    method: "GET",
    path: "/memories/{id}",
    operationId: "readMemory",
    summary: "Read a memory",
    description: "Counts as an access.",
    tag: "Memories",
    params: idParams,
    query: z.strictObject({
      include: z.literal("embedding").optional().meta({
        description: "`embedding`: the vector that the memory is found by, once it is there.",
      }),
    }),
    replies: { 200: oneMemory },
    errors: ["not_found"],
  }, async ({ params, query, request }) => {
    // A HEAD is answered by the same route, but nobody gets to read the memory.
    const isRead = request.method === "GET";
    const entry = isRead ? memories.read(params.id) : memories.peek(params.id);
    if (query.include === undefined) return answer(200, entry);
    const vector = await memories.embedding(entry.memory);
    return json(200, memoryView(entry, vector), { ETag: etag(entry.memory) });
  });
}

function replaceRoute({ memories }: Brain): Route {
  return route({
    method: "PUT",
    path: "/memories/{id}",
    operationId: "replaceMemoryFields",
    summary: "Replace fields of a memory",
    description: "Fields that are sent replace, fields left out stay. New content without a " +
      "new embedding lets go of the caller's own old one. `embedding: null` does too.",
    ...CHANGE,
    body: { schema: fieldsSchema, contentTypes: JSON_ONLY },
    replies: { 200: oneMemory },
  }, async ({ params, body, request, bodyText }) => {
    const asked = retriable(request, bodyText);
    return answer(200, await memories.replaceFields(params.id, body, ifMatch(request), asked));
  });
}

function patchRoute({ memories }: Brain): Route {
  return route({
    method: "PATCH",
    path: "/memories/{id}",
    operationId: "patchMemory",
    summary: "Change a memory by JSON Merge Patch",
    description: "RFC 7396: `metadata` is merged, a null in it removes a key; a null for " +
      "another field puts it back to its default.",
    ...CHANGE,
    body: {
      schema: patchSchema,
      contentTypes: ["application/merge-patch+json", "application/json"],
    },
    replies: { 200: oneMemory },
  }, async ({ params, body, request, bodyText }) => {
    const asked = retriable(request, bodyText);
    return answer(200, await memories.patch(params.id, body, ifMatch(request), asked));
  });
}

function deleteRoute({ memories }: Brain): Route {
  return route({
    method: "DELETE",
    path: "/memories/{id}",
    operationId: "deleteMemory",
    summary: "Forget a memory",
    ...CHANGE,
    replies: { 204: { description: "It is gone, durably." } },
  }, async ({ params, request }) => {
    await memories.delete(params.id, ifMatch(request), retriable(request, ""));
    return new Response(null, { status: 204 });
  });
}
