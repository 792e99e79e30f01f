/** A user's life over HTTP, with all that is behind it: the management, on a simulated cluster. */
import assert from "node:assert/strict";
import { conditionsOf } from "../src/manager/brain_manager/conditions.ts";
import { firstRecord } from "../src/manager/first_record.ts";
import { ClusterError } from "../src/manager/cluster.ts";
import { signedUp, waited, world as worldOf } from "./manager/kit.ts";
import { type Json, ManagerApp, NOW, type Reply } from "./manager/http_kit.ts";

const ID = "ada/Lovelace@example.com";
const PATH = `/users/${encodeURIComponent(ID)}`;

Deno.test("sign up, again, another tier, upgrade, suspend, delete, bring back, purge", async () => {
  const world = await worldOf();
  const { manager } = world.start("service");
  const app = new ManagerApp(manager);
  await app.open();
  const call = (method: string, path: string, json?: unknown): Promise<Reply> =>
    waited(world, app.call(method, path, { json }));
  const states: Json[] = [];
  const step = async (method: string, path: string, json?: unknown) => {
    const { status, body } = await call(method, `${PATH}${path}`, json);
    states.push([status, body?.outcome ?? body?.type, body?.user?.state]);
    return body;
  };
  const planned = await call("PUT", `${PATH}?dry_run=true`, { tier: "free" });
  assert.deepEqual([planned.body.operation, planned.body.user], [null, null]);
  const created = await step("PUT", "?wait=60", { tier: "free" });
  assert.match(created.key, /\S{40}/);
  await step("PUT", "?wait=60", { tier: "free" });
  await step("PUT", "", { tier: "pro" });
  await step("POST", "/tier?wait=60", { tier: "pro" });
  await step("POST", "/backups?wait=60");
  await step("POST", "/suspend?wait=60");
  await step("POST", "/resume?wait=60");
  const rotated = await step("POST", "/key?wait=60");
  assert.notEqual(rotated.key, created.key);
  await step("DELETE", "?wait=60");
  const gone = await step("GET", "");
  assert.equal(Date.parse(gone.purge_at) > world.clock.now(), true);
  await step("POST", "/undelete?wait=60");
  await step("DELETE", "?wait=60&backup=false");
  const { operation } = await step("POST", "/purge?wait=60");
  assert.deepEqual([operation.verb, operation.status], ["purge", "succeeded"]);
  await step("GET", "");
  assert.deepEqual(states, [
    [201, "created", "running"],
    [200, "same", "running"],
    [409, "urn:second-brain:error:tier_conflict", undefined],
    [200, "done", "running"],
    [200, "done", "running"],
    [200, "done", "suspended"],
    [200, "done", "running"],
    [200, "done", "running"],
    [204, undefined, undefined],
    [410, "urn:second-brain:error:deleted", undefined],
    [200, "done", "running"],
    [204, undefined, undefined],
    [200, "done", undefined],
    [404, "urn:second-brain:error:no_such_user", undefined],
  ]);
});

Deno.test("a look says whether the cluster is away, or refuses to show a user", async () => {
  const record = firstRecord("ada", "free", "life", NOW);
  const found: string[][] = [];
  for (const fault of ["unavailable", "forbidden"] as const) {
    const { cluster, clock } = await worldOf();
    cluster.get = () => Promise.reject(new ClusterError(fault, 0, "", "canary"));
    const conditions = await conditionsOf(cluster, record, clock);
    found.push(conditions.map(({ type, reason }) => `${type} ${reason}`).slice(0, 3));
  }
  assert.deepEqual(found, [
    ["Ready ClusterAway", "VolumeBound ClusterAway", "Resized ClusterAway"],
    ["Ready ClusterRefused", "VolumeBound ClusterRefused", "Resized ClusterRefused"],
  ]);
});

Deno.test("users are listed in pages, by what is asked", async () => {
  const world = await worldOf();
  const program = world.start("service");
  for (const id of ["ada", "bob", "eve"]) await signedUp(world, program, id);
  const app = new ManagerApp(program.manager);
  await app.open();
  const page = async (query: string) => {
    const { body } = await waited(world, app.call("GET", `/users?${query}`));
    return { ids: body.users.map(({ id }: Json) => id), next: body.next_cursor, total: body.total };
  };
  const first = await page("limit=2");
  assert.deepEqual([first.ids, first.total], [["ada", "bob"], 3]);
  const second = await page(`limit=2&cursor=${encodeURIComponent(first.next)}`);
  assert.deepEqual([second.ids, second.next], [["eve"], null]);
  assert.deepEqual((await page("tier=pro")).ids, []);
});
