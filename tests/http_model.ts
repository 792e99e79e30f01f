/**
 * What the service must hold, and must answer, by what it was asked: a Map that is told the same
 * and knows neither disk nor index. Of an operation that it does not know it only takes note.
 */
import assert from "node:assert/strict";
import { compareAge, sameTextKey } from "../src/same_texts.ts";
import { type Json, NOW, type Reply } from "./http_app.ts";
import type { Call } from "./http_traffic.ts";
import type { Sent } from "./http_trail.ts";

type Memories = ReadonlyMap<string, Json>;

/** What it is given and the reply; the model when it is over, or undefined: look for yourself. */
type Step = (before: Memories, asked: Asked, reply: Reply) => Memories | undefined;

interface Asked {
  readonly id: string;
  readonly body: Json;
  readonly query: URLSearchParams;
}

const DEFAULTS = { memory_type: "semantic", importance_score: 0.5, tags: [], metadata: {} };

/** Without what reading changes. */
export function stable({ access_count: _count, last_accessed_at: _at, ...rest }: Json): Json {
  const { embedding: _embedding, ...told } = rest;
  return told;
}

/** As a reply shows what was sent. */
function told({ embedding: _, tags, created_at, id, ...rest }: Json): Json {
  return {
    ...rest,
    ...(id !== undefined && { id: id.toLowerCase() }),
    ...(tags && { tags: [...new Set(tags.map((tag: string) => tag.trim()))] }),
    ...(created_at !== undefined && { created_at: new Date(created_at).toISOString() }),
  };
}

function put(before: Memories, memory: Json): Memories {
  return new Map([...before, [memory.id, memory]]);
}

function changed(before: Memories, id: string, fields: Json): Memories {
  assert.ok(before.has(id), "what is not there was changed");
  return put(before, { ...before.get(id), ...told(fields), updated_at: NOW });
}

/** RFC 7396, on what JSON can say. */
function merged(target: Json, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const fields = new Map<string, Json>(isObject ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) fields.delete(name);
    else fields.set(name, merged(fields.get(name), value));
  }
  return Object.fromEntries(fields);
}

function patched(memory: Json, patch: Json): Json {
  const fields = Object.entries(patch).map(([name, value]) => {
    if (value === null) return [name, Object.entries(DEFAULTS).find(([key]) => key === name)?.[1]];
    return [name, name === "metadata" ? merged(memory.metadata, value) : value];
  });
  return Object.fromEntries(fields);
}

function holds(before: Memories, memory: Json): void {
  assert.deepEqual(stable(memory), before.get(memory.id));
}

const STEPS: Readonly<Record<string, Step>> = {
  createMemory(before, { body, query }, reply) {
    const key = sameTextKey(body.content);
    const same = [...before.values()].filter(({ content }) => sameTextKey(content) === key);
    const isKnown = query.get("on_duplicate") === "return" && same.length > 0;
    assert.equal(reply.status, isKnown ? 200 : 201);
    if (isKnown) {
      const [oldest] = same.sort(compareAge);
      assert.deepEqual(stable(reply.body), oldest);
      return before;
    }
    const id = body.id?.toLowerCase() ?? reply.body.id;
    assert.ok(!before.has(id), "what was there was created anew");
    return put(before, { ...DEFAULTS, created_at: NOW, ...told({ ...body, id }), updated_at: NOW });
  },
  replaceMemoryFields: (before, { id, body }) => changed(before, id, body),
  patchMemory: (before, { id, body }) => changed(before, id, patched(before.get(id), body)),
  deleteMemory(before, { id }) {
    assert.ok(before.has(id), "what is not there was deleted");
    return new Map([...before].filter(([key]) => key !== id));
  },
  readMemory(before, { id }, { body }) {
    assert.equal(body.id, id);
    holds(before, body);
    return before;
  },
  listMemories(before, _asked, { body }) {
    for (const memory of body.memories) holds(before, memory);
    assert.ok(body.total <= before.size);
    return before;
  },
  listDuplicates(before, _asked, { body }) {
    for (const { memories } of body.duplicates) {
      for (const memory of memories) holds(before, memory);
    }
    return before;
  },
  searchMemories(before, _asked, { body }) {
    for (const { memory } of body.results) holds(before, memory);
    return before;
  },
  exportMemories(before, _asked, { body, text, status }) {
    if (status === 201) return before;
    const all: Json[] = body?.memories ??
      text.split("\n").slice(0, -1).map((one) => JSON.parse(one));
    assert.deepEqual(new Map(all.map((memory) => [memory.id, stable(memory)])), before);
    return before;
  },
  importMemories: (before, { query }) => query.get("dry_run") === "true" ? before : undefined,
  stats(before, _asked, { body }) {
    assert.equal(body.total_memories, before.size);
    return before;
  },
};

/** By the key, the request that was carried out under it, and its reply. */
type Answered = Map<string, { readonly request: string; readonly reply: Reply }>;

export class Model {
  memories: Memories;
  readonly #answered: Answered = new Map();

  constructor(memories: Memories) {
    this.memories = memories;
  }

  /** Takes note of a reply, or throws where it cannot be. True: the model knows what is held now. */
  note(call: Call, sent: Sent, reply: Reply): boolean {
    const before = this.memories;
    const id = sent.given.find(({ at }) => at === "path.id")?.text.toLowerCase() ?? "";
    if (reply.status >= 400) {
      this.#refused(call, sent, reply, id);
      return true;
    }
    if (call.method === "HEAD" || this.#isReplay(call, sent, reply)) return true;
    const step = STEPS[call.operationId];
    if (step === undefined) return call.method === "GET";
    const text = call.body?.text ?? "";
    const body = call.operationId === "importMemories" || text === "" ? {} : JSON.parse(text);
    const after = step(before, {
      id,
      body,
      query: new URL(`http://brain${sent.path}`).searchParams,
    }, reply);
    if (after === undefined) return false;
    this.memories = after;
    if (reply.body?.updated_at !== undefined && after !== before) holds(after, reply.body);
    return true;
  }

  /** The reasons that lie in what is held. */
  #refused({ operationId }: Call, { asked }: Sent, { status }: Reply, id: string): void {
    const named = ["readMemory", "replaceMemoryFields", "patchMemory", "deleteMemory"];
    const keyed = asked.headers?.["Idempotency-Key"] !== undefined;
    if (!named.includes(operationId)) return;
    if (status === 404) assert.ok(!this.memories.has(id), "what is held is not found");
    if (status === 412) {
      assert.ok(this.memories.has(id) && asked.headers?.["If-Match"] !== undefined);
    }
    if (status === 409) assert.ok(keyed, "a conflict with nothing");
  }

  /** A retry of what was done: the same answer, and no second effect. */
  #isReplay({ body, method }: Call, { path, asked }: Sent, reply: Reply): boolean {
    const key = asked.headers?.["Idempotency-Key"];
    // What only tries leaves nothing behind, not even that it was asked.
    if (key === undefined || method === "GET" || path.includes("dry_run=true")) return false;
    const match = asked.headers?.["If-Match"];
    const request = JSON.stringify([method, path, match, body?.type, body?.text]);
    const first = this.#answered.get(key);
    if (first === undefined) {
      this.#answered.set(key, { request, reply });
      return false;
    }
    assert.equal(request, first.request, "a key was taken for two requests");
    assert.deepEqual([reply.status, reply.text], [first.reply.status, first.reply.text]);
    return true;
  }
}
