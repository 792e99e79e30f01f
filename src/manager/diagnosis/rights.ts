/**
 * Whether the manager has the rights that it needs, and none that it must not have: the server is
 * asked about each, so that it does not matter by which roles they came.
 */
import { z } from "zod";
import type { Cluster } from "../cluster.ts";
import { bad, type Finding, ok, reasonOf, warn } from "./finding.ts";

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

const reviewSchema = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

const each = (verbs: string, group: string, resource: string): Right[] =>
  verbs.split(" ").map((verb) => ({ verb, group, resource }));

/** Of the whole cluster. What it has in a user's namespace, it gives itself there. */
const NEEDED: readonly Right[] = [
  ...each("get list watch create patch delete", "", "namespaces"),
  ...each("get list patch", "", "persistentvolumes"),
  ...each("list watch", "", "persistentvolumeclaims"),
  ...each("get list watch", "apps", "statefulsets"),
  ...each("get list", "storage.k8s.io", "storageclasses"),
  ...each("get create patch", "rbac.authorization.k8s.io", "rolebindings"),
  {
    ...{ verb: "bind", group: "rbac.authorization.k8s.io", resource: "clusterroles" },
    name: "brain-manager-user",
  },
];

const OF_REGISTER = "get list watch create update patch delete";

/** With one of these, who has the manager has the cluster. */
const TOO_MUCH: readonly Right[] = [
  ...each("get list", "", "secrets"),
  ...each("create", "", "pods/exec"),
  ...each("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
];

export async function rightsFindings(
  cluster: Pick<Cluster, "create">,
  namespace: string,
): Promise<Finding[]> {
  const inRegister = each(OF_REGISTER, "", "configmaps").map((right) => ({ ...right, namespace }));
  try {
    const lacking = await filtered(cluster, [...NEEDED, ...inRegister], false);
    const excess = await filtered(cluster, TOO_MUCH, true);
    return [
      lacking.length === 0
        ? ok("rights", `all ${NEEDED.length + inRegister.length} that it needs`)
        : bad(
          "rights",
          `it may not ${lacking.map(worded).join(", ")}`,
          "apply k8s/base/rights.yaml, with this service account as its subject",
        ),
      ...(excess.length === 0 ? [] : [warn(
        "rights",
        `it may ${excess.map(worded).join(", ")} in the whole cluster`,
        "use an account with the roles of k8s/base/rights.yaml and no others",
      )]),
    ];
  } catch (error) {
    return [bad("rights", reasonOf(error), "see why the cluster refuses SelfSubjectAccessReview")];
  }
}

async function filtered(
  cluster: Pick<Cluster, "create">,
  rights: readonly Right[],
  isAllowed: boolean,
): Promise<Right[]> {
  const answers = await Promise.all(rights.map((right) => isGiven(cluster, right)));
  return rights.filter((_, i) => answers[i] === isAllowed);
}

async function isGiven(cluster: Pick<Cluster, "create">, right: Right): Promise<boolean> {
  const [resource, subresource] = right.resource.split("/");
  const { verb, group, namespace, name } = right;
  const asked = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    // The server keeps none of these, and refuses one that has a name.
    metadata: { name: "" },
    spec: { resourceAttributes: { verb, group, resource, subresource, namespace, name } },
  };
  return reviewSchema.parse(await cluster.create(asked)).status.allowed;
}

function worded({ verb, resource, namespace }: Right): string {
  return `${verb} ${resource}${namespace === undefined ? "" : ` in ${namespace}`}`;
}
