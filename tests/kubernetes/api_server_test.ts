/**
 * What the manager takes for granted about a cluster, asked of a real kube-apiserver: the simulated
 * cluster (`tests/manager/`) is made after these answers. It is 1.20: resize in place, pod security
 * and admission policies are newer.
 */
import assert from "node:assert/strict";
import { eventually } from "../e2e/conditions.ts";
import { ApiClient, at, MERGE } from "./api_client.ts";
import { type ApiServer, hasApiServer, startApiServer, whyNoApiServer } from "./api_server.ts";
import {
  claimOf,
  CLAIMS,
  configMapOf,
  NAMESPACE,
  namespaceOf,
  storageClassOf,
} from "./fact_objects.ts";
import { applies, deletions, quotas, refusals, templates } from "./object_facts.ts";
import { messageOf, NOBODY, remove, told } from "./replies.ts";
import { claims, volumes } from "./volume_facts.ts";

const STRANGER = { token: "stranger-7c1e", user: "system:serviceaccount:other:stranger" };

type Facts = (api: ApiClient, server: ApiServer) => Promise<void>;

const FACTS: Readonly<Record<string, Facts>> = {
  "an apply creates, changes nothing when repeated, and yields only to force": applies,
  "what is wrong is refused with its field": refusals,
  "a deletion that names another uid or version is refused": deletions,
  "a claim never shrinks, and grows once it is bound if its class allows it": claims,
  "a volume that is kept comes back by a new claim, once its old one is forgotten": volumes,
  "an impossible StatefulSet is accepted, the same template as a Pod is not": templates,
  "a quota counts only after a moment, then also for dry runs": quotas,
  "a watch that begins too early is told so": watches,
  "whoever has no rights is told which": rights,
  "what this server has is in its discovery": discovery,
  "a namespace that is being deleted takes changes and nothing new, and ends": endings,
};

Deno.test({
  name: `a real API server behaves as the manager takes for granted${whyNoApiServer}`,
  ignore: !hasApiServer,
  async fn(test) {
    await using server = await startApiServer({ controllers: true, users: [STRANGER] });
    assert.ok(server);
    using api = new ApiClient(server);
    for (const name of ["fast", "fixed"]) {
      const path = `/apis/storage.k8s.io/v1/storageclasses/${name}`;
      assert.equal((await api.apply(path, storageClassOf(name, name === "fast"))).status, 201);
    }
    for (const [name, facts] of Object.entries(FACTS)) {
      await test.step(name, () => facts(api, server));
    }
  },
});

async function watches(api: ApiClient, server: ApiServer): Promise<void> {
  const list = `${NAMESPACE}/user-a/configmaps`;
  const before = at((await api.ask("GET", list)).body, "metadata.resourceVersion");
  await api.apply(`${list}/watched`, configMapOf("watched"));
  await remove(api, `${list}/watched`, {});
  const after = at((await api.ask("GET", list)).body, "metadata.resourceVersion");
  assert.deepEqual(
    await watched(api, `${list}?watch=1&timeoutSeconds=1&resourceVersion=${before}`),
    [
      ["ADDED", "watched"],
      ["DELETED", "watched"],
    ],
  );
  const compaction = await fetch(`${server.etcdUrl}/v3/kv/compaction`, {
    method: "POST",
    body: JSON.stringify({ revision: `${after}`, physical: true }),
  });
  assert.equal(compaction.status, 200, await compaction.text());
  const exact = `${list}?resourceVersion=${before}&resourceVersionMatch=Exact`;
  assert.deepEqual(told(await api.ask("GET", exact)), [410, "Expired"]);
  // Of most kinds it remembers what happened since it started; of events, only what etcd does.
  const events = `${NAMESPACE}/user-a/events?watch=1&timeoutSeconds=5&resourceVersion=${before}`;
  assert.deepEqual(await watched(api, events), [["ERROR", 410]]);
}

async function watched(api: ApiClient, path: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const { type, object } of api.watch(path, AbortSignal.timeout(20_000))) {
    seen.push([type, type === "ERROR" ? at(object, "code") : at(object, "metadata.name")]);
  }
  return seen;
}

async function rights(_api: ApiClient, server: ApiServer): Promise<void> {
  using stranger = new ApiClient(server, STRANGER.token);
  using nobody = new ApiClient(server, "nobody");
  const refused = await stranger.ask("GET", `${NAMESPACE}/user-a/secrets/key`);
  assert.deepEqual(told(refused), [403, "Forbidden"]);
  assert.match(
    messageOf(refused),
    /cannot get resource "secrets" in API group "" in the namespace "user-a"$/,
  );
  assert.deepEqual(told(await nobody.ask("GET", NAMESPACE)), [401, "Unauthorized"]);
}

async function discovery(api: ApiClient): Promise<void> {
  const version = await api.ask("GET", "/version");
  assert.deepEqual([at(version.body, "major"), at(version.body, "minor")], ["1", "20"]);
  const policy = at((await api.ask("GET", "/apis/policy")).body, "versions");
  assert.deepEqual(policy, [{ groupVersion: "policy/v1beta1", version: "v1beta1" }]);
  const resize = await api.ask("PATCH", `${NAMESPACE}/user-a/pods/brain-0/resize`, {}, MERGE);
  assert.deepEqual(told(resize), [404, "NotFound"]);
  const unknown = await api.ask("GET", "/apis/snapshot.storage.k8s.io/v1");
  assert.deepEqual([unknown.status, unknown.body], [404, { text: "404 page not found\n" }]);
}

async function endings(api: ApiClient): Promise<void> {
  const path = `${NAMESPACE}/user-a`;
  assert.deepEqual(told(await remove(api, path, { uid: NOBODY })), [409, "Conflict"]);
  await api.apply(
    `${CLAIMS}/data-2`,
    claimOf("data-2", "2Gi", { storageClassName: "fixed" }, {
      finalizers: ["second-brain.test/keep"],
    }),
  );
  const ending = await remove(api, path, {});
  assert.deepEqual([ending.status, at(ending.body, "status.phase")], [200, "Terminating"]);
  const onto = await api.apply(
    path,
    namespaceOf("user-a"),
    "fieldManager=brain-manager&force=true",
  );
  assert.deepEqual([onto.status, typeof at(onto.body, "metadata.deletionTimestamp")], [
    200,
    "string",
  ]);
  const late = await api.apply(`${path}/configmaps/late`, configMapOf("late"));
  assert.deepEqual(told(late), [403, "Forbidden", "metadata.namespace"]);
  assert.deepEqual(at(late.body, "details.causes.0.reason"), "NamespaceTerminating");
  assert.deepEqual(told(await api.ask("POST", NAMESPACE, namespaceOf("user-a"))), [
    409,
    "AlreadyExists",
  ]);
  await eventually(30_000, "the claim is all that is left", async () => {
    return at((await api.ask("GET", `${CLAIMS}/data-2`)).body, "metadata.deletionTimestamp");
  });
  await api.ask("PATCH", `${CLAIMS}/data-2`, { metadata: { finalizers: null } }, MERGE);
  await eventually(30_000, "the namespace is gone", async () => {
    return (await api.ask("GET", path)).status === 404 || undefined;
  });
}
