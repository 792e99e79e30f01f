/** What an operator does with a user who is there, and what somebody else changes. */
import assert from "node:assert/strict";
import { TIERS } from "../../src/manager/tiers.ts";
import { eventually } from "../e2e/conditions.ts";
import { MERGE } from "../kubernetes/api_client.ts";
import type { TestCluster } from "./e2e_cluster.ts";
import { FIRST, LATER, LIMIT_MS, type Story } from "./e2e_story.ts";
import { TestUser } from "./e2e_user.ts";

const POLICY = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  name: "brain",
} as const;

export async function upgrade({ manager, user, key, memories }: Story): Promise<void> {
  const before = await user.podUid();
  const gently = await manager.ask("POST", user.path("/tier"), {
    body: { tier: "pro", allow_restart: false },
  });
  assert.deepEqual([gently.status, gently.code], [409, "restart_needed"]);
  const { outcome, user: view } = await manager.done("POST", user.path("/tier"), { tier: "pro" });
  assert.deepEqual([outcome, view?.tier, view?.state], ["done", "pro", "running"]);
  assert.notEqual(await user.podUid(), before);
  assert.deepEqual(await user.memories(key), memories);
  assert.equal(await user.gauge(key, "memories_limit"), TIERS.pro.mostMemories);
  const claim = await user.object("v1", "PersistentVolumeClaim", "data-1");
  assert.equal(claim.status.capacity.storage, "10Gi");
}

export async function backUp(story: Story): Promise<void> {
  const { manager, user, key } = story;
  const { user: view } = await manager.done("POST", user.path("/backups"), {});
  const { status, body } = await manager.ask("GET", user.path("/backups"));
  assert.deepEqual([status, body.backups.length, body.damaged], [200, 1, 0]);
  assert.deepEqual(view?.last_backup, body.backups[0]);
  assert.equal(body.backups[0].memories, FIRST.length);
  story.backup = body.backups[0].id;
  await user.add(key, LATER);
  story.memories = await user.memories(key);
}

export async function pause({ manager, user, key, memories }: Story): Promise<void> {
  const { user: suspended } = await manager.done("POST", user.path("/suspend"));
  assert.equal(suspended?.state, "suspended");
  assert.ok(await user.isAway(key));
  const { user: resumed } = await manager.done("POST", user.path("/resume"));
  assert.equal(resumed?.state, "running");
  assert.deepEqual(await user.memories(key), memories);
}

export async function rotate(story: Story): Promise<void> {
  const { manager, user } = story;
  const before = await user.podUid();
  const next = async (grace_seconds: number) => {
    const { key } = await manager.done("POST", user.path("/key"), { grace_seconds });
    return key ?? assert.fail();
  };
  const [first, second] = [story.key, await next(3_600)];
  await user.until(second, 200);
  await user.until(first, 200);
  const third = await next(0);
  await user.until(third, 200);
  await user.until(second, 401);
  await user.until(first, 401);
  assert.equal(await user.podUid(), before);
  story.key = third;
}

export async function drift({ api, user, key }: Story): Promise<void> {
  const before = await user.podUid();
  const { apiVersion, kind, name } = POLICY;
  const policy = user.place(apiVersion, kind, name);
  await api.want([200], "DELETE", policy);
  // With it the manager's own rights in there are gone.
  const binding = user.place("rbac.authorization.k8s.io/v1", "RoleBinding", "brain-manager");
  await api.want([200], "DELETE", binding);
  await api.want([200], "PATCH", binding, { metadata: { finalizers: null } }, MERGE);
  assert.equal((await api.ask("GET", binding)).status, 404);
  const set = user.place("apps/v1", "StatefulSet", "brain");
  const edit = [{
    op: "replace",
    path: "/spec/template/spec/containers/0/env/0/value",
    value: "somebody's",
  }];
  const edited = await api.want([200], "PATCH", set, edit, "application/json-patch+json");
  assert.match(JSON.stringify(edited), /somebody's/);
  await eventually(LIMIT_MS, "all is as it was", async () => {
    const [there, now] = await Promise.all([api.ask("GET", policy), api.ask("GET", set)]);
    const isMended = there.status === 200 && !JSON.stringify(now.body).includes("somebody's");
    return isMended || undefined;
  });
  assert.equal(await user.podUid(), before);
  await user.until(key, 200);
}

/** Killed in the middle of an upgrade; the next one goes on with it once the lease is over. */
export async function crash(cluster: TestCluster): Promise<() => Promise<void>> {
  const { manager } = cluster;
  const { user: view, key } = await manager.done("PUT", "/users/bea", { tier: "free" });
  assert.ok(view && key);
  const bea = new TestUser(cluster, view);
  await bea.add(key, { content: "of Bea" });
  const memories = await bea.memories(key);
  const { status, body } = await manager.ask("POST", bea.path("/tier"), { body: { tier: "pro" } });
  assert.equal(status, 202);
  const { id } = body.operation;
  await eventually(LIMIT_MS, "it is in the middle of it", async () => {
    const { operation } = (await manager.ask("GET", bea.path())).body;
    assert.equal(operation?.id, id, "it ended too early");
    return operation.waiting_for ?? undefined;
  });
  await manager.kill();
  await manager.begin();
  return async () => {
    const after = await eventually(LIMIT_MS, "it ends", async () => {
      const { body: now } = await manager.ask("GET", bea.path());
      return now.operation === null ? now : undefined;
    });
    assert.deepEqual(
      [after.last_operation.id, after.last_operation.status, after.tier, after.state],
      [id, "succeeded", "pro", "running"],
    );
    assert.deepEqual(await bea.memories(key), memories);
    assert.equal(await bea.gauge(key, "memories_limit"), TIERS.pro.mostMemories);
  };
}
