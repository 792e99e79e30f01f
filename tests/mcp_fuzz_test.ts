/**
 * Whatever the seven tools are called with, they answer in their own words, and what is there in the
 * end is what they said they did. Seeded: TEST_SEED.
 */
import assert from "node:assert/strict";
import { isJsonObject } from "../src/json.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { askOlder, done, withMcp } from "./mcp_app.ts";
import type { HttpApp, Json } from "./http_app.ts";

const CALLS = 500;

const TOOLS = ["search", "get", "list", "context", "add", "update", "delete"];
const NAMES = ["content", "text", "query", "q", "id", "memory_id", "limit", "topK", "cursor"]
  .concat(["tags", "metadata", "memory_type", "importance", "since", "created_before", "mode"])
  .concat(["response_format", "max_tokens", "offset", "expected_revision", "idempotency_key"])
  .concat(["on_duplicate", "order", "sort", "min_importance", "nonsense", "__proto__"]);
const CONTENT_NAMES = ["content", "text"];

class Calls {
  readonly #random: () => number;
  /** What the answers said of each memory that is there. */
  readonly said = new Map<string, string>();
  refusals = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  #one<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #value(name: string): Json {
    // Never the same again: that would be the same call.
    if (name === "idempotency_key") return `key ${this.#random()}`;
    const likely: Record<string, Json> = {
      id: this.#one([...this.said.keys()]),
      memory_id: this.#one([...this.said.keys()]),
      limit: 3,
      tags: ["a", "b"],
      metadata: { a: null, b: [1, { c: "d" }] },
      memory_type: this.#one(["semantic", "episodic"]),
      response_format: this.#one(["concise", "detailed"]),
      since: "2026-01-01",
    };
    if (Object.hasOwn(likely, name) && this.#random() < 0.8) return likely[name] ?? null;
    const words = ["cedar fence", "a\nb", "😀 pine", "2026-01-31T12:00:00Z", "auto"];
    if (this.#random() < 0.7) return `${this.#one(words)}`;
    return this.#one([null, 0, -1, 0.5, 1e9, true, [], {}, ["x"], "", " ", { a: { b: 1 } }]);
  }

  async one(app: HttpApp): Promise<void> {
    const name = `memory_${this.#one(TOOLS)}`;
    const wanted: Record<string, string[]> = {
      memory_add: ["content"],
      memory_update: ["id", "text"],
      memory_get: ["id"],
      memory_delete: ["id"],
      memory_search: ["q"],
      memory_context: ["query"],
    };
    const names = this.#random() < 0.8 ? [...wanted[name] ?? []] : [];
    for (let more = Math.floor(this.#random() * 3); more > 0; more--) {
      names.push(this.#one(NAMES) ?? "");
    }
    const args = Object.fromEntries(names.map((name) => [name, this.#value(name)]));
    const { status, body, text } = await askOlder(app, "tools/call", { name, arguments: args });
    assert.equal(status, 200, text);
    const { isError, structuredContent, content } = body.result;
    assert.equal(content[0].type, "text");
    assert.ok(isJsonObject(structuredContent), text);
    if (isError) {
      this.refusals++;
      assert.match(content[0].text, /^Cannot /);
      assert.doesNotMatch(content[0].text, /unexpected/, JSON.stringify(args));
    } else this.#learn(name, args, structuredContent);
  }

  #learn(name: string, args: Json, data: Json): void {
    const content = CONTENT_NAMES.map((name) => args[name]).find((text) =>
      typeof text === "string"
    );
    if (name === "memory_delete") this.said.delete(data.id);
    if (name === "memory_add" && data.created) this.said.set(data.id, content ?? "");
    if (name === "memory_update" && content !== undefined) this.said.set(data.id, content);
    if (name === "memory_get") assert.equal(data.memory.content, this.said.get(data.memory.id));
    if (name === "memory_search") {
      for (const { id, content } of data.results) assert.equal(content, this.said.get(id));
    }
  }
}

Deno.test(`whatever the tools are called with, they do what they say (seed ${seed})`, async () => {
  await withMcp(async (app) => {
    const calls = new Calls(randomOf(seed));
    for (let n = 0; n < CALLS; n++) await calls.one(app);
    assert.ok(calls.refusals > CALLS / 10 && calls.refusals < CALLS * 0.9, `${calls.refusals}`);
    const there = new Map<string, string>();
    let cursor: string | null = null;
    do {
      const page: Json = await done(app, "memory_list", { limit: 7, cursor });
      for (const { id, content } of page.memories) there.set(id, content);
      cursor = page.next_cursor;
    } while (cursor !== null);
    assert.deepEqual([...there].sort(), [...calls.said].sort());
    assert.deepEqual(app.logged.filter((line) => line.includes('"unexpected"')), []);
  });
});
