/** The manager's routes: what they ask of the users' management, and what becomes of the answer. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import { ManagerError } from "../src/manager/errors.ts";
import { KEYS, NOW, outcome, SECRET_ID, UNDER_WAY, USER, withManager } from "./manager/http_kit.ts";

const PATH_OF = (id: string) => `/users/${encodeURIComponent(id)}`;
const DEFAULTS = { dryRun: undefined, waitMs: undefined, idempotencyKey: undefined };
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

/** Method, path, body; what is asked of the management. */
const ASKED: readonly (readonly [string, string, unknown, readonly unknown[]])[] = [
  ["PUT", "/users/ada", { tier: "pro" }, ["create", "ada", { tier: "pro", withKey: true }]],
  ["GET", "/users/ada", undefined, ["get", "ada"]],
  ["GET", "/users", undefined, ["list", { limit: 100 }]],
  ["GET", "/users?tier=pro&state=deleted&limit=500&cursor=x", undefined, [
    "list",
    { limit: 500, tier: "pro", state: "deleted", cursor: "x" },
  ]],
  ["DELETE", "/users/ada", undefined, ["delete", "ada", {}]],
  ["DELETE", "/users/ada?backup=false&retain_days=7", undefined, [
    "delete",
    "ada",
    { backup: false, retainDays: 7 },
  ]],
  ["POST", "/users/ada/undelete", undefined, ["undelete", "ada", {}]],
  ["POST", "/users/ada/purge", undefined, ["purge", "ada", {}]],
  ["POST", "/users/ada/tier", { tier: "pro" }, [
    "upgrade",
    "ada",
    { tier: "pro", allowRestart: true },
  ]],
  ["POST", "/users/ada/tier", { tier: "pro", allow_restart: false }, [
    "upgrade",
    "ada",
    { tier: "pro", allowRestart: false },
  ]],
  ["POST", "/users/ada/suspend", undefined, ["suspend", "ada", {}]],
  ["POST", "/users/ada/resume", undefined, ["resume", "ada", {}]],
  ["POST", "/users/ada/restart", undefined, ["restart", "ada", {}]],
  ["POST", "/users/ada/backups", undefined, ["backup", "ada", { method: "export" }]],
  ["POST", "/users/ada/backups", { method: "snapshot" }, ["backup", "ada", { method: "snapshot" }]],
  ["GET", "/users/ada/backups", undefined, ["backups", "ada"]],
  ["DELETE", "/users/ada/backups/b-1", undefined, ["delete_backup", "ada", "b-1"]],
  ["POST", "/users/ada/restore", { backup: "b-1" }, ["restore", "ada", { backup: "b-1" }]],
  ["POST", "/users/ada/key", undefined, ["rotate_key", "ada", {}]],
  ["POST", "/users/ada/key", { grace_seconds: 0 }, ["rotate_key", "ada", { graceSeconds: 0 }]],
  ["POST", "/users/ada/restart?wait=60&dry_run=true", undefined, [
    "restart",
    "ada",
    { dryRun: true, waitMs: 60_000 },
  ]],
  ["POST", "/users/ada/restart?wait=0&dry_run=false", undefined, [
    "restart",
    "ada",
    { dryRun: false, waitMs: 0 },
  ]],
];

for (const [method, path, json, asked] of ASKED) {
  const sent = json === undefined ? "" : ` ${JSON.stringify(json)}`;
  Deno.test(`${method} ${path}${sent} asks for "${asked[0]}", and for all that was sent`, async () => {
    await withManager(async (app) => {
      const { status } = await app.call(method, path, { json });
      assert.ok(status === 200 || status === 204, `${status}`);
      assert.deepEqual(app.scripted.asked, plain([asked]));
    });
  });
}

Deno.test("what becomes of it says the code, and where the user is", async () => {
  await withManager(async (app) => {
    const put = (next: ReturnType<typeof outcome>) => {
      app.scripted.next = next;
      return app.call("PUT", "/users/ada", { json: { tier: "free" } });
    };
    const created = await put(outcome({ outcome: "created", key: "k" }));
    assert.deepEqual([created.status, created.headers.get("location")], [201, "/users/ada"]);
    assert.deepEqual(created.body, {
      outcome: "created",
      user: USER,
      operation: null,
      key: "k",
      plan: [],
    });
    const under = await put(UNDER_WAY);
    assert.deepEqual([under.status, under.headers.get("location")], [202, "/users/ada"]);
    assert.deepEqual(under.body.operation.waiting_for, null);
    const same = await put(outcome({ outcome: "same" }));
    assert.deepEqual([same.status, same.headers.get("location")], [200, null]);
    const planned = await put(outcome({ outcome: "planned", plan: ["create a namespace"] }));
    assert.deepEqual([planned.status, planned.body.plan], [200, ["create a namespace"]]);
  });
});

Deno.test("a user who is gone is 204, a plan to delete him says itself", async () => {
  await withManager(async (app) => {
    const gone = await app.call("DELETE", "/users/ada?wait=60");
    assert.deepEqual([gone.status, gone.text], [204, ""]);
    app.scripted.next = UNDER_WAY;
    assert.equal((await app.call("DELETE", "/users/ada")).status, 202);
    app.scripted.next = outcome({ outcome: "planned", plan: ["a last backup"] });
    const planned = await app.call("DELETE", "/users/ada?dry_run=true");
    assert.deepEqual([planned.status, planned.body.plan], [200, ["a last backup"]]);
  });
});

const IDS = [
  SECRET_ID,
  "a/b",
  "/",
  "//",
  "...",
  "a/../b",
  "%2F",
  "a%",
  "?x=1#y",
  "Ünïcode 日本語 🙂",
  " ",
  "a+b",
  "users",
  "a;b,c",
  "\\",
];

Deno.test("a user's id may be any text: it comes out of the path as it went in", async () => {
  await withManager(async (app) => {
    for (const id of IDS) {
      app.scripted.next = UNDER_WAY;
      const made = await app.call("PUT", PATH_OF(id), { json: { tier: "free" } });
      assert.equal(made.headers.get("location"), PATH_OF(id));
      assert.equal((await app.call("POST", `${PATH_OF(id)}/suspend`)).status, 202, id);
      assert.equal((await app.call("GET", `${PATH_OF(id)}/`)).status, 200, id);
    }
    assert.deepEqual(app.scripted.asked.map(([, id]) => id), IDS.flatMap((id) => [id, id, id]));
  });
});

Deno.test("a path that is no UTF-8, or leads out of where it began, reaches nobody", async () => {
  await withManager(async (app) => {
    const [detail, title] = [
      "Cannot read the path: a part of it is not percent-encoded UTF-8",
      "The request cannot be read",
    ];
    for (const path of ["/users/%ff", "/users/%E0%A4", "/users/%"]) {
      const { status, body } = await app.call("GET", path);
      assert.deepEqual([status, body.detail, body.title], [400, detail, title]);
    }
    for (const path of ["/users/..", "/users/%2e%2E", "/users/./../users/%2e./x", "/users//tier"]) {
      assert.equal((await app.call("POST", path)).status, 404, path);
    }
    assert.deepEqual(app.scripted.asked, []);
  });
});

const REFUSED: readonly (readonly [string, string, unknown, number, RegExp])[] = [
  ["PUT", "/users/ada", { tier: "gold" }, 422, /"\/tier"/],
  ["PUT", "/users/ada", {}, 422, /"\/tier"/],
  ["PUT", "/users/ada", { tier: "pro", more: 1 }, 422, /"\/more" is not a known field/],
  ["PUT", "/users/ada", undefined, 415, /content type/],
  ["PUT", "/users/ada?wait=61", { tier: "pro" }, 400, /"wait" must be a whole number from 0 to 60/],
  ["PUT", "/users/ada?wait=-1", { tier: "pro" }, 400, /"wait"/],
  ["PUT", "/users/ada?dry_run=yes", { tier: "pro" }, 400, /"dry_run" must be true or false/],
  ["PUT", "/users/ada?x=1", { tier: "pro" }, 400, /"x" is not a parameter/],
  ["GET", "/users?limit=501", undefined, 400, /"limit" must be a whole number from 1 to 500/],
  ["GET", "/users?state=gone", undefined, 400, /"state"/],
  ["GET", "/users?cursor=", undefined, 400, /"cursor"/],
  ["GET", "/users/ada?x=1", undefined, 400, /"x" is not a parameter/],
  ["DELETE", "/users/ada?retain_days=0", undefined, 400, /"retain_days".* from 1 to 365/],
  ["DELETE", "/users/ada?backup=maybe", undefined, 400, /"backup"/],
  ["POST", "/users/ada/tier", { tier: "pro", allow_restart: "no" }, 422, /allow_restart/],
  ["POST", "/users/ada/backups", { method: "copy" }, 422, /method/],
  ["POST", "/users/ada/restore", { backup: "../x" }, 422, /backup/],
  ["POST", "/users/ada/key", { grace_seconds: 604_801 }, 422, /grace_seconds/],
  ["PUT", "/users/ada", { tier: "x".repeat(2_000) }, 413, /larger than 1000 bytes/],
  ["GET", "/nothing", undefined, 404, /no such path/],
  ["PATCH", "/users/ada", undefined, 405, /allows PUT, GET, DELETE, HEAD only/],
];

for (const [method, path, json, status, detail] of REFUSED) {
  const sent = json === undefined ? "" : ` ${JSON.stringify(json).slice(0, 60)}`;
  Deno.test(`${method} ${path}${sent} is ${status}, and reaches nobody`, async () => {
    await withManager(async (app) => {
      const reply = await app.call(method, path, { json });
      assert.equal(reply.status, status);
      assert.match(reply.body.detail, detail);
      assert.deepEqual(app.scripted.asked, []);
    });
  });
}

Deno.test("what the management refuses is a problem with its own code; a deletion has its date", async () => {
  await withManager(async (app) => {
    const refusal = async (error: ManagerError, method = "POST", path = "/users/ada/restart") => {
      app.scripted.next = error;
      const { status, body, headers } = await app.call(method, path);
      return [status, body, headers.get("retry-after")];
    };
    assert.deepEqual(
      await refusal(
        new ManagerError("deleted", "Cannot x: y", { purgeAt: NOW }),
        "GET",
        "/users/ada",
      ),
      [410, {
        type: "urn:second-brain:error:deleted",
        title: "The user was deleted",
        status: 410,
        detail: "Cannot x: y",
        purge_at: NOW,
      }, null],
    );
    const away = new ManagerError("cluster_unavailable", "Cannot x: y", { retryAfterS: 1.5 });
    assert.deepEqual(await refusal(away), [503, {
      type: "urn:second-brain:error:cluster_unavailable",
      title: "The cluster does not answer",
      status: 503,
      detail: "Cannot x: y",
    }, "2"]);
    const busy = new ManagerError("operation_under_way", "Cannot x: y", { retryAfterS: 5 });
    assert.deepEqual((await refusal(busy)).filter((_, i) => i !== 1), [409, "5"]);
    const codes = [
      "no_such_user",
      "operation_under_way",
      "rolled_back",
      "invalid_user_id",
    ] as const;
    const statuses: unknown[] = [];
    for (const code of codes) statuses.push((await refusal(new ManagerError(code, "Cannot")))[0]);
    assert.deepEqual(statuses, [404, 409, 409, 422]);
  });
});

Deno.test("what the cluster says is told in words of ours, with whether to try again", async () => {
  await withManager(async (app) => {
    const refusal = async (error: ClusterError) => {
      app.scripted.next = error;
      const { status, body, headers } = await app.call("POST", "/users/ada/restart");
      return [status, body.detail, headers.get("retry-after")];
    };
    const said = "canary: secrets is forbidden";
    assert.deepEqual(await refusal(new ClusterError("unavailable", 0, "", said)), [
      503,
      "Cannot answer: the cluster does not answer; try again",
      "5",
    ]);
    assert.deepEqual(await refusal(new ClusterError("forbidden", 403, "Forbidden", said)), [
      502,
      "Cannot answer: the cluster refused it (forbidden); see what the doctor says",
      null,
    ]);
    assert.deepEqual(app.events("unexpected"), []);
  });
});

Deno.test("an error that nobody foresaw tells the caller nothing, and the log where", async () => {
  await withManager(async (app) => {
    app.scripted.next = new TypeError("canary: no such thing");
    const { status, body } = await app.call("POST", "/users/ada/restart");
    assert.deepEqual([status, body.detail], [
      500,
      "Cannot answer: an unexpected error happened; it was logged",
    ]);
    const [line] = app.events("unexpected");
    assert.equal(line.name, "TypeError");
    assert.match(line.at, /manager_http_test\.ts:\d+/);
  });
});

Deno.test("an Idempotency-Key is passed on as it is, and one that is none is refused", async () => {
  await withManager(async (app) => {
    const post = (key: string) =>
      app.call("POST", "/users/ada/restart", { headers: { "Idempotency-Key": key } });
    assert.equal((await post("a b~1")).status, 200);
    assert.equal((await post("x".repeat(256))).status, 400);
    assert.deepEqual(app.scripted.asked, [
      plain(["restart", "ada", { ...DEFAULTS, idempotencyKey: "a b~1" }]),
    ]);
  });
});

Deno.test("the key of a new brain is asked for by those alone who may see it", async () => {
  await withManager(async (app) => {
    for (const name of ["writer", "keeper", "admin"] as const) {
      await app.call("PUT", "/users/ada", { key: KEYS[name], json: { tier: "free" } });
    }
    assert.deepEqual(app.scripted.asked.map(([, , { withKey }]) => withKey), [false, true, true]);
  });
});

Deno.test("HEAD is GET without what it says", async () => {
  await withManager(async (app) => {
    const { status, text } = await app.call("HEAD", "/users/ada");
    assert.deepEqual([status, text, app.scripted.asked], [200, "", [["get", "ada"]]]);
  });
});
