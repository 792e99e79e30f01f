/** Any calls of mem0's, by chance, against the plainest thing that could be behind them: a Map. */
import assert from "node:assert/strict";
import type { HttpApp, Json } from "./http_app.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { told, withMem0 } from "./mem0_kit.ts";

const STEPS = 250;
const NAMES = ["ada", "bob", "c/d e", "*é"];
const ENTITIES = ["user_id", "agent_id", "app_id", "run_id"];

interface Known {
  /** All that it ever said. */
  readonly texts: readonly string[];
  readonly whose: Readonly<Record<string, string>>;
  readonly metadata: Json;
}

class Model {
  readonly #app: HttpApp;
  readonly #random = randomOf(seed);
  readonly #known = new Map<string, Known>();
  #texts = 0;

  constructor(app: HttpApp) {
    this.#app = app;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #ids(): string[] {
    const all = [...this.#known.keys()];
    return [...new Set(Array.from({ length: 1 + this.#below(3) }, () => this.#pick(all)))];
  }

  #whose(): Record<string, string> {
    const some = ENTITIES.filter(() => this.#random() < 0.4);
    return Object.fromEntries(some.map((name) => [name, this.#pick(NAMES)]));
  }

  #text(): string {
    return `Text ${++this.#texts}.`;
  }

  #told(method: string, path: string, json?: Json): Promise<Json> {
    return told(200, this.#app, method, path, json);
  }

  async step(): Promise<void> {
    const steps = [this.add, this.add, this.update, this.updateMany, this.remove, this.list];
    if (this.#known.size === 0) return await this.add();
    await (this.#random() < 0.03 ? this.removeAll() : this.#pick(steps).call(this));
  }

  async add(): Promise<void> {
    const whose = this.#whose();
    const metadata = this.#random() < 0.5 ? {} : { n: this.#below(3) };
    const texts = Array.from({ length: 1 + this.#below(3) }, () => this.#text());
    const messages = texts.map((content) => ({ role: "user", content }));
    const { results } = await this.#told("POST", "/v3/memories/add/", {
      ...{ messages, metadata, infer: false },
      ...(this.#random() < 0.5 ? whose : { filters: whose }),
    });
    assert.deepEqual(results.map(({ memory }: Json) => memory), texts);
    for (const { id, memory } of results) this.#known.set(id, { texts: [memory], whose, metadata });
  }

  async update(): Promise<void> {
    const [id = ""] = this.#ids();
    const known = this.#known.get(id)!;
    const text = this.#random() < 0.2 ? known.texts.at(-1)! : this.#text();
    const metadata = this.#random() < 0.5 ? known.metadata : { m: this.#below(9) };
    const change = { text, ...(metadata !== known.metadata && { metadata }) };
    const { memory } = await this.#told("PUT", `/v1/memories/${id}/`, change);
    assert.equal(memory, text);
    const texts = text === known.texts.at(-1) ? known.texts : [...known.texts, text];
    this.#known.set(id, { ...known, texts, metadata });
    const history: Json[] = await this.#told("GET", `/v1/memories/${id}/history/`);
    assert.deepEqual(history.map(({ new_memory }) => new_memory), texts.slice(-21));
  }

  async updateMany(): Promise<void> {
    const memories = this.#ids().map((memory_id) => ({ memory_id, text: this.#text() }));
    await this.#told("PUT", "/v1/batch/", { memories });
    for (const { memory_id, text } of memories) {
      const known = this.#known.get(memory_id)!;
      this.#known.set(memory_id, { ...known, texts: [...known.texts, text] });
    }
  }

  async remove(): Promise<void> {
    const ids = this.#ids();
    if (this.#random() < 0.5) {
      await this.#told("DELETE", "/v1/batch/", {
        memories: ids.map((memory_id) => ({ memory_id })),
      });
    } else for (const id of ids) await this.#told("DELETE", `/v1/memories/${id}/`);
    for (const id of ids) this.#known.delete(id);
  }

  async removeAll(): Promise<void> {
    const field = this.#pick(ENTITIES), name = this.#pick(NAMES.slice(0, 3));
    const type = field.replace("_id", ""), encoded = encodeURIComponent(name);
    const all = [...this.#known].filter(([, { whose }]) => whose[field] === name);
    const isThere = all.length > 0 && this.#random() < 0.5;
    if (isThere) await this.#told("DELETE", `/v2/entities/${type}/${encoded}/`);
    else await this.#told("DELETE", `/v1/memories/?${field}=${encoded}`);
    for (const [id] of all) this.#known.delete(id);
  }

  async list(): Promise<void> {
    const whose = this.#whose();
    const size = 1 + this.#below(5);
    const expected = [...this.#known].filter(([, known]) =>
      Object.entries(whose).every(([field, name]) => known.whose[field] === name)
    );
    const found: Json[] = [];
    for (let page = 1;; page++) {
      const path = `/v3/memories/?page=${page}&page_size=${size}`;
      const filters = Object.entries(whose).map(([field, name]) => ({ [field]: { eq: name } }));
      const { count, next, results } = await this.#told("POST", path, {
        filters: { AND: filters },
      });
      assert.equal(count, expected.length);
      found.push(...results);
      if (next === null) break;
    }
    const shown = found.map(({ id, memory, metadata }) => [id, memory, metadata]);
    // Of one moment the last one is the first: ids of later ones are higher.
    const all = expected.map(([id, known]) => [id, known.texts.at(-1), known.metadata]).toSorted()
      .toReversed();
    assert.deepEqual(shown, all);
    await this.#users();
  }

  async #users(): Promise<void> {
    const counts = new Map<string, number>();
    for (const { whose } of this.#known.values()) {
      for (const [field, name] of Object.entries(whose)) {
        const key = `${field.replace("_id", "")} ${name}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    const { results } = await this.#told("GET", "/v1/entities/");
    assert.deepEqual(
      results.map(({ type, name, total_memories }: Json) => [`${type} ${name}`, total_memories])
        .toSorted(),
      [...counts].toSorted(),
    );
  }
}

Deno.test(`any calls give what a Map would (seed ${seed})`, async () => {
  await withMem0(async (app) => {
    const model = new Model(app);
    for (let step = 0; step < STEPS; step++) await model.step();
    await model.list();
  });
});
