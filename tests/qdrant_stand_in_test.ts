/** The stand-in Qdrant: that it does as the real one does, and that it sees a wrong request. */
import assert from "node:assert/strict";
import type { StandIn } from "./fakes/qdrant/stand_in.ts";
import { withStandIn } from "./fakes/qdrant/with_stand_in.ts";

const [ONE, TWO, THREE] = [1, 2, 3].map((n) => `0199000${n}-0000-7000-8000-000000000000`);

async function ask(
  { url }: StandIn,
  request: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; reply: unknown }> {
  const [method = "GET", path = "/"] = request.split(" ");
  const response = await fetch(url + path, {
    method,
    headers: { ...body === undefined ? {} : { "content-type": "application/json" }, ...headers },
    ...body === undefined ? {} : { body: JSON.stringify(body) },
  });
  const text = await response.text();
  const reply: unknown = response.headers.get("content-type") === "application/json"
    ? untimed(JSON.parse(text))
    : text;
  return { status: response.status, reply };
}

function untimed({ time: _, ...rest }: Record<string, unknown>): unknown {
  return rest;
}

const VECTORS = { vectors: { size: 2, distance: "Cosine" } };

async function withPoints(test: (standIn: StandIn) => Promise<void>): Promise<void> {
  await withStandIn(async (standIn) => {
    await ask(standIn, "PUT /collections/c", VECTORS);
    await ask(standIn, "PUT /collections/c/points?wait=true", {
      points: [
        { id: TWO, vector: [0, 2], payload: { brain: "b", tags: ["x", "y"], importance: 0.7 } },
        { id: ONE, vector: [3, 0], payload: { brain: "a", tags: ["x"], importance: 0.3 } },
        { id: THREE, vector: [1, 1], payload: { brain: "a", created_at: "2026-01-31T12:00:00Z" } },
      ],
    });
    await test(standIn);
  });
}

Deno.test("the stand-in finds the nearest points by their cosine, with a filter and in pages", async () => {
  await withPoints(async (standIn) => {
    const body = { query: [1, 0], limit: 2, with_payload: ["brain"] };
    const { reply } = await ask(standIn, "POST /collections/c/points/query", body);
    assert.deepEqual(reply, {
      result: {
        points: [
          { id: ONE, version: 0, score: 1, payload: { brain: "a" } },
          { id: THREE, version: 0, score: Math.fround(Math.SQRT1_2), payload: { brain: "a" } },
        ],
      },
      status: "ok",
    });
  });
});
