/** What the manager may do, as its roles say. */
import assert from "node:assert/strict";
import { z } from "zod";
import { objectsOf } from "./k8s_documents.ts";

const ruleSchema = z.strictObject({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()),
});
const roleSchema = z.looseObject({ rules: z.array(ruleSchema) });
const rights = await objectsOf("base/rights.yaml");

function rulesOf(kind: string, name: string) {
  const role = rights.find((one) => one.kind === kind && one.metadata.name === name);
  return roleSchema.parse(role).rules;
}

/** `group/resource` of every rule, with its verbs. */
function tableOf(kind: string, name: string): Record<string, string[]> {
  return Object.fromEntries(
    rulesOf(kind, name).flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => [`${group}/${resource}`, verbs]))
    ),
  );
}

const WRITING = ["create", "update", "patch", "delete", "deletecollection", "bind", "escalate"];

Deno.test("cluster-wide the manager reads no Secret and changes only namespaces, volumes and its own bindings", () => {
  const table = tableOf("ClusterRole", "brain-manager");
  const written = Object.entries(table).filter(([, verbs]) =>
    verbs.some((verb) => WRITING.includes(verb))
  ).map(([resource]) => resource);
  assert.deepEqual(written, [
    "/namespaces",
    "/persistentvolumes",
    "snapshot.storage.k8s.io/volumesnapshotcontents",
    "rbac.authorization.k8s.io/rolebindings",
    "rbac.authorization.k8s.io/clusterroles",
  ]);
  assert.ok(!("/secrets" in table) && !("/pods" in table));
  const [bind] = rulesOf("ClusterRole", "brain-manager").filter(({ verbs }) =>
    verbs.includes("bind")
  );
  assert.deepEqual(bind, {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["clusterroles"],
    resourceNames: ["brain-manager-user"],
    verbs: ["bind"],
  });
});

Deno.test("what its loop watches it may list and watch in the whole cluster", () => {
  const table = tableOf("ClusterRole", "brain-manager");
  for (const watched of ["/namespaces", "/persistentvolumeclaims", "apps/statefulsets"]) {
    const verbs = table[watched]?.filter((verb) => ["list", "watch"].includes(verb));
    assert.deepEqual(verbs, ["list", "watch"], watched);
  }
  assert.deepEqual(table["/persistentvolumeclaims"], ["list", "watch"]);
});

Deno.test("no rule says all, and none lets the manager into a pod or act as somebody else", () => {
  for (const { kind, metadata: { name } } of rights) {
    if (kind !== "ClusterRole" && kind !== "Role") continue;
    for (const rule of rulesOf(kind, name)) {
      const words = [rule.apiGroups, rule.resources, rule.verbs].flat();
      assert.ok(!words.includes("*"), name);
      const refused = ["impersonate", "escalate", "deletecollection"];
      assert.deepEqual(rule.verbs.filter((verb) => refused.includes(verb)), []);
      const inside = rule.resources.filter((resource) =>
        /exec|attach|portforward|proxy|token|nodes|roles$/.test(resource) &&
        resource !== "clusterroles"
      );
      assert.deepEqual(inside, []);
    }
  }
});

Deno.test("in its own namespace the manager has its register and its events, and no Secret", () => {
  assert.deepEqual(tableOf("Role", "brain-manager"), {
    "/configmaps": ["get", "list", "watch", "create", "update", "patch", "delete"],
    "/events": ["create", "patch"],
  });
});

Deno.test("in a user's namespace it replaces keys, which are compared and set, and nothing else", () => {
  const updated = Object.entries(tableOf("ClusterRole", "brain-manager-user"))
    .filter(([, verbs]) => verbs.includes("update")).map(([resource]) => resource);
  assert.deepEqual(updated, ["/secrets"]);
});
