/**
 * The test cluster itself: a Pod is a brain that answers, a volume keeps what it wrote, and what the
 * end-to-end tests of the manager rely on is so.
 */
import assert from "node:assert/strict";
import { eventually } from "../e2e/conditions.ts";
import { type Agent, startAgent, STORAGE_CLASS } from "./agent.ts";
import { ApiClient, at, MERGE } from "./api_client.ts";
import { hasApiServer, startApiServer, whyNoApiServer } from "./api_server.ts";

const KEYS = ["agent-4b1f9c0d2e7a", "agent-9d3c5e8f1a6b"] as const;
const CLAIM = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

/** One namespace with a brain in it, as plain as it can be. */
class Home {
  readonly #api: ApiClient;
  readonly #agent: Agent;
  readonly namespace: string;

  constructor(api: ApiClient, agent: Agent, namespace: string) {
    this.#api = api;
    this.#agent = agent;
    this.namespace = namespace;
  }

  path(rest: string): string {
    return `/api/v1/namespaces/${this.namespace}${rest}`;
  }

  get set(): string {
    return `/apis/apps/v1/namespaces/${this.namespace}/statefulsets/brain`;
  }

  async apply(path: string, kind: string, body: object, metadata: object = {}): Promise<void> {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const apiVersion = path.startsWith("/apis/apps") ? "apps/v1" : "v1";
    const object = { apiVersion, kind, metadata: { name, ...metadata }, ...body };
    const { status, body: reply } = await this.#api.apply(path, object);
    assert.ok(status === 200 || status === 201, JSON.stringify(reply));
  }

  async signUp(claim: object = {}): Promise<void> {
    await this.apply(this.path(""), "Namespace", {});
    await this.apply(this.path("/serviceaccounts/brain"), "ServiceAccount", {});
    await this.apply(this.path("/configmaps/limits"), "ConfigMap", { data: { limits: "{}" } });
    await this.writeKey(KEYS[0]);
    const keep = { finalizers: ["second-brain.test/keep"] };
    const spec = { ...CLAIM, ...claim };
    await this.apply(
      this.path("/persistentvolumeclaims/data-1"),
      "PersistentVolumeClaim",
      { spec },
      keep,
    );
    await this.scale(1);
  }

  async writeKey(key: string): Promise<void> {
    await this.apply(this.path("/secrets/key"), "Secret", { data: { current: btoa(key) } });
  }

  async scale(replicas: number): Promise<void> {
    const spec = {
      serviceAccountName: "brain",
      automountServiceAccountToken: false,
      containers: [{
        name: "brain",
        image: "brain:test",
        env: [
          { name: "PORT", value: "8080" },
          { name: "MEMORY_PERSIST_PATH", value: "/data/memories.json" },
          { name: "CONTAINER_API_KEY_FILE", value: "/run/secrets/brain/current" },
        ],
        volumeMounts: [
          { name: "data", mountPath: "/data" },
          { name: "key", mountPath: "/run/secrets/brain" },
        ],
      }],
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: "data-1" } },
        {
          name: "key",
          projected: {
            sources: [
              { secret: { name: "key", items: [{ key: "current", path: "current" }] } },
              { configMap: { name: "limits" } },
            ],
          },
        },
      ],
    };
    const labels = { app: "brain" };
    await this.apply(this.set, "StatefulSet", {
      spec: {
        serviceName: "brain",
        replicas,
        updateStrategy: { type: "OnDelete" },
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec },
      },
    });
  }

  async ready(replicas: number): Promise<void> {
    await eventually(
      30_000,
      `${replicas} ready: ${this.#agent.logOf(this.namespace)}`,
      async () => {
        const { status } = (await this.#api.ask("GET", this.set)).body;
        const isSo = (at(status, "readyReplicas") ?? 0) === replicas &&
          (at(status, "replicas") ?? 0) === replicas;
        return isSo || undefined;
      },
    );
  }

  async ask(method: string, path: string, key: string, body?: object): Promise<[number, unknown]> {
    const address = await eventually(30_000, "an address", () => {
      return this.#agent.addressOf(this.namespace);
    });
    const response = await fetch(`${address}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return [response.status, text === "" ? undefined : JSON.parse(text)];
  }
}

Deno.test({
  name: `a Pod is a brain, and what its volume holds outlives pod and namespace${whyNoApiServer}`,
  ignore: !hasApiServer,
  async fn() {
    await using server = await startApiServer({ controllers: true });
    assert.ok(server);
    using api = new ApiClient(server);
    await using agent = await startAgent({ server });
    const home = new Home(api, agent, "user-a");
    await home.signUp();
    await home.ready(1);
    const [created, memory] = await home.ask("POST", "/memories", KEYS[0], { content: "kept" });
    assert.equal(created, 201);
    const kept = async (key: string) => {
      const [status, found] = await home.ask("GET", `/memories/${at(memory, "id")}`, key);
      assert.deepEqual([status, at(found, "content")], [200, "kept"]);
    };

    const claim = await api.want([200], "GET", home.path("/persistentvolumeclaims/data-1"));
    const volume = `${at(claim, "spec.volumeName")}`;
    const policy = (spec: object) =>
      api.want([200], "PATCH", `/api/v1/persistentvolumes/${volume}`, { spec }, MERGE);
    assert.deepEqual(await agent.volumes(), [volume]);
    await grow(api, home);

    await rotate(home);
    await crash(api, agent, home);
    await kept(KEYS[1]);

    await home.scale(0);
    await home.ready(0);
    assert.equal(agent.addressOf("user-a"), undefined);
    await policy({ persistentVolumeReclaimPolicy: "Retain" });
    await forget(api, home);
    assert.deepEqual(await agent.volumes(), [volume]);

    // Not Delete as well: a Released volume of that policy is thrown away, whatever it was for.
    await policy({ claimRef: null });
    await home.signUp({ volumeName: volume, storageClassName: STORAGE_CLASS });
    await home.ready(1);
    await kept(KEYS[0]);
    await policy({ persistentVolumeReclaimPolicy: "Delete" });

    await forget(api, home);
    await eventually(10_000, "the volume is gone", async () => {
      return (await agent.volumes()).length === 0 || undefined;
    });
    assert.deepEqual([agent.violations, agent.errors], [[], []]);
  },
});

async function grow(api: ApiClient, home: Home): Promise<void> {
  const path = home.path("/persistentvolumeclaims/data-1");
  const resources = { requests: { storage: "2Gi" } };
  await api.want([200], "PATCH", path, { spec: { resources } }, MERGE);
  await eventually(10_000, "2Gi", async () => {
    const { body } = await api.ask("GET", path);
    return at(body, "status.capacity.storage") === "2Gi" || undefined;
  });
}

async function rotate(home: Home): Promise<void> {
  await home.writeKey(KEYS[1]);
  await eventually(20_000, "the other key", async () => {
    return (await home.ask("GET", "/stats", KEYS[1]))[0] === 200 || undefined;
  });
}

async function crash(api: ApiClient, agent: Agent, home: Home): Promise<void> {
  agent.crash(home.namespace);
  await eventually(20_000, "it runs again", async () => {
    const { body } = await api.ask("GET", home.path("/pods/brain-0"));
    const [restarts, isReady] = ["restartCount", "ready"]
      .map((name) => at(body, `status.containerStatuses.0.${name}`));
    return restarts === 1 && isReady === true || undefined;
  });
}

/** `kubectl delete namespace`, and the finalizer that held the claim taken off. */
async function forget(api: ApiClient, home: Home): Promise<void> {
  await api.want([200], "DELETE", home.path(""));
  await eventually(30_000, "the claim is about to go", async () => {
    const { body } = await api.ask("GET", home.path("/persistentvolumeclaims/data-1"));
    return at(body, "metadata.deletionTimestamp");
  });
  await api.want([200], "PATCH", home.path("/persistentvolumeclaims/data-1"), {
    metadata: { finalizers: null },
  }, MERGE);
  await eventually(60_000, "the namespace is gone", async () => {
    return (await api.ask("GET", home.path(""))).status === 404 || undefined;
  });
}
