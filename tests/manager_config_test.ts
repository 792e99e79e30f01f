/** The manager's environments, and the configuration or exactly the problems they give. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { MANAGER_ENV } from "../.build/permissions.ts";
import { loadConfig, type ManagerConfig, type Needs } from "../src/manager/config.ts";
import { ConfigError } from "../src/config/environment.ts";

const CANARY = "canary7Qx";
type Environment = Readonly<Record<string, string>>;

const load = (env: Environment, needs?: Needs) => loadConfig((name) => env[name], needs);

/** None of them repeats a value. */
function problemsOf(env: Environment, needs?: Needs): readonly string[] {
  try {
    load(env, needs);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.ok(!`${error.message}${error.problems}`.includes(CANARY), error.message);
    return error.problems;
  }
}

const NO_DIGEST = "BRAIN_IMAGE names no digest: a restarted brain may be of another build";

const DEFAULTS: ManagerConfig = {
  host: "127.0.0.1",
  port: 8080,
  allowedHosts: [],
  logLevel: "info",
  requestsPerMinute: 600,
  keysFile: undefined,
  settings: {
    managerNamespace: "second-brain",
    image: "second-brain:0.1.0",
    qdrantImage: "qdrant/qdrant:v1.19.0-unprivileged",
    storageClass: undefined,
    snapshotClass: undefined,
    readWriteOncePod: false,
    hasServiceMonitors: false,
    ingressNamespace: "ingress-nginx",
    monitoringNamespace: "monitoring",
    domain: undefined,
    ingressClass: undefined,
    certificateIssuer: undefined,
    qdrant: undefined,
    hasEmbeddingKey: false,
    embeddingBaseUrl: undefined,
  },
  embeddingKeyFile: undefined,
  qdrantKeyFile: undefined,
  backups: undefined,
  cluster: undefined,
  warnings: [NO_DIGEST],
};

Deno.test("nothing set gives the defaults, and so does everything set to nothing", () => {
  assert.deepEqual(load({}), DEFAULTS);
  assert.deepEqual(load(Object.fromEntries(MANAGER_ENV.map((name) => [name, " "]))), DEFAULTS);
});

const ALL = {
  HOST: "0.0.0.0",
  PORT: "0",
  ALLOWED_HOSTS: "Manager.example.com, b",
  LOG_LEVEL: "debug",
  RATE_LIMIT_PER_MINUTE: "0",
  MANAGER_KEYS_FILE: "/k/keys.json",
  MANAGER_NAMESPACE: "brains",
  BRAIN_IMAGE: `r.example.com/b@sha256:${"0".repeat(64)}`,
  QDRANT_IMAGE: "q:1",
  STORAGE_CLASS: "fast",
  SNAPSHOT_CLASS: "snap",
  READ_WRITE_ONCE_POD: "true",
  SERVICE_MONITORS: "true",
  INGRESS_NAMESPACE: "in",
  MONITORING_NAMESPACE: "mon",
  BRAIN_DOMAIN: "brains.example.com",
  INGRESS_CLASS: "nginx",
  CERTIFICATE_ISSUER: "letsencrypt",
  SHARED_QDRANT_URL: "https://qdrant.example.com",
  SHARED_QDRANT_NAMESPACE: "qdrant",
  SHARED_QDRANT_KEY_FILE: "/k/qdrant",
  EMBEDDING_KEY_FILE: "/k/openai",
  EMBEDDING_BASE_URL: "https://example.com/v1",
  BACKUP_FOLDER: "/data/backups",
  BACKUP_KEYS_FILE: "/k/backup",
  KUBECONFIG: "/k/kubeconfig",
  KUBERNETES_SERVICE_HOST: "10.0.0.1",
  KUBERNETES_SERVICE_PORT: "6443",
};

Deno.test("every variable that the manager may read is one that it knows, and the reverse", () => {
  assert.deepEqual(Object.keys(ALL).toSorted(), [...MANAGER_ENV].toSorted());
  const asked: string[] = [];
  loadConfig((name) => void asked.push(name));
  assert.deepEqual(asked.toSorted(), [...MANAGER_ENV].toSorted());
});

Deno.test("every variable is in the README's table", async () => {
  const readme = await readFile(new URL("../k8s/README.md", import.meta.url), "utf8");
  const [, section = ""] = /## The manager's variables\n([^]*?)\n## /.exec(readme) ?? [];
  const named = section.split("\n").flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, name = ""]) => name)
  );
  assert.deepEqual(named.toSorted(), [...MANAGER_ENV].toSorted());
});

Deno.test("everything set gives what was set", () => {
  assert.deepEqual(load(ALL, { keys: true, cluster: true, backups: true }), {
    host: "0.0.0.0",
    port: 0,
    allowedHosts: ["manager.example.com", "b"],
    logLevel: "debug",
    requestsPerMinute: 0,
    keysFile: "/k/keys.json",
    settings: {
      managerNamespace: "brains",
      image: ALL.BRAIN_IMAGE,
      qdrantImage: "q:1",
      storageClass: "fast",
      snapshotClass: "snap",
      readWriteOncePod: true,
      hasServiceMonitors: true,
      ingressNamespace: "in",
      monitoringNamespace: "mon",
      domain: "brains.example.com",
      ingressClass: "nginx",
      certificateIssuer: "letsencrypt",
      qdrant: { url: "https://qdrant.example.com", namespace: "qdrant" },
      hasEmbeddingKey: true,
      embeddingBaseUrl: "https://example.com/v1",
    },
    embeddingKeyFile: "/k/openai",
    qdrantKeyFile: "/k/qdrant",
    backups: { folder: "/data/backups", keysFile: "/k/backup" },
    cluster: { by: "kubeconfig", file: "/k/kubeconfig" },
    warnings: [],
  });
});

Deno.test("in a pod the cluster is the one around it, unless a file names another", () => {
  const { KUBECONFIG: _, ...inPod } = ALL;
  assert.deepEqual(load(inPod).cluster, { by: "service_account", host: "10.0.0.1", port: 6443 });
});

Deno.test("what a command needs is asked for all at once, and only what it needs", () => {
  assert.deepEqual(problemsOf({}, { keys: true, cluster: true, backups: true }), [
    "MANAGER_KEYS_FILE is not set; without keys nobody could ask this service anything",
    "there is no cluster: set KUBECONFIG to a file, or run in a pod with a service account",
    "BACKUP_FOLDER and BACKUP_KEYS_FILE are not set; without backups no user is taken on",
  ]);
  assert.deepEqual(problemsOf({ KUBECONFIG: "/k" }, { cluster: true }), []);
});

Deno.test("one of two that belong together is a problem", () => {
  assert.deepEqual(problemsOf({ BACKUP_FOLDER: "/b", SHARED_QDRANT_NAMESPACE: "q" }), [
    "BACKUP_FOLDER is set without BACKUP_KEYS_FILE; set both, or neither",
    "SHARED_QDRANT_NAMESPACE is set without SHARED_QDRANT_URL; set both, or neither",
  ]);
});

const BAD: Readonly<Record<string, string>> = {
  HOST: `a ${CANARY}`,
  PORT: "65536",
  ALLOWED_HOSTS: `a b${CANARY}`,
  LOG_LEVEL: CANARY,
  RATE_LIMIT_PER_MINUTE: "-1",
  MANAGER_NAMESPACE: CANARY,
  BRAIN_IMAGE: `-${CANARY}`,
  QDRANT_IMAGE: `a b${CANARY}`,
  STORAGE_CLASS: `${CANARY}/x`,
  SNAPSHOT_CLASS: "A",
  READ_WRITE_ONCE_POD: "yes",
  SERVICE_MONITORS: "1",
  INGRESS_NAMESPACE: "a.b",
  MONITORING_NAMESPACE: "-a",
  BRAIN_DOMAIN: "a..b",
  INGRESS_CLASS: "A",
  CERTIFICATE_ISSUER: "a/b",
  SHARED_QDRANT_URL: `http://${CANARY}.example.com`,
  SHARED_QDRANT_NAMESPACE: "A",
  EMBEDDING_BASE_URL: `https://u:${CANARY}@example.com`,
  KUBERNETES_SERVICE_HOST: "a b",
  KUBERNETES_SERVICE_PORT: "0",
};

Deno.test("all that is wrong is said at once, by name, and no value is repeated", () => {
  const problems = problemsOf(BAD);
  const named = problems.map((problem) => problem.split(" ")[0]);
  assert.deepEqual(named.toSorted(), Object.keys(BAD).toSorted());
  for (const problem of problems) assert.match(problem, /^[A-Z_]+ must be \S/);
});
