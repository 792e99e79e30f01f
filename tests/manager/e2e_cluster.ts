/**
 * A cluster for the end-to-end test: a real API server with its controllers, an agent whose pods are
 * real brains, Services, and the manager with exactly the rights of `k8s/base/rights.yaml`.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubernetesObject, objectsOf } from "../k8s_documents.ts";
import { type Agent, startAgent } from "../kubernetes/agent.ts";
import { ApiClient } from "../kubernetes/api_client.ts";
import { startApiServer } from "../kubernetes/api_server.ts";
import { RealManager } from "./e2e_manager.ts";
import { type Services, startServices } from "./e2e_services.ts";

const NAMESPACE = "second-brain";
const USER = `system:serviceaccount:${NAMESPACE}:brain-manager`;
const CLUSTER_WIDE = ["Namespace", "ClusterRole", "ClusterRoleBinding"];

export interface TestCluster {
  readonly api: ApiClient;
  /** As the manager: what it may not, it may not here. */
  readonly managersApi: ApiClient;
  readonly agent: Agent;
  readonly services: Services;
  readonly manager: RealManager;
}

/** The folder in which all of an object's kind and namespace are, as the API server names it. */
export function placeOf({ apiVersion, kind, namespace }: {
  readonly apiVersion: unknown;
  readonly kind: string;
  readonly namespace?: string | undefined;
}): string {
  const group = `${apiVersion}`.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = `${kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se")}s`;
  return `${group}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}`;
}

export async function withCluster(test: (cluster: TestCluster) => Promise<void>): Promise<void> {
  const token = randomBytes(16).toString("hex");
  const users = [{ token, user: USER, groups: ["system:serviceaccounts"] }];
  await using server = await startApiServer({ controllers: true, users });
  assert.ok(server);
  using api = new ApiClient(server);
  using managersApi = new ApiClient(server, token);
  await install(api);
  await using agent = await startAgent({ server });
  await using services = await startServices(agent);
  const folder = await mkdtemp(join(tmpdir(), "second-brain-manager-"));
  try {
    const options = { folder, server, token, proxy: services.url };
    await using manager = await RealManager.start(options);
    await test({ api, managersApi, agent, services, manager });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** As `kubectl apply -k` does, but for the service's own pod and what 1.20 does not know. */
async function install(api: ApiClient): Promise<void> {
  for (const file of ["namespace.yaml", "rights.yaml"]) {
    for (const object of await objectsOf(`base/${file}`)) await apply(api, object);
  }
}

async function apply(api: ApiClient, object: KubernetesObject): Promise<void> {
  const { apiVersion, kind, metadata } = object;
  const namespace = CLUSTER_WIDE.includes(kind) ? undefined : NAMESPACE;
  const path = `${placeOf({ apiVersion, kind, namespace })}/${metadata.name}`;
  const { status, body } = await api.apply(path, object, "fieldManager=kubectl");
  assert.ok(status === 200 || status === 201, JSON.stringify(body));
}
