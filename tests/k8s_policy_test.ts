/** The admission policy that bounds the manager's rights, asked as the API server would ask it. */
import assert from "node:assert/strict";
import { evaluate } from "@marcbachmann/cel-js";
import { z } from "zod";
import { objectsOf } from "./k8s_documents.ts";

const expressionSchema = z.strictObject({ name: z.string(), expression: z.string() });
const policySchema = z.looseObject({
  spec: z.looseObject({
    failurePolicy: z.string(),
    matchConditions: z.array(expressionSchema),
    variables: z.array(expressionSchema),
    validations: z.array(z.strictObject({ expression: z.string(), message: z.string() })),
  }),
});

const [policyObject] = await objectsOf("base/admission.yaml");
const policy = policySchema.parse(policyObject).spec;

interface Asked {
  readonly request: Record<string, unknown>;
  readonly object?: unknown;
  readonly oldObject?: unknown;
  readonly namespaceObject?: unknown;
}

/** The messages of the validations that a request does not meet, as the API server would find. */
function refusals({ request, object = null, oldObject = null, namespaceObject = null }: Asked) {
  const variables: Record<string, unknown> = {};
  const context = { request, object, oldObject, namespaceObject, variables };
  for (const { name, expression } of policy.variables) {
    variables[name] = evaluate(expression, context);
  }
  return policy.validations.filter(({ expression }) => evaluate(expression, context) !== true)
    .map(({ message }) => message);
}

const OURS = { "app.kubernetes.io/managed-by": "brain-manager" };
const RESTRICTED = { "pod-security.kubernetes.io/enforce": "restricted" };
const user = { metadata: { name: "user-ada", labels: { ...OURS, ...RESTRICTED } } };
const foreign = { metadata: { name: "user-shop", labels: { team: "shop" } } };

function within(namespace: string, resource: string, more: Record<string, unknown> = {}) {
  return { namespace, name: "brain", resource: { resource }, operation: "UPDATE", ...more };
}
const OF_NAMESPACES = (name: string, operation: string) => ({
  name,
  namespace: name,
  operation,
  resource: { resource: "namespaces" },
});
const binding = (roleRef: unknown, namespace = "second-brain") => ({
  metadata: {},
  roleRef,
  subjects: [{ kind: "ServiceAccount", name: "brain-manager", namespace }],
});
const USER_ROLE = { kind: "ClusterRole", name: "brain-manager-user" };
const volume = (spec: object, labels = {}) => ({ metadata: { name: "pv-1", labels }, spec });
const OF_VOLUMES = {
  name: "pv-1",
  operation: "UPDATE",
  resource: { resource: "persistentvolumes" },
};
const some = { metadata: { name: "brain" } };
const REGISTER = { ...within("second-brain", "configmaps"), name: "user-ada" };

Deno.test("the policy lets the manager do what it is for", () => {
  const allowed: Asked[] = [
    { request: OF_NAMESPACES("user-ada", "CREATE"), object: user },
    { request: OF_NAMESPACES("user-ada", "UPDATE"), object: user, oldObject: user },
    { request: OF_NAMESPACES("user-ada", "DELETE"), oldObject: user },
    { request: within("user-ada", "secrets"), object: some, namespaceObject: user },
    { request: REGISTER, object: some, namespaceObject: some },
    // The doctor compares clocks with it.
    { request: { ...REGISTER, name: "trial", dryRun: true }, object: some, namespaceObject: some },
    { request: within("second-brain", "events"), object: some, namespaceObject: some },
    {
      request: within("user-ada", "pods", { operation: "CREATE", dryRun: true }),
      object: some,
      namespaceObject: user,
    },
    {
      request: within("user-ada", "pods", { operation: "DELETE" }),
      oldObject: some,
      namespaceObject: user,
    },
    {
      request: within("user-ada", "rolebindings", { operation: "CREATE" }),
      object: binding(USER_ROLE),
      namespaceObject: user,
    },
    {
      request: OF_VOLUMES,
      object: volume({}),
      oldObject: volume({ claimRef: { namespace: "user-ada" } }),
    },
    { request: OF_VOLUMES, object: volume({}), oldObject: volume({}, OURS) },
    {
      request: {
        name: "",
        operation: "CREATE",
        resource: { resource: "selfsubjectaccessreviews" },
      },
      object: { metadata: {} },
    },
  ];
  for (const asked of allowed) {
    assert.deepEqual([asked.request, refusals(asked)], [asked.request, []]);
  }
});

const PODS = "the manager may only have namespaces with restricted pods";
const NAMESPACES = "the manager may only touch namespaces user-… that carry its label";
const WITHIN = "the manager may only write in its own namespace and in those of its users";
const VOLUMES = "the manager may only touch volumes that are, or were, a user's";
const BINDINGS = "the manager may only bind its own role, to itself";
const OWN = "in its own namespace the manager writes the register and events, and nothing else";
const REFUSED: [Asked, string[]][] = [
  [{ request: OF_NAMESPACES("kube-system", "DELETE"), oldObject: some }, [NAMESPACES]],
  [{ request: OF_NAMESPACES("kube-system", "DELETE"), oldObject: user }, [NAMESPACES]],
  [{ request: OF_NAMESPACES("user-shop", "DELETE"), oldObject: foreign }, [NAMESPACES]],
  // Taking over by labelling it first.
  [
    { request: OF_NAMESPACES("user-shop", "UPDATE"), object: user, oldObject: foreign },
    [NAMESPACES],
  ],
  [
    { request: OF_NAMESPACES("user-ada", "UPDATE"), object: foreign, oldObject: user },
    [NAMESPACES, PODS],
  ],
  [{ request: OF_NAMESPACES("user-ada", "CREATE"), object: foreign }, [NAMESPACES, PODS]],
  // A namespace in which pods may have the node.
  [
    {
      request: OF_NAMESPACES("user-ada", "CREATE"),
      object: {
        metadata: { labels: { ...OURS, "pod-security.kubernetes.io/enforce": "privileged" } },
      },
    },
    [PODS],
  ],
  [
    {
      request: OF_NAMESPACES("user-ada", "UPDATE"),
      object: {
        metadata: {
          labels: { ...user.metadata.labels, "pod-security.kubernetes.io/enforce-version": "v1.0" },
        },
      },
      oldObject: user,
    },
    [PODS],
  ],
  [
    {
      request: OF_VOLUMES,
      object: volume({ claimRef: { namespace: "user-ada" } }),
      oldObject: volume({ claimRef: { namespace: "user-shop" } }),
    },
    ["the manager may not give a volume to another namespace"],
  ],
  [
    {
      request: { ...within("second-brain", "configmaps"), name: "brain-manager-settings" },
      object: some,
      namespaceObject: some,
    },
    [OWN],
  ],
  [
    { request: within("kube-system", "secrets"), object: some, namespaceObject: some },
    [WITHIN],
  ],
  [
    { request: within("user-shop", "statefulsets"), object: some, namespaceObject: foreign },
    [WITHIN],
  ],
  [{ request: within("second-brain", "deployments"), object: some, namespaceObject: some }, [
    OWN,
  ]],
  [{ request: OF_VOLUMES, object: volume({}), oldObject: volume({}) }, [VOLUMES]],
  [
    {
      request: { ...OF_VOLUMES, operation: "DELETE" },
      oldObject: volume({ claimRef: { namespace: "shop" } }, OURS),
    },
    [VOLUMES],
  ],
  [
    {
      request: within("user-ada", "rolebindings", { operation: "CREATE" }),
      object: binding({ kind: "ClusterRole", name: "cluster-admin" }),
      namespaceObject: user,
    },
    [BINDINGS],
  ],
  [
    {
      request: within("user-ada", "rolebindings"),
      object: binding(USER_ROLE, "user-ada"),
      oldObject: some,
      namespaceObject: user,
    },
    [BINDINGS],
  ],
  [
    {
      request: within("user-ada", "pods", { operation: "CREATE" }),
      object: some,
      namespaceObject: user,
    },
    ["the manager may have pods judged, not made"],
  ],
  [
    {
      request: {
        name: "admin",
        operation: "CREATE",
        resource: { resource: "clusterrolebindings" },
      },
      object: some,
    },
    ["the manager may not touch what belongs to the cluster"],
  ],
];

const snapshot = {
  name: "content-1",
  operation: "DELETE",
  resource: { resource: "volumesnapshotcontents" },
};
const of = (namespace: string) => ({
  metadata: { name: "content-1" },
  spec: { volumeSnapshotRef: { namespace } },
});
const SNAPSHOTS = "the manager may only touch snapshots that are a user's";

Deno.test("the policy keeps the manager out of everything else", () => {
  for (const [asked, messages] of REFUSED) {
    assert.deepEqual([asked.request, refusals(asked)], [asked.request, messages]);
  }
  assert.deepEqual(refusals({ request: snapshot, oldObject: of("shop") }), [SNAPSHOTS]);
  assert.deepEqual(refusals({ request: snapshot, oldObject: of("user-ada") }), []);
  const hit = new Set(REFUSED.flatMap(([, messages]) => messages));
  assert.deepEqual(
    policy.validations.map(({ message }) => message).filter((message) => !hit.has(message)),
    [SNAPSHOTS],
  );
  assert.equal(policy.failurePolicy, "Fail");
  assert.equal(
    policy.matchConditions[0]?.expression,
    'request.userInfo.username == "system:serviceaccount:second-brain:brain-manager"',
  );
});
