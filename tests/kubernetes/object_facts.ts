/** What a real API server does with objects in general: kept by `api_server_test.ts`. */
import assert from "node:assert/strict";
import { eventually } from "../e2e/conditions.ts";
import { type ApiClient, at, MERGE } from "./api_client.ts";
import {
  claimOf,
  CLAIMS,
  configMapOf,
  NAMESPACE,
  namespaceOf,
  podOf,
  setOf,
} from "./fact_objects.ts";
import { messageOf, NOBODY, remove, told } from "./replies.ts";

const SET = `/apis/apps/v1/namespaces/user-a/statefulsets/brain`;

export async function applies(api: ApiClient): Promise<void> {
  const path = `${NAMESPACE}/user-a`;
  const dry = await api.apply(path, namespaceOf("user-a"), "fieldManager=brain-manager&dryRun=All");
  assert.deepEqual([dry.status, at(dry.body, "metadata.resourceVersion")], [201, undefined]);
  assert.equal((await api.ask("GET", path)).status, 404);

  const first = await api.apply(path, namespaceOf("user-a", { labels: { tier: "free" } }));
  const second = await api.apply(path, namespaceOf("user-a", { labels: { tier: "free" } }));
  assert.deepEqual([first.status, second.status], [201, 200]);
  assert.deepEqual(second.body, first.body);

  const other = namespaceOf("user-a", { labels: { tier: "pro" } });
  const conflict = await api.apply(path, other, "fieldManager=other");
  assert.deepEqual(told(conflict), [409, "Conflict", ".metadata.labels.tier"]);
  assert.match(messageOf(conflict), /^Apply failed with 1 conflict: conflict with "brain-manager"/);
  assert.equal((await api.apply(path, other, "fieldManager=other&force=true")).status, 200);

  const old = namespaceOf("user-a", {
    resourceVersion: at(first.body, "metadata.resourceVersion"),
  });
  assert.deepEqual(told(await api.apply(path, old)), [409, "Conflict"]);
  const another = namespaceOf("user-a", { uid: NOBODY });
  assert.deepEqual(told(await api.apply(path, another)), [422, "Invalid", "metadata.uid"]);
  const none = await api.apply(`${NAMESPACE}/user-b`, namespaceOf("user-b", { uid: NOBODY }));
  assert.deepEqual(told(none), [409, "Conflict"]);
}

export async function refusals(api: ApiClient): Promise<void> {
  const label = namespaceOf("user-l", { labels: { user: "a@b" } });
  const replies = [
    await api.apply(`${NAMESPACE}/user-l`, label),
    await api.apply(`${NAMESPACE}/User_l`, namespaceOf("User_l")),
    await api.apply(`${NAMESPACE}/user-l`, namespaceOf("user-m")),
    await api.apply(`${NAMESPACE}/user-l`, namespaceOf("user-l"), "force=true"),
    await api.apply(`${NAMESPACE}/user-l`, namespaceOf("user-l", { managedFields: [{}] })),
    await api.apply(`${NAMESPACE}/nobody/configmaps/a`, configMapOf("a")),
    await api.apply(`${NAMESPACE}/user-a/configmaps/a`, { ...configMapOf("a"), dta: {} }),
    await api.ask("PATCH", `${NAMESPACE}/user-a/configmaps/none`, { data: {} }, MERGE),
  ];
  assert.deepEqual(replies.map(told), [
    [422, "Invalid", "metadata.labels"],
    [422, "Invalid", "metadata.name"],
    [400, "BadRequest"],
    [422, "Invalid", "fieldManager"],
    [400, "BadRequest"],
    [404, "NotFound"],
    [500, undefined],
    [404, "NotFound"],
  ]);
}

export async function deletions(api: ApiClient): Promise<void> {
  const path = `${NAMESPACE}/user-a/configmaps/register`;
  const made = await api.ask("POST", `${NAMESPACE}/user-a/configmaps`, configMapOf("register"));
  const again = await api.ask("POST", `${NAMESPACE}/user-a/configmaps`, configMapOf("register"));
  assert.deepEqual([made.status, ...told(again)], [201, 409, "AlreadyExists"]);
  const old = configMapOf("register", { resourceVersion: "1" });
  assert.deepEqual(told(await api.ask("PUT", path, old)), [409, "Conflict"]);
  assert.deepEqual(told(await api.ask("PATCH", path, old, MERGE)), [409, "Conflict"]);
  assert.deepEqual(told(await remove(api, path, { uid: NOBODY })), [409, "Conflict"]);
  assert.deepEqual(told(await remove(api, path, { resourceVersion: "1" })), [409, "Conflict"]);
  const gone = await remove(api, path, { uid: at(made.body, "metadata.uid") });
  assert.deepEqual([gone.status, at(gone.body, "status")], [200, "Success"]);
  assert.deepEqual(told(await remove(api, path, {})), [404, "NotFound"]);
}

export async function templates(api: ApiClient): Promise<void> {
  const dryRun = (container: object) =>
    api.ask("POST", `${NAMESPACE}/user-a/pods?dryRun=All`, podOf(container));
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "brain" } };
  const early = await dryRun({});
  assert.deepEqual(told(early), [403, "Forbidden"]);
  assert.match(messageOf(early), /serviceaccount "brain" not found$/);
  await api.apply(`${NAMESPACE}/user-a/serviceaccounts/brain`, account);
  assert.equal((await dryRun({})).status, 201);

  const impossible = {
    "spec.containers[0].resources.requests": {
      resources: { requests: { memory: "2Gi" }, limits: { memory: "1Gi" } },
    },
    "spec.containers[0].volumeMounts[0].name": {
      volumeMounts: [{ name: "none", mountPath: "/data" }],
    },
    "spec.containers[0].ports[0].containerPort": { ports: [{ containerPort: 99_999 }] },
  };
  for (const [field, container] of Object.entries(impossible)) {
    assert.deepEqual(told(await dryRun(container)), [422, "Invalid", field]);
    const accepted = await api.apply(
      SET,
      setOf(container),
      "fieldManager=brain-manager&force=true",
    );
    assert.ok(accepted.status === 201 || accepted.status === 200, field);
  }
  await api.apply(SET, setOf({}));
  const moved = await api.apply(SET, setOf({}, "data-2"));
  assert.equal(moved.status, 200);
  const template = { ...claimOf("data", "1Gi") };
  const patch = { spec: { volumeClaimTemplates: [template] } };
  assert.deepEqual(told(await api.ask("PATCH", SET, patch, MERGE)), [422, "Invalid", "spec"]);
}

export async function quotas(api: ApiClient): Promise<void> {
  const path = `${NAMESPACE}/user-a/resourcequotas/quota`;
  const hard = { persistentvolumeclaims: "4", "requests.storage": "100Gi" };
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "quota" },
    spec: { hard },
  };
  const applied = await api.apply(path, quota);
  assert.deepEqual([applied.status, at(applied.body, "status")], [201, {}]);
  await eventually(20_000, "the quota is counted", async () => {
    return at((await api.ask("GET", path)).body, "status.used.persistentvolumeclaims") === "3" ||
      undefined;
  });
  const dry = "fieldManager=brain-manager&dryRun=All";
  for (const query of [dry, undefined]) {
    const over = await api.apply(`${CLAIMS}/data-4`, claimOf("data-4", "200Gi"), query);
    assert.deepEqual(told(over), [403, "Forbidden"]);
    assert.match(messageOf(over), /exceeded quota: quota, requested: requests\.storage=200Gi,/);
  }
}
