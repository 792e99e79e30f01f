/**
 * A real API server takes what the manifests are, each with each other, and again. It is 1.20: what
 * is newer is left to the types (`manager_manifests_rules_test.ts`).
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { type KubeObject, kubeObjectSchema } from "../src/manager/kube_object.ts";
import { claimOver } from "../src/manager/manifests.ts";
import { covers } from "../src/manager/reconciler/drift.ts";
import { ApiClient, type ApiReply, at } from "./kubernetes/api_client.ts";
import { hasApiServer, startApiServer, whyNoApiServer } from "./kubernetes/api_server.ts";
import { type Case, cases, objectsOf } from "./manager/manifest_kit.ts";

const OLD = {
  resize: false,
  disruptionBudgets: "policy/v1beta1",
  readWriteOncePod: false,
} as const;
const EVERY = 12;
const ROLE = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "brain-manager-user" },
  rules: [],
};

const templated = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({ metadata: z.looseObject({}), spec: z.looseObject({}) }),
  }),
});

async function apply(api: ApiClient, object: KubeObject, query = ""): Promise<ApiReply> {
  const { apiVersion, kind, metadata: { namespace, name } } = object;
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = namespace === undefined ? "" : `/namespaces/${namespace}`;
  const plural = kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se");
  const path = `${group}${place}/${plural}s/${name}`;
  return await api.apply(path, object, `fieldManager=brain-manager&force=true${query}`);
}

/** A StatefulSet with an impossible pod is taken; the pod alone is not. */
function podOf(statefulSet: KubeObject): KubeObject {
  const { spec: { template } } = templated.parse(statefulSet);
  const { namespace } = statefulSet.metadata;
  const metadata = { ...template.metadata, name: "brain-0", namespace };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: template.spec };
}

async function problemsOf(api: ApiClient, one: Case): Promise<string[]> {
  const problems: string[] = [];
  const look = ({ status, body }: ApiReply, { kind }: KubeObject) => {
    if (status !== 200 && status !== 201) problems.push(`${kind}: ${status} ${body["message"]}`);
  };
  for (const object of objectsOf(one)) {
    look(await apply(api, object), object);
    if (object.kind !== "StatefulSet") continue;
    look(await apply(api, podOf(object), "&dryRun=All"), { ...object, kind: "Pod" });
  }
  return problems;
}

Deno.test({
  name: `a real API server takes every user's objects${whyNoApiServer}`,
  ignore: !hasApiServer,
  async fn(test) {
    await using server = await startApiServer({ controllers: true });
    assert.ok(server);
    using api = new ApiClient(server);
    assert.equal((await apply(api, ROLE)).status, 201);

    await test.step("of every kind, and the first of them a second time", async () => {
      for (const [index, one] of [...cases()].entries()) {
        if (index % EVERY !== 0) continue;
        const record = { ...one.record, userId: `user ${index}` };
        const alone = { ...one, record, capabilities: OLD };
        assert.deepEqual(await problemsOf(api, alone), [], JSON.stringify(one));
        if (index === 0) assert.deepEqual(await problemsOf(api, alone), []);
      }
    });

    await test.step("and what it adds to them is no drift, the cluster's own finalizers neither", async () => {
      const record = { userId: "large" };
      const objects = objectsOf({ tier: "enterprise", record, capabilities: OLD });
      const replies: unknown[] = [];
      for (const object of objects) replies.push((await apply(api, object)).body);
      const drifted = objects.filter((object, index) => !covers(replies[index], object));
      assert.deepEqual(drifted, []);
      const finalizers = replies.map((body) => at(body, "metadata.finalizers"));
      assert.ok(JSON.stringify(finalizers).includes("kubernetes.io/pvc-protection"));
    });

    await test.step("and no field that it does not know", async () => {
      const statefulSet = objectsOf({}).find(({ kind }) => kind === "StatefulSet");
      assert.ok(statefulSet);
      assert.deepEqual(await problemsOf(api, { capabilities: OLD }), []);
      const { status, body } = await apply(api, statefulSet);
      assert.equal(status, 500);
      assert.match(`${body["message"]}`, /resizePolicy: field not declared in schema$/);
    });

    await test.step("and a claim that is there only as `claimOver` says", async () => {
      const volume = { name: "pvc-1", uid: "u", storageBytes: 1024 ** 3 };
      const claimOf = (one: Case) =>
        objectsOf({ ...one, capabilities: OLD }).find(({ kind }) =>
          kind === "PersistentVolumeClaim"
        ) ??
          assert.fail();
      const userId = "back";
      await problemsOf(api, { record: { userId, volume }, capabilities: OLD });
      const there = await apply(api, claimOf({ record: { userId, volume } }));
      const wanted = claimOf({ record: { userId }, settings: { storageClass: "fast" } });
      assert.equal((await apply(api, wanted)).status, 422);
      const over = claimOver(wanted, kubeObjectSchema.parse(there.body));
      assert.equal((await apply(api, over)).status, 200);
    });
  },
});
