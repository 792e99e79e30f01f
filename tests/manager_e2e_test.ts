/**
 * End to end without a cluster: the management service as a process, with the rights that it ships
 * with, before a real API server and its controllers; real brains stand in for the pods. What is
 * newer than that server (1.20) is not in it: resize in place, admission policies, pod security.
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { TIERS } from "../src/manager/tiers.ts";
import { slugOf } from "../src/manager/user_id.ts";
import { eventually } from "./e2e/conditions.ts";
import { at } from "./kubernetes/api_client.ts";
import { hasApiServer, whyNoApiServer } from "./kubernetes/api_server.ts";
import { type TestCluster, withCluster } from "./manager/e2e_cluster.ts";
import { rendered, seenFromTheCommandLine } from "./manager/e2e_commands.ts";
import { TestUser } from "./manager/e2e_user.ts";
import { type Json, KEYS } from "./manager/http_kit.ts";

const ID = "Ada Lovelace@example.com";
const LIMIT_MS = 90_000;
const POLICY = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  name: "brain",
} as const;

const FIRST = [
  {
    content: "The fence is painted green.",
    memory_type: "episodic",
    importance_score: 0.8,
    tags: ["house", "garden"],
    metadata: { source: "phone", nested: { list: [1, null, "ä"] } },
    embedding: [0.5, -0.25, 0, 1],
  },
  { content: "Yeast wants 26 degrees.", memory_type: "procedural", tags: ["bread"] },
  { content: "Paris is in France." },
];
const LATER = { content: "The fence fell over.", memory_type: "episodic", tags: ["garden"] };

/** What the steps hand on. */
interface Story extends TestCluster {
  readonly user: TestUser;
  key: string;
  /** All that he has. */
  memories: Json[];
  /** The first one made. */
  backup: string;
}

async function signUp(cluster: TestCluster): Promise<Story> {
  const { manager } = cluster;
  const path = `/users/${encodeURIComponent(ID)}`;
  const free = { tier: "free" };
  const planned = await manager.ask("PUT", `${path}?dry_run=true`, { body: free });
  assert.deepEqual([planned.status, planned.body.outcome], [200, "planned"]);
  assert.equal((await manager.ask("GET", path)).status, 404);

  const { status, outcome, user: view, key } = await manager.done("PUT", path, free);
  assert.deepEqual([status, outcome, view?.state, view?.tier], [201, "created", "running", "free"]);
  assert.ok(view && key);
  const user = new TestUser(cluster, view);
  assert.equal(user.namespace, `user-${slugOf(ID)}`);
  for (const memory of FIRST) await user.add(key, memory);
  assert.equal((await user.ask(`${key}x`, "GET", "/stats")).status, 401);
  const memories = await user.memories(key);
  assert.equal(memories.length, FIRST.length);
  assert.equal(await user.gauge(key, "memories_limit"), TIERS.free.mostMemories);

  const again = await manager.done("PUT", path, free);
  assert.deepEqual([again.status, again.outcome, again.key], [200, "same", key]);
  const other = await manager.ask("PUT", path, { body: { tier: "pro" } });
  assert.deepEqual([other.status, other.code], [409, "tier_conflict"]);
  return { ...cluster, user, key, memories, backup: "" };
}

async function refusals({ manager, managersApi, user }: Story): Promise<void> {
  const body = { tier: "free" };
  const cases = [
    [await manager.ask("GET", user.path(), { key: "of nobody" }), 401],
    [await manager.ask("PUT", user.path(), { key: KEYS.reader, body }), 403],
    [await manager.ask("POST", user.path("/key"), { key: KEYS.writer, body: {} }), 403],
    [await manager.ask("POST", user.path("/purge")), 403],
    [await manager.ask("GET", user.path(), { key: KEYS.reader }), 200],
  ] as const;
  assert.deepEqual(cases.map(([{ status }]) => status), cases.map(([, status]) => status));
  const withoutKey = await manager.ask("PUT", user.path(), { key: KEYS.writer, body });
  assert.deepEqual([withoutKey.status, withoutKey.body.key], [200, null]);

  // Its own rights are no more than it needs: in a user's namespace, and nowhere else.
  const secrets = (namespace: string) =>
    managersApi.ask("GET", `/api/v1/namespaces/${namespace}/secrets`);
  const statuses = await Promise.all([user.namespace, "user-shop", "kube-system"].map(secrets));
  assert.deepEqual(statuses.map(({ status }) => status), [200, 403, 403]);
}

/** All of it, for a comparison. */
async function shop({ api }: TestCluster): Promise<Json[]> {
  const paths = ["", "/configmaps/stock", "/rolebindings"];
  const folder = (path: string) =>
    path === "/rolebindings" ? "/apis/rbac.authorization.k8s.io/v1" : "/api/v1";
  return await Promise.all(paths.map(async (path) => {
    const found = await api.want([200], "GET", `${folder(path)}/namespaces/user-shop${path}`);
    return at(found, "items") ?? found;
  }));
}

async function makeShop({ api }: TestCluster): Promise<void> {
  const metadata = { name: "user-shop" };
  await api.want([201], "POST", "/api/v1/namespaces", { metadata });
  const stock = { metadata: { name: "stock" }, data: { apples: "3" } };
  await api.want([201], "POST", "/api/v1/namespaces/user-shop/configmaps", stock);
}

async function noShopOfOurs({ manager }: Story): Promise<void> {
  const { status, code } = await manager.ask("PUT", "/users/shop?wait=60", {
    body: { tier: "free" },
  });
  assert.deepEqual([status, code], [409, "name_collision"]);
  assert.equal((await manager.ask("GET", "/users/shop")).status, 404);
}

async function upgrade({ manager, user, key, memories }: Story): Promise<void> {
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

async function backUp(story: Story): Promise<void> {
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

async function pause({ manager, user, key, memories }: Story): Promise<void> {
  const { user: suspended } = await manager.done("POST", user.path("/suspend"));
  assert.equal(suspended?.state, "suspended");
  assert.ok(await user.isAway(key));
  const { user: resumed } = await manager.done("POST", user.path("/resume"));
  assert.equal(resumed?.state, "running");
  assert.deepEqual(await user.memories(key), memories);
}

async function rotate(story: Story): Promise<void> {
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

async function drift({ api, user, key }: Story): Promise<void> {
  const before = await user.podUid();
  const { apiVersion, kind, name } = POLICY;
  const policy = user.place(apiVersion, kind, name);
  await api.want([200], "DELETE", policy);
  const set = user.place("apps/v1", "StatefulSet", "brain");
  const edit = [{
    op: "replace",
    path: "/spec/template/spec/containers/0/env/0/value",
    value: "somebody's",
  }];
  const edited = await api.want([200], "PATCH", set, edit, "application/json-patch+json");
  assert.match(JSON.stringify(edited), /somebody's/);
  await eventually(LIMIT_MS, "both are as they were", async () => {
    const [there, now] = await Promise.all([api.ask("GET", policy), api.ask("GET", set)]);
    const isMended = there.status === 200 && !JSON.stringify(now.body).includes("somebody's");
    return isMended || undefined;
  });
  assert.equal(await user.podUid(), before);
  await user.until(key, 200);
}

async function restore({ manager, user, key, memories, backup }: Story): Promise<void> {
  const wanted = memories.filter(({ content }) => content !== LATER.content);
  const { user: view } = await manager.done("POST", user.path("/restore"), { backup });
  assert.equal(view?.state, "running");
  assert.deepEqual((await user.memories(key)).map(contentOf), wanted.map(contentOf));
  const former = await user.object("v1", "PersistentVolumeClaim", "data-1");
  assert.equal(former.status.phase, "Bound");
  const unknown = await manager.ask("POST", user.path("/restore"), { body: { backup: "none" } });
  assert.deepEqual([unknown.status, unknown.code], [404, "no_such_backup"]);
}

function contentOf({ id, content, memory_type, tags, metadata, embedding, created_at }: Json) {
  return { id, content, memory_type, tags, metadata, embedding, created_at };
}

async function remove(story: Story): Promise<void> {
  const { manager, agent, user } = story;
  const before = await user.volumes();
  story.memories = await user.memories(story.key);
  const gone = await manager.ask("DELETE", `${user.path()}?wait=60`);
  assert.equal(gone.status, 204, JSON.stringify(gone.body));
  assert.equal(await user.namespaceStatus(), 404);
  const { status, code, body } = await manager.ask("GET", user.path());
  assert.deepEqual([status, code], [410, "deleted"]);
  assert.ok(Date.parse(body.purge_at) > Date.now() + 29 * 24 * 3_600_000, body.purge_at);
  const { body: { backups } } = await manager.ask("GET", user.path("/backups"));
  assert.equal(backups[0].memories, story.memories.length);
  assert.deepEqual([before.length, await user.volumes()], [1, before]);
  assert.ok((await agent.volumes()).includes(`${before[0]}`));
}

async function undelete(story: Story): Promise<void> {
  const { manager, user } = story;
  const { user: view } = await manager.done("POST", user.path("/undelete"));
  assert.deepEqual([view?.state, view?.purge_at], ["running", null]);
  await newKey(story);
}

/** His Secret went with his namespace; all else is as it was. */
async function newKey(story: Story): Promise<void> {
  const { manager, user } = story;
  const { key } = await manager.done("PUT", user.path(), { tier: "pro" });
  assert.ok(key);
  story.key = key;
  await user.until(key, 200);
  assert.deepEqual(await user.memories(key), story.memories);
}

async function loseNamespace(story: Story): Promise<void> {
  const { api, user } = story;
  const path = `/api/v1/namespaces/${user.namespace}`;
  const uidOf = async () => at((await api.ask("GET", path)).body, "metadata.uid");
  const before = await uidOf();
  await api.want([200], "DELETE", path);
  await eventually(LIMIT_MS, "the user is back", async () => {
    const uid = await uidOf();
    if (uid === undefined || uid === before) return undefined;
    const { status, body } = await api.ask("GET", user.place("v1", "Pod", "brain-0"));
    const isReady = JSON.stringify(at(body, "status.conditions") ?? []).includes(
      '"type":"Ready","status":"True"',
    );
    return status === 200 && isReady || undefined;
  });
  await newKey(story);
}

/** Killed in the middle of an upgrade; the next one goes on with it once the lease is over. */
async function crash(cluster: TestCluster): Promise<() => Promise<void>> {
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

async function purge(story: Story): Promise<void> {
  const { manager, agent, user } = story;
  const his = await user.volumes();
  const inUse = await manager.ask("POST", user.path("/purge"), { key: KEYS.admin });
  assert.deepEqual([inUse.status, inUse.code], [409, "wrong_state"]);
  assert.equal((await manager.ask("DELETE", `${user.path()}?wait=60&backup=false`)).status, 204);
  const { user: view } = await manager.done("POST", user.path("/purge"), undefined, KEYS.admin);
  assert.equal(view, null);
  assert.equal((await manager.ask("GET", user.path())).status, 404);
  await eventually(LIMIT_MS, "what was on his volumes is gone", async () => {
    const left = [...await user.volumes(), ...await agent.volumes()];
    return !left.some((name) => his.includes(name)) || undefined;
  });
  assert.equal(his.length, 1);
  const left = await readdir(manager.backups, { recursive: true, withFileTypes: true });
  assert.deepEqual(left.filter((entry) => entry.isFile()).map(({ name }) => name), []);
}

/** Who did what is in the log; ids, keys and what users store are not. */
function logged({ manager, user }: Story, keys: ReadonlySet<string>): void {
  const { log } = manager;
  const secrets = [
    ID,
    encodeURIComponent(ID),
    "Lovelace",
    "fence",
    ...Object.values(KEYS),
    ...keys,
  ];
  assert.deepEqual(secrets.filter((secret) => log.includes(secret)), []);
  const lines = log.split("\n").filter((line) => line.startsWith("{"));
  const audit = lines.map((line): Json => JSON.parse(line)).filter(({ event }) => event === "audit")
    .map(({ key, verb, user, outcome }) => `${key} ${verb} ${user} ${outcome}`);
  for (const line of AUDITED) {
    assert.ok(
      audit.includes(line.replace("USER", slugOf(user.id))),
      `${line}\n${audit.join("\n")}`,
    );
  }
}

const AUDITED = [
  "keeper createUser USER ok",
  "keeper createUser shop name_collision",
  "reader createUser USER forbidden",
  "keeper upgradeUser USER restart_needed",
  "keeper rotateKey USER ok",
  "keeper deleteUser USER ok",
  "admin purgeUser USER ok",
];

Deno.test({
  name: `a user's life, from the sign-up until nothing is left of him${whyNoApiServer}`,
  ignore: !hasApiServer,
  fn: (test) =>
    withCluster(async (cluster) => {
      await makeShop(cluster);
      const shopBefore = await shop(cluster);
      const story = await signUp(cluster);
      const ended = await crash(cluster);
      const keys = new Set([story.key]);
      const steps: readonly (readonly [string, (story: Story) => Promise<void>])[] = [
        ["who may not is refused", refusals],
        ["a namespace of somebody else is not his", noShopOfOurs],
        ["a larger tier, with a new pod over the same volume", upgrade],
        ["a backup", backUp],
        ["suspended and resumed", pause],
        ["a new key, the one before it for a while", rotate],
        ["what somebody changed is put right", drift],
        ["deleted, and his volume kept", remove],
        ["brought back", undelete],
        ["restored; what he had is kept as well", restore],
        ["his namespace deleted by somebody, and brought back", async (now) => {
          now.memories = await now.user.memories(now.key);
          await loseNamespace(now);
        }],
        ["the commands, beside the service", ({ manager, user }) =>
          seenFromTheCommandLine(manager, ["bea", user.id])],
        ["without the service: what render prints, applied", rendered],
        ["what was under way when the service was killed has ended", () =>
          ended()],
        ["destroyed", purge],
      ];
      for (const [name, run] of steps) {
        const isDone = await test.step(name, async () => {
          try {
            await run(story);
          } catch (cause) {
            throw new Error(`The manager said:\n${cluster.manager.warnings}`, { cause });
          }
          keys.add(story.key);
        });
        if (!isDone) {
          break;
        }
      }
      await test.step("the log, the neighbours, and no pod ever beside another", async () => {
        logged(story, keys);
        assert.deepEqual(await shop(cluster), shopBefore);
        assert.deepEqual([cluster.agent.violations, cluster.agent.errors], [[], []]);
      });
    }),
});
