/** How the stand-in Qdrant goes wrong, where a test says so, and that it sees a wrong request. */
import assert from "node:assert/strict";
import type { Fault } from "./fakes/qdrant/faults.ts";
import { type CheckedRequest, openApiCheck } from "./fakes/qdrant/openapi_check.ts";
import type { StandIn } from "./fakes/qdrant/stand_in.ts";
import { withStandIn } from "./fakes/qdrant/with_stand_in.ts";

const VECTORS = { vectors: { size: 2, distance: "Cosine" } };
const POINT = { points: [{ id: 1, vector: [1, 0] }] };

async function put({ url }: StandIn, path: string, body: unknown): Promise<string> {
  const response = await fetch(url + path, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(300),
  });
  return `${response.status} ${await response.text()}`;
}

/** What a write meets, and how many points there are afterwards. */
async function met(fault: Fault): Promise<[string, number | undefined]> {
  let seen: [string, number | undefined] = ["", undefined];
  await withStandIn(async (standIn) => {
    await put(standIn, "/collections/c", VECTORS);
    standIn.faults.add(fault);
    const answer = await put(standIn, "/collections/c/points", POINT).catch((error) => error.name);
    seen = [answer.replace(/,"time".*/, ""), standIn.collections.get("c")?.size];
  });
  return seen;
}

const FULL = "No space left on device: WAL buffer size exceeds available disk space";

const FAULTS: [Fault, RegExp, number][] = [
  [{ kind: "hang" }, /^TimeoutError$/, 0],
  [{ kind: "slow", ms: 10 }, /^200 .*"completed"/, 1],
  [{ kind: "drip", ms: 100 }, /^TimeoutError$/, 1],
  [{ kind: "cut" }, /^TypeError$/, 1],
  [{ kind: "lost" }, /^200 .*"completed"/, 0],
  [{ kind: "not_json" }, /^200 <!doctype html>$/, 0],
  [{ kind: "cut_json" }, /^200 \{"result":\{[^}]*$/, 1],
  [{ kind: "disk_full" }, new RegExp(`^500 .*${FULL}`), 0],
  [{ kind: "storage_limit" }, /^507 /, 0],
  [{ kind: "out_of_memory" }, /^500 .*Out of memory/, 0],
  [{ kind: "panicked" }, /^500 /, 0],
  [{ kind: "unavailable" }, /^503 /, 0],
  [{ kind: "too_many", retryAfterSeconds: 3 }, /^429 /, 0],
];

for (const [fault, answer, points] of FAULTS) {
  Deno.test(`the stand-in goes wrong as it is told: ${fault.kind}`, async () => {
    const [seen, size] = await met(fault);
    assert.match(seen, answer);
    assert.equal(size, points);
  });
}

Deno.test("a fault is for the requests it names, and for as many as it says", async () => {
  await withStandIn(async (standIn) => {
    standIn.faults.add({ kind: "panicked", routes: ["upsert"], times: 1 });
    assert.match(await put(standIn, "/collections/c", VECTORS), /^200/);
    assert.match(await put(standIn, "/collections/c/points", POINT), /^500/);
    assert.match(await put(standIn, "/collections/c/points", POINT), /^200/);
  });
});

Deno.test("it goes and comes back on the same port, with its data, none, or older ones", async () => {
  await withStandIn(async (standIn) => {
    await put(standIn, "/collections/c", VECTORS);
    await put(standIn, "/collections/c/points", POINT);
    const backup = standIn.backup();
    await standIn.pause();
    await assert.rejects(put(standIn, "/collections/c/points", POINT), TypeError);
    await standIn.resume();
    await put(standIn, "/collections/c/points", { points: [{ id: 2, vector: [1, 0] }] });
    assert.equal(standIn.collections.get("c")?.size, 2);
    standIn.restore(backup);
    assert.equal(standIn.collections.get("c")?.size, 1);
    standIn.restore(new Map());
    assert.match(await put(standIn, "/collections/c/points", POINT), /^404/);
  });
});

const RIGHT: CheckedRequest = {
  method: "PUT",
  path: "/collections/c/points",
  query: new URLSearchParams("wait=true"),
  contentType: "application/json",
  body: POINT,
};

function asking(body: object): Partial<CheckedRequest> {
  const path = "/collections/c/points/query";
  return { method: "POST", path, query: new URLSearchParams(), body: { query: [1], ...body } };
}

const filtered = (condition: object) => asking({ filter: { must: [{ key: "a", ...condition }] } });

const WRONG: [string, Partial<CheckedRequest>][] = [
  ["another path", { path: "/collections/c/point" }],
  ["another method", { method: "PATCH" }],
  ["another parameter", { query: new URLSearchParams("wiat=true") }],
  ["another value of a parameter", { query: new URLSearchParams("wait=yes") }],
  ["no body", { body: undefined }],
  ["another type of body", { contentType: "text/plain" }],
  ["a field that is not there", { body: { ...POINT, wait: true } }],
  ["an id that is none", { body: { points: [{ id: "1", vector: [1] }] } }],
  ["a vector of text", { body: { points: [{ id: 1, vector: ["1"] }] } }],
  ["a condition that is not there", filtered({ macth: { value: "b" } })],
  ["a match by a fraction", filtered({ match: { value: 0.5 } })],
  ["a range of two kinds", filtered({ range: { gt: 1, lt: "2026-01-31T12:00:00Z" } })],
  ["a limit of nothing", asking({ limit: 0 })],
];

Deno.test({
  name: "a request that Qdrant's OpenAPI document does not allow is seen (skipped where " +
    "../shared/qdrant/openapi.json is not there)",
  ignore: openApiCheck() === undefined,
  fn: async () => {
    const check = openApiCheck();
    assert.deepEqual(check?.violations(RIGHT), []);
    const ranged = filtered({ range: { gte: "2026-01-31T12:00:00Z", lt: null } });
    assert.deepEqual(check?.violations({ ...RIGHT, ...ranged }), []);
    for (const [what, request] of WRONG) {
      assert.equal(check?.violations({ ...RIGHT, ...request }).length, 1, what);
    }
    await assert.rejects(
      withStandIn(async (standIn) => {
        await put(standIn, "/collections/c?wait=true", VECTORS);
      }),
      /requests that Qdrant's OpenAPI document forbids/,
    );
  },
});
