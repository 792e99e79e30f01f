/** The manager's door: keys, scopes, rates, and what is written down of who did what. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Validator } from "@seriousme/openapi-schema-validator";
import { slugOf } from "../src/manager/user_id.ts";
import {
  documentServed,
  type Json,
  KEYS,
  keysFile,
  outcome,
  SECRET_ID,
  UNDER_WAY,
  withManager,
} from "./manager/http_kit.ts";

const OPEN = ["/docs", "/health", "/health/live", "/health/ready"];

/** What a route is asked with, so that nothing but the key can be wrong with it. */
function sound(path: string): { readonly path: string; readonly json: unknown } {
  const json = { "/users/{id}": { tier: "free" }, "/users/{id}/tier": { tier: "pro" } }[path] ??
    (path.endsWith("/restore") ? { backup: "b-1" } : undefined);
  return { path: path.replace("{id}", "ada").replace("{backup}", "b-1"), json };
}

Deno.test("without a key, or with a wrong one, nothing is told and nobody is asked", async () => {
  await withManager(async (app) => {
    for (const { method, path, open } of app.app.routes) {
      assert.equal(open === true, OPEN.includes(path));
      if (open) continue;
      for (const key of [null, "wrong"]) {
        const json = method === "GET" ? undefined : { anything: 1 };
        const answer = app.call(method, sound(path).path, { key, json });
        await app.clock.advance(10_000);
        assert.equal((await answer).status, 401, path);
      }
    }
    assert.equal((await app.call("GET", "/nothing", { key: null })).status, 401);
    assert.deepEqual(app.scripted.asked, []);
    assert.deepEqual(app.events("audit"), []);
  });
});

Deno.test("the open routes answer without a key, and tell a stranger of no user", async () => {
  await withManager(async (app) => {
    for (const path of OPEN) {
      const { status, text } = await app.call("GET", path, { key: null });
      assert.equal(status, 200);
      assert.ok(!text.includes('ada"'), path);
    }
  });
});

/** By route, the keys that open it. */
const MAY: Readonly<Record<string, readonly (keyof typeof KEYS)[]>> = {
  "DELETE /users/{id}": ["writer", "keeper", "admin"],
  "DELETE /users/{id}/backups/{backup}": ["keeper", "admin"],
  "GET /capabilities": ["reader", "writer", "keeper", "admin"],
  "GET /metrics": ["reader", "writer", "keeper", "admin"],
  "GET /openapi.json": ["reader", "writer", "keeper", "saver", "admin"],
  "GET /tiers": ["reader", "writer", "keeper", "admin"],
  "GET /users": ["reader", "writer", "keeper", "admin"],
  "GET /users/{id}": ["reader", "writer", "keeper", "admin"],
  "GET /users/{id}/backups": ["keeper", "saver", "admin"],
  "POST /users/{id}/backups": ["keeper", "saver", "admin"],
  "POST /users/{id}/key": ["keeper", "admin"],
  "POST /users/{id}/purge": ["admin"],
  "POST /users/{id}/restart": ["writer", "keeper", "admin"],
  "POST /users/{id}/restore": ["keeper", "admin"],
  "POST /users/{id}/resume": ["writer", "keeper", "admin"],
  "POST /users/{id}/suspend": ["writer", "keeper", "admin"],
  "POST /users/{id}/tier": ["writer", "keeper", "admin"],
  "POST /users/{id}/undelete": ["writer", "keeper", "admin"],
  "PUT /users/{id}": ["writer", "keeper", "admin"],
};

Deno.test("each key opens what its scopes say, and nothing else", async () => {
  await withManager(async (app) => {
    const found: Record<string, string[]> = {};
    for (const { method, path, open } of app.app.routes) {
      if (open) continue;
      for (const [name, key] of Object.entries(KEYS)) {
        const { json, path: asked } = sound(path);
        const body = method === "GET" || method === "DELETE" ? undefined : json;
        const { status, body: reply } = await app.call(method, asked, { key, json: body });
        if (status < 300) (found[`${method} ${path}`] ??= []).push(name);
        else {
          assert.equal(status, 403);
          assert.match(reply.detail, new RegExp(`the key "${name}" lacks the scope `));
        }
      }
    }
    assert.deepEqual(found, MAY);
  });
});

Deno.test("what a scope lacks is seen before what is asked is read", async () => {
  await withManager(async (app) => {
    const reply = await app.call("PUT", "/users/%ff", { key: KEYS.reader, json: { tier: 7 } });
    assert.equal(reply.status, 403);
  });
});

Deno.test("a key is taken away, and another given, within seconds of a new file", async () => {
  await withManager(async (app) => {
    const statusOf = async (key: string) => (await app.call("GET", "/users", { key })).status;
    assert.equal(await statusOf(KEYS.reader), 200);
    app.file = keysFile({ admin: KEYS.admin, writer: "canary-another-0123456789" });
    assert.equal(await statusOf(KEYS.reader), 200);
    await app.clock.advance(5_000);
    assert.deepEqual(
      [await statusOf(KEYS.reader), await statusOf("canary-another-0123456789")],
      [401, 200],
    );
    assert.deepEqual(app.events("access_keys_read"), [{ keys: 2 }]);
  });
});

const BROKEN: readonly (readonly [string | null, string])[] = [
  [null, "it cannot be read"],
  ["{", "it is not JSON"],
  ["[]", '"" is not as it should be; names and sums must each be there once'],
  [
    '{"keys":[{"name":"a","sha256":"0","scopes":[]}]}',
    '"keys/0/sha256" is not as it should be; ' +
    "names and sums must each be there once",
  ],
  [
    // What a script makes of a key that is not set.
    keysFile({ one: "" }),
    '"keys/0/sha256" is not as it should be; names and sums must each be there once',
  ],
  [
    keysFile({ one: KEYS.admin, two: KEYS.admin }),
    '"" is not as it should be; names and sums ' +
    "must each be there once",
  ],
];

for (const [file, reason] of BROKEN) {
  const shown = file?.slice(0, 40) ?? "";
  Deno.test(`of a file of keys "${shown}" of which ${reason}, nothing is taken over`, async () => {
    await withManager(async (app) => {
      app.file = file;
      await app.clock.advance(5_000);
      assert.equal((await app.call("GET", "/users", { key: KEYS.reader })).status, 200);
      assert.deepEqual(app.events("access_keys_kept"), [{
        keys: Object.keys(KEYS).length,
        reason,
      }]);
    });
  });
}

Deno.test("a service without a sound file of keys does not start", async () => {
  await assert.rejects(withManager(() => Promise.resolve(), { file: "{}" }), /not as it should be/);
});

Deno.test("one key's rate is not another's", async () => {
  await withManager(async (app) => {
    const statusOf = async (key: string) => (await app.call("GET", "/users", { key })).status;
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push(await statusOf(KEYS.reader));
    assert.deepEqual([...statuses, await statusOf(KEYS.writer)], [200, 200, 429, 200]);
    // A new file that says the same is not a new minute's worth.
    await app.clock.advance(5_000);
    assert.equal(await statusOf(KEYS.reader), 429);
    await app.clock.advance(25_000);
    assert.equal(await statusOf(KEYS.reader), 200);
  }, { requestsPerMinute: 2 });
});

Deno.test("wrong keys are answered ever later, and the right one at once", async () => {
  await withManager(async (app) => {
    for (let i = 0; i < 20; i++) await app.call("GET", "/users", { key: `wrong-${i}` });
    const late = app.call("GET", "/users", { key: "wrong" });
    assert.equal((await app.call("GET", "/users")).status, 200);
    await app.clock.advance(100);
    assert.equal((await late).status, 401);
  });
});

Deno.test("each change has one audit line: who, what, whose, what came of it; no look has one", async () => {
  await withManager(async (app) => {
    const path = `/users/${encodeURIComponent(SECRET_ID)}`;
    const headers = { "X-Request-ID": "mine" };
    app.scripted.next = UNDER_WAY;
    await app.call("PUT", path, { key: KEYS.keeper, json: { tier: "free" }, headers });
    app.scripted.next = outcome({ outcome: "same", key: "canary-brain-key" });
    await app.call("PUT", path, { key: KEYS.keeper, json: { tier: "free" } });
    app.scripted.next = outcome();
    await app.call("DELETE", `${path}/backups/b-1`, { key: KEYS.keeper });
    await app.call("DELETE", `${path}/backups/canary:`, { key: KEYS.keeper });
    await app.call("DELETE", path, { key: KEYS.reader });
    await app.call("POST", "/users/%ff/restart");
    await app.call("GET", path);
    await app.call("GET", "/users");
    const user = slugOf(SECRET_ID);
    const lines = app.events("audit").map(({ request_id: _, ...line }: Json) => line);
    assert.deepEqual(lines, [
      { key: "keeper", verb: "createUser", user, outcome: "ok", operation: "op-1" },
      {
        ...{ key: "keeper", verb: "createUser", user, outcome: "ok", operation: null },
        key_given: true,
      },
      {
        ...{ key: "keeper", verb: "deleteBackup", user, outcome: "ok", operation: null },
        backup: "b-1",
      },
      { key: "keeper", verb: "deleteBackup", user, outcome: "ok", operation: null },
      { key: "reader", verb: "deleteUser", user, outcome: "forbidden", operation: null },
      { key: "admin", verb: "restartUser", user: null, outcome: "malformed", operation: null },
    ]);
    assert.equal(app.events("audit")[0].request_id, "mine");
  });
});

Deno.test("a request for another host, or from a page of elsewhere, is refused before the key", async () => {
  await withManager(async (app) => {
    const origin = { Origin: "https://evil.example" };
    assert.equal((await app.call("GET", "/users", { headers: origin })).status, 403);
    assert.equal((await app.call("GET", "/health", { headers: origin })).status, 403);
    assert.deepEqual(app.scripted.asked, []);
  });
  await withManager(async (app) => {
    assert.equal((await app.call("GET", "/users")).status, 421);
  }, { host: "127.0.0.1" });
});

Deno.test("while it stops, the probe and everything else say 503", async () => {
  await withManager(async (app) => {
    app.phase = "stopping";
    const statusOf = async (path: string) => (await app.call("GET", path)).status;
    assert.deepEqual(
      [await statusOf("/health/ready"), await statusOf("/health"), await statusOf("/users")],
      [503, 503, 503],
    );
    assert.equal(await statusOf("/health/live"), 200);
  });
});

Deno.test("a cluster that is away degrades the health, and takes no readiness", async () => {
  await withManager(async (app) => {
    app.clusterIsUp = false;
    const { status, body } = await app.call("GET", "/health", { key: null });
    assert.deepEqual([status, body], [200, {
      status: "degraded",
      version: "0.0.0-test",
      uptime_seconds: 1,
      checks: { service: "ready", cluster: "unavailable" },
    }]);
    assert.equal((await app.call("GET", "/health/ready", { key: null })).status, 200);
  });
});

Deno.test("the metrics count requests by route, users by tier, and name nobody", async () => {
  await withManager(async (app) => {
    await app.call("GET", `/users/${encodeURIComponent(SECRET_ID)}`);
    const { text } = await app.call("GET", "/metrics");
    const has = (line: string) =>
      assert.ok(text.includes(`\nsecond_brain_manager_${line}\n`), line);
    has('http_requests_total{method="GET",route="/users/{id}",status="200"} 1');
    has('users{tier="free",state="active"} 2');
    has('operations_total{verb="create",outcome="succeeded"} 8');
    for (const line of ["passes_total 3", "queued 4", "running 5", "repairs_total 6"]) has(line);
    for (const line of ["failures_total 7", "orphaned_namespaces 1", "oldest_backup_seconds 9"]) {
      has(line);
    }
    has("cluster_up 1");
    assert.doesNotMatch(text, /canary|ada/);
    // Read again, what is counted elsewhere is not added once more.
    assert.match((await app.call("GET", "/metrics")).text, /passes_total 3\n/);
  });
});

Deno.test("the document is valid OpenAPI 3.1, of these routes, with their scopes and no brain's", async () => {
  await withManager(async (app) => {
    const document: Json = await documentServed();
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.deepEqual({ valid, errors }, { valid: true, errors: undefined });
    const served = app.app.routes.map(({ method, path }) => `${method} ${path}`).toSorted();
    const opened = OPEN.map((path) => `GET ${path}`);
    assert.deepEqual(served, [...Object.keys(MAY), ...opened].toSorted());
    const { post } = document.paths["/users/{id}/restore"];
    assert.match(post.description, /Needs the scope `users:write` and `backups`\.$/);
    assert.equal(document.info.title, "Second Brain management");
    assert.deepEqual(document.tags.map(({ name }: Json) => name), ["Users", "Backups", "Service"]);
    const tags = new Set(app.app.routes.map(({ tag }) => tag));
    assert.deepEqual([...tags].toSorted(), ["Backups", "Service", "Users"]);
    assert.ok("purge_at" in document.components.schemas.Problem.properties);
    const { html } = { html: (await app.call("GET", "/docs", { key: null })).text };
    assert.match(html, /<title>Second Brain management<\/title>/);
  });
});

Deno.test("the sums of the file are of the keys themselves", () => {
  const [first] = JSON.parse(keysFile()).keys;
  assert.equal(first.sha256, createHash("sha256").update(KEYS.reader).digest("hex"));
});
