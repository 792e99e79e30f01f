/** A collection in Qdrant by plain requests, without any client. */
import assert from "node:assert/strict";
import { z } from "zod";
import { idOf, type Letter, LETTERS } from "./semantics_table.ts";

export const INDEXES = {
  brain: { type: "keyword", is_tenant: true },
  memory_id: "keyword",
  chunk: "integer",
  tags: "keyword",
  importance: "float",
  created_at: "datetime",
};

const foundSchema = z.object({
  points: z.array(z.object({
    id: z.union([z.string(), z.number()]),
    score: z.number().optional(),
    payload: z.record(z.string(), z.unknown()).optional(),
  })),
  next_page_offset: z.string().nullish(),
});

const indexSchema = z.object({
  data_type: z.string(),
  params: z.object({ is_tenant: z.boolean().optional() }).optional(),
});

const infoSchema = z.object({
  indexed_vectors_count: z.number(),
  config: z.object({ params: z.object({ vectors: z.unknown() }) }),
  payload_schema: z.record(z.string(), indexSchema),
});

export class PlainCollection {
  readonly #path: string;

  constructor(url: string, name: string) {
    this.#path = `${url}/collections/${name}`;
  }

  async send(method: string, path = "", body?: unknown): Promise<Response> {
    return await fetch(this.#path + path, {
      method,
      ...body === undefined ? {} : {
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      },
    });
  }

  /** The result; throws where there is none. */
  async ask(method: string, path = "", body?: unknown): Promise<unknown> {
    const response = await this.send(method, path, body);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return z.object({ result: z.unknown() }).parse(JSON.parse(text)).result;
  }

  async create(size: number, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const vectors = { size, distance: "Cosine", on_disk: true };
    await this.ask("PUT", "", { vectors, on_disk_payload: true, ...more });
    for (const [field_name, field_schema] of Object.entries(INDEXES)) {
      await this.ask("PUT", "/index?wait=true", { field_name, field_schema });
    }
  }

  async info(): Promise<z.infer<typeof infoSchema>> {
    return infoSchema.parse(await this.ask("GET"));
  }

  async upsert(points: readonly unknown[]): Promise<void> {
    await this.ask("PUT", "/points?wait=true", { points });
  }

  async find(how: "query" | "scroll", body: unknown): Promise<z.infer<typeof foundSchema>> {
    return foundSchema.parse(await this.ask("POST", `/points/${how}`, body));
  }

  /** Of the points of the table, as letters. */
  async letters(how: "query" | "scroll", filter: unknown): Promise<Letter[]> {
    const query = how === "query" ? { query: [1, 0, 0] } : {};
    const { points } = await this.find(how, { ...query, filter, limit: 100 });
    return LETTERS.filter((letter) => points.some(({ id }) => id === idOf(letter)));
  }

  async count(filter: unknown): Promise<number> {
    const counted = await this.ask("POST", "/points/count", { filter, exact: true });
    return z.object({ count: z.number() }).parse(counted).count;
  }

  async payload(letter: Letter): Promise<unknown> {
    const filter = { must: [{ has_id: [idOf(letter)] }] };
    const { points } = await this.find("scroll", { filter, with_payload: true });
    return points[0]?.payload;
  }
}

export function idsOf({ points }: z.infer<typeof foundSchema>): (string | number)[] {
  return points.map(({ id }) => id);
}
