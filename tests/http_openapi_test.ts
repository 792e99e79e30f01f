/** The OpenAPI document: valid, complete, and true of what the schemas take and give. */
import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { openApiDocument } from "../src/http/openapi.ts";
import { HttpApp, type Json, VERSION, withApp } from "./http_app.ts";
import { type Document, documentOf, replyFaults, schemaFaults } from "./http_contract.ts";

const { app: { routes } } = new HttpApp();
const whole: Json = openApiDocument(routes, VERSION);

/** Every object in a document with the place it stands at. */
function* objectsOf(value: unknown, path = ""): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Record<string, unknown>];
  for (const [key, child] of Object.entries(value)) yield* objectsOf(child, `${path}/${key}`);
}

Deno.test("the document is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(whole));
  assert.deepEqual({ valid, errors }, { valid: true, errors: undefined });
});

Deno.test("the document has the routes of the service and no others", () => {
  const documented = Object.entries(whole.paths as Document["paths"])
    .flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`));
  const served = routes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(documented.toSorted(), served.toSorted());
  assert.deepEqual(served.toSorted(), [
    "DELETE /memories/{id}",
    "GET /docs",
    "GET /duplicates",
    "GET /events",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /memories",
    "GET /memories/{id}",
    "GET /memories/{id}/related",
    "GET /metrics",
    "GET /openapi.json",
    "GET /stats",
    "GET /ws",
    "PATCH /memories/{id}",
    "POST /admin/integrity/ack",
    "POST /admin/reindex",
    "POST /context",
    "POST /export",
    "POST /import",
    "POST /memories",
    "POST /search",
    "PUT /memories/{id}",
  ]);
});

Deno.test("every reference leads to a schema that says something, and to no circle", () => {
  const schemas: Record<string, Record<string, unknown>> = whole.components.schemas;
  for (const [path, object] of objectsOf(whole)) {
    const ref = object["$ref"];
    if (typeof ref !== "string") continue;
    const target = schemas[ref.replace("#/components/schemas/", "")];
    assert.ok(target !== undefined && !("$ref" in target), `${path}: ${ref}`);
  }
  for (const [name, schema] of Object.entries(schemas)) {
    assert.deepEqual([name, schema["type"]], [name, "object"]);
  }
});

Deno.test("every example in the document is valid by its own schema", () => {
  let count = 0;
  for (const [path, object] of objectsOf(whole)) {
    const { examples, ...schema } = object;
    if (!Array.isArray(examples)) continue;
    for (const example of examples) {
      count++;
      assert.deepEqual([path, schemaFaults(documentOf(routes), schema, example)], [path, []]);
    }
  }
  assert.ok(count >= 8, `only ${count} examples`);
});

Deno.test("only the probes and the page are said to be open", () => {
  const open = Object.entries(whole.paths as Record<string, Record<string, Json>>)
    .filter(([, verbs]) => Object.values(verbs).some(({ security }) => security?.length === 0))
    .map(([path]) => path);
  assert.deepEqual(open.toSorted(), ["/docs", "/health", "/health/live", "/health/ready"]);
  assert.deepEqual(whole.security, [{ bearer: [] }, { apiKey: [] }]);
});

Deno.test("every route behind the door says all that can go wrong there", () => {
  const everywhere = [400, 401, 429, 500, 503];
  const withBody = [408, 413, 415, 422];
  for (const { open, body, method, path } of routes) {
    const responses = documentOf(routes).paths[path]?.[method.toLowerCase()]?.responses ?? {};
    const wanted = [...open ? [400, 500] : everywhere, ...body ? withBody : []];
    assert.deepEqual([path, wanted.filter((status) => !(status in responses))], [path, []]);
  }
});

Deno.test("the document says which errors carry a header of their own, and which may", () => {
  const responses = documentOf(routes).paths["/memories"]?.["post"]?.responses ?? {};
  const headers = Object.entries(responses).map(([status, { headers = {} }]) => [
    status,
    Object.entries(headers).map(([name, { required }]) => required ? name : `${name}?`)
      .filter((name) => name !== "X-Request-ID").join(),
  ]).filter(([, names]) => names !== "");
  assert.deepEqual(Object.fromEntries(headers), {
    200: "ETag,Location",
    201: "ETag,Location",
    401: "WWW-Authenticate",
    429: "Retry-After",
    503: "Retry-After?",
    507: "Retry-After?",
  });
});

Deno.test("the document names every check of the health and all its words", () => {
  const { Health, Probe } = whole.components.schemas;
  const checks = Object.entries<Json>(Health.properties.checks.properties)
    .map(([name, { enum: words }]) => [name, words.join()]);
  assert.deepEqual(Object.fromEntries(checks), {
    service: "loading,ready,stopping",
    storage: "ok,read_only",
    disk: "ok,slow,low,full,failed,lost",
    integrity: "ok,degraded",
    embeddings: "ok,off,waiting,misconfigured,incomplete",
    vector_store: "ok,unavailable",
    backup: "ok,failed,off",
  });
  assert.deepEqual(Probe.properties.status.enum, ["ok", "loading", "stopping", "storage_failed"]);
});

Deno.test("the document's limits are those of the contract", () => {
  const { NewMemory, SearchRequest } = whole.components.schemas;
  const { content, importance_score: importance, tags, memory_type: type } = NewMemory.properties;
  assert.deepEqual([content.minLength, content.maxLength], [1, 100_000]);
  assert.deepEqual([importance.minimum, importance.maximum, importance.default], [0, 1, 0.5]);
  assert.deepEqual([tags.type, tags.items.type, tags.maxItems], ["array", "string", 50]);
  assert.deepEqual([type.enum, type.default], [["semantic", "episodic", "procedural"], "semantic"]);
  assert.deepEqual([NewMemory.required, NewMemory.additionalProperties], [["content"], false]);
  const { query, limit, mode } = SearchRequest.properties;
  assert.deepEqual([query.minLength, query.maxLength], [1, 10_000]);
  assert.deepEqual([limit.minimum, limit.maximum, limit.default], [1, 100, 10]);
  assert.deepEqual(mode.enum, ["auto", "keyword", "semantic", "hybrid"]);
  const list: Json[] = whole.paths["/memories"].get.parameters;
  assert.deepEqual(list.map(({ name }) => name), [
    "limit",
    "offset",
    "cursor",
    "memory_type",
    "tag",
    "min_importance",
    "created_after",
    "created_before",
    "sort",
    "order",
  ]);
});

Deno.test("the check on every reply sees what is not in the document", async () => {
  await withApp(async (app) => {
    const good = await app.call("POST", "/memories", { json: { content: "x" } });
    const faults = (change: Partial<typeof good>) =>
      replyFaults(routes, "POST", "http://brain/memories", { ...good, ...change });
    assert.deepEqual(faults({}), []);
    assert.deepEqual(faults({ status: 418 }), ["undocumented: POST /memories 418"]);
    assert.equal(faults({ body: { ...good.body, more: 1 } }).length, 1);
    assert.equal(faults({ body: { ...good.body, id: 7 } }).length, 1);
    const headers = new Headers(good.headers);
    headers.delete("etag");
    headers.delete("x-request-id");
    assert.equal(faults({ headers }).length, 3);
    const more = new Headers(good.headers);
    more.set("Retry-After", "1");
    assert.deepEqual(faults({ headers: more }), ["undocumented header Retry-After"]);
  });
});
