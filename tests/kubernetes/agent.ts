/**
 * What a cluster has beside its API server and controllers, for end-to-end tests without one: a
 * storage driver whose volumes are folders, and a kubelet whose containers are real processes of
 * this program. It looks at the whole cluster again and again, and does what is due:
 *
 * - a claim of its class gets a volume, grows, and goes as its reclaim policy says (`volumes.ts`);
 * - a Pod whose claim is bound is started over the volume's folder with the Pod's environment, its
 *   Secrets and ConfigMaps as files that follow changes; probed for real; ended with its grace period (`pod.ts`).
 *
 * Start the API server with `controllers: true`: the rest (StatefulSets, binding, quotas, ends of
 * namespaces) is kube-controller-manager's. Memory and processor limits are not enforced, Services
 * and network policies not there, and of a Pod's containers only the first is run.
 */
import { ApiClient, ApiError } from "./api_client.ts";
import type { ApiServer } from "./api_server.ts";
import {
  type Claim,
  claimSchema,
  type Cluster,
  type Pod,
  podSchema,
  sourceSchema,
  volumeSchema,
} from "./objects.ts";
import { deletePod, pathOf, RunningPod } from "./pod.ts";
import { Volumes } from "./volumes.ts";

/** The class of its volumes, and the cluster's default; they can grow. */
export const STORAGE_CLASS = "brain-test";

export interface AgentOptions {
  readonly server: ApiServer;
  /** Replaces what a Pod's own environment says, in every brain that it starts. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Agent extends AsyncDisposable {
  /** Where the brain of that namespace listens, `http://127.0.0.1:PORT`; undefined while none is ready. */
  readonly addressOf: (namespace: string) => string | undefined;
  /** The folders that are there, by the name of their PersistentVolume. */
  readonly volumes: () => Promise<readonly string[]>;
  /** The end of what the brains of that namespace said, for a message. */
  readonly logOf: (namespace: string) => string;
  /** Kills the brain as the kernel does that runs out of memory; it is started again. */
  readonly crash: (namespace: string) => void;
  /** What must never be: two pods on one volume. Empty where all is well. */
  readonly violations: readonly string[];
  /** What the agent itself could not do; empty where all is well. */
  readonly errors: readonly string[];
  /** Ends every brain, and removes every folder. */
  readonly close: () => Promise<void>;
}

export async function startAgent({ server, env = {} }: AgentOptions): Promise<Agent> {
  const agent = new TestAgent(server, env);
  try {
    await agent.begin();
  } catch (error) {
    await agent.close();
    throw error;
  }
  return agent;
}

/** Between two looks at the whole cluster. */
const PAUSE_MS = 100;
const MOST_ERRORS = 20;
const NODE = "agent";

class TestAgent implements Agent {
  readonly violations: string[] = [];
  readonly errors: string[] = [];
  readonly #api: ApiClient;
  readonly #folder = Deno.makeTempDirSync({ prefix: "second-brain-agent-" });
  readonly #volumes: Volumes;
  readonly #env: Readonly<Record<string, string>>;
  /** By the Pod's uid. */
  readonly #running = new Map<string, RunningPod>();
  #isOver = false;
  #loop: Promise<void> | undefined;

  constructor(server: ApiServer, env: Readonly<Record<string, string>>) {
    this.#api = new ApiClient(server);
    this.#volumes = new Volumes(this.#api, this.#folder, STORAGE_CLASS);
    this.#env = env;
  }

  async begin(): Promise<void> {
    await this.#volumes.addClass();
    this.#loop = this.#watch();
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#pass();
      } catch (error) {
        this.#note(error);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #note(error: unknown): void {
    // The API server may be away for a while, or just be starting: that is part of some tests.
    const isAway = error instanceof TypeError || (error instanceof ApiError && error.status >= 500);
    if (isAway || this.errors.length >= MOST_ERRORS) return;
    this.errors.push(error instanceof Error ? error.message : `${error}`);
  }

  async #pass(): Promise<void> {
    const [pods, claims, volumes, secrets, configMaps] = await Promise.all([
      this.#api.list("/api/v1/pods", podSchema),
      this.#api.list("/api/v1/persistentvolumeclaims", claimSchema),
      this.#api.list("/api/v1/persistentvolumes", volumeSchema),
      this.#api.list("/api/v1/secrets", sourceSchema),
      this.#api.list("/api/v1/configmaps", sourceSchema),
    ]);
    const cluster = { pods, claims, volumes, secrets, configMaps };
    const uids = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const [uid, running] of this.#running) {
      if (uids.has(uid)) continue;
      await running.kill();
      this.#running.delete(uid);
    }
    await this.#volumes.pass(cluster);
    await Promise.all(pods.map((pod) => this.#passPod(pod, cluster)));
  }

  async #passPod(pod: Pod, cluster: Cluster): Promise<void> {
    const { uid, deletionTimestamp } = pod.metadata;
    const running = this.#running.get(uid);
    if (running) return await running.pass(pod, cluster);
    if (deletionTimestamp) return await deletePod(this.#api, pod);
    const volume = volumeOf(pod, cluster.claims);
    if (volume !== undefined) await this.#start(pod, volume);
  }

  async #start(pod: Pod, volume: string): Promise<void> {
    const path = pathOf(pod);
    const isTaken = [...this.#running.values()].some((other) => other.volume === volume);
    if (isTaken) {
      const violation = `${path}: another pod is on ${volume}`;
      if (!this.violations.includes(violation)) this.violations.push(violation);
      return;
    }
    this.#running.set(
      pod.metadata.uid,
      new RunningPod({
        api: this.#api,
        pod,
        volume,
        folder: this.#volumes.folderOf(volume),
        env: this.#env,
        note: (error) => this.#note(error),
      }),
    );
    if (pod.spec.nodeName !== undefined) return;
    await this.#api.want([201, 404, 409], "POST", `${path}/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: pod.metadata.name },
      target: { apiVersion: "v1", kind: "Node", name: NODE },
    });
  }

  #inNamespace(namespace: string): RunningPod[] {
    return [...this.#running.values()].filter((running) => running.namespace === namespace);
  }

  addressOf(namespace: string): string | undefined {
    return this.#inNamespace(namespace).find(({ address }) => address !== undefined)?.address;
  }

  async volumes(): Promise<readonly string[]> {
    return await this.#volumes.names();
  }

  logOf(namespace: string): string {
    return this.#inNamespace(namespace).map(({ log }) => log).join("\n");
  }

  crash(namespace: string): void {
    for (const running of this.#inNamespace(namespace)) running.crash();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#loop;
    await Promise.all([...this.#running.values()].map((running) => running.kill()));
    this.#api[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The volume of its first container; undefined while not all of its claims are bound. */
function volumeOf({ metadata, spec }: Pod, claims: readonly Claim[]): string | undefined {
  const [{ volumeMounts }] = spec.containers;
  let first: string | undefined;
  for (const { name, persistentVolumeClaim } of spec.volumes) {
    if (!persistentVolumeClaim) continue;
    const claim = claims.find((one) =>
      one.metadata.name === persistentVolumeClaim.claimName &&
      one.metadata.namespace === metadata.namespace
    );
    if (claim?.status.phase !== "Bound") return undefined;
    if (volumeMounts.some((mount) => mount.name === name)) first ??= claim.spec.volumeName;
  }
  return first;
}
