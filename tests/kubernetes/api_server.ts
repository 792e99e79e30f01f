/**
 * A real kube-apiserver over a real etcd, on loopback only, with nothing in it: what
 * `tests/kubernetes/build.sh` has built. With `controllers`, a real kube-controller-manager runs
 * beside it, so that namespaces end, quotas count and StatefulSets make Pods; there is no kubelet,
 * no scheduler and no storage driver (`agent.ts` stands in for those).
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { eventually } from "../e2e/conditions.ts";
import { freePorts } from "./free_ports.ts";
import { ServerProcess } from "./server_process.ts";

export const VERSION = "1.20.2";

const ONLY_WARNINGS = ["--logtostderr=false", "--log-file=/dev/null", "--stderrthreshold=WARNING"];

/** What the manager's objects need of them. */
const CONTROLLERS = [
  "namespace",
  "serviceaccount",
  "resourcequota",
  "garbagecollector",
  "statefulset",
  "disruption",
  "persistentvolume-binder",
  "pvc-protection",
  "pv-protection",
] as const;

const FOLDER = `${cacheFolder()}/kubernetes-${VERSION}`;
const BINARIES = ["kube-apiserver", "kube-controller-manager", "etcd"] as const;

export const hasApiServer = BINARIES.every((name) => existsSync(`${FOLDER}/${name}`));

/** For the names of tests that are skipped; empty where there is one. */
export const whyNoApiServer = hasApiServer
  ? ""
  : " (skipped: no kube-apiserver; tests/kubernetes/build.sh builds it)";

/** The same folder as in `build.sh`. */
function cacheFolder(): string {
  const [own, cache, home] = ["SECOND_BRAIN_TEST_CACHE", "XDG_CACHE_HOME", "HOME"]
    .map((name) => Deno.env.get(name));
  if (own) return own;
  if (cache) return `${cache}/second-brain-tests`;
  if (home) return `${home}/.cache/second-brain-tests`;
  return fileURLToPath(new URL("../../.tools/second-brain-tests", import.meta.url));
}

/** Whoever holds the token is this user. */
export interface TestUser {
  readonly token: string;
  /** `system:serviceaccount:NAMESPACE:NAME` stands in for a service account. */
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface ApiServerOptions {
  /** Beside the administrator; those have no rights until a role is bound to them. */
  readonly users?: readonly TestUser[];
  /** Runs kube-controller-manager too. */
  readonly controllers?: boolean;
}

export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  /** PEM, for `Deno.createHttpClient({ caCerts: [caCert] })`. */
  readonly caCert: string;
  /** The administrator's. */
  readonly token: string;
  /** etcd's own address, to compact it or to look into it. */
  readonly etcdUrl: string;
  /** By the system's own count, of all its processes. */
  readonly residentMib: () => number;
  /** The end of what its processes said. */
  readonly log: () => string;
  /** Ends the API server, and starts it again on the same port over what etcd kept. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Undefined where it was not built; `whyNoApiServer` says so. */
export async function startApiServer(
  options: ApiServerOptions = {},
): Promise<ApiServer | undefined> {
  if (!hasApiServer) return undefined;
  for (let attempt = 1;; attempt++) {
    const server = new RunningApiServer(options);
    try {
      await server.start();
      return server;
    } catch (error) {
      const isTaken = server.log().includes("address already in use");
      await server.close();
      if (!isTaken || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

/** Somebody else may have taken a port that was free just before. */
const MOST_ATTEMPTS = 3;

/** In memory where that can be: etcd waits for the disk at every write. */
const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : undefined;

class RunningApiServer implements ApiServer {
  readonly token = randomBytes(16).toString("hex");
  readonly url: string;
  readonly etcdUrl: string;
  caCert = "";
  readonly #options: ApiServerOptions;
  readonly #folder: string;
  readonly #port: number;
  #etcd: ServerProcess | undefined;
  #apiServer: ServerProcess | undefined;
  #controllers: ServerProcess | undefined;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const [port = 0, etcdPort = 0] = freePorts(2);
    this.#port = port;
    this.url = `https://127.0.0.1:${port}`;
    this.etcdUrl = `http://127.0.0.1:${etcdPort}`;
    this.#folder = Deno.makeTempDirSync({
      prefix: "second-brain-kubernetes-",
      ...(SCRATCH === undefined ? {} : { dir: SCRATCH }),
    });
    this.#writeFiles();
  }

  #writeFiles(): void {
    const admin = { token: this.token, user: "admin", groups: ["system:masters"] };
    const lines = [admin, ...this.#options.users ?? []].map(({ token, user, groups = [] }) =>
      `${token},${user},${user},"${groups.join(",")}"`
    );
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#write("tokens.csv", lines.join("\n"));
    this.#write("service-account.key", `${privateKey.export({ type: "sec1", format: "pem" })}`);
  }

  #write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.#folder}/${name}`, text, { mode: 0o600 });
  }

  async start(): Promise<void> {
    this.#etcd = this.#run("etcd", [
      `--data-dir=${this.#folder}/etcd`,
      `--listen-client-urls=${this.etcdUrl}`,
      `--advertise-client-urls=${this.etcdUrl}`,
      // A socket in its folder: nobody else is to join.
      "--listen-peer-urls=unix://peers:0",
      "--unsafe-no-fsync",
      "--logger=zap",
      "--log-level=error",
    ]);
    await this.#until("etcd is healthy", this.#etcd, (signal) => {
      return fetch(`${this.etcdUrl}/health`, { signal });
    });
    await this.#startApiServer();
    if (this.#options.controllers) this.#startControllers();
  }

  async #startApiServer(): Promise<void> {
    const folder = this.#folder;
    const server = this.#apiServer = this.#run("kube-apiserver", [
      `--etcd-servers=${this.etcdUrl}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${this.#port}`,
      // It makes its own certificate authority there.
      `--cert-dir=${folder}/certificates`,
      `--token-auth-file=${folder}/tokens.csv`,
      "--anonymous-auth=false",
      "--authorization-mode=RBAC",
      `--service-account-key-file=${folder}/service-account.key`,
      `--service-account-signing-key-file=${folder}/service-account.key`,
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
      "--enable-priority-and-fairness=false",
      "--profiling=false",
      ...ONLY_WARNINGS,
      // It takes its finalizer off claims and volumes only with the controllers.
      ...this.#options.controllers
        ? []
        : ["--disable-admission-plugins=StorageObjectInUseProtection"],
    ]);
    const certificates = `${folder}/certificates/apiserver.crt`;
    await eventually(30_000, "its certificates", () => {
      if (server.isOver) throw new Error(`It ended: ${server.log}`);
      return existsSync(certificates) || undefined;
    });
    const headers = { Authorization: `Bearer ${this.token}` };
    this.caCert = await Deno.readTextFile(certificates);
    using client = Deno.createHttpClient({ caCerts: [this.caCert] });
    await this.#until("the API server is ready", server, (signal) => {
      return fetch(`${this.url}/readyz`, { client, headers, signal });
    });
  }

  #startControllers(): void {
    this.#write("kubeconfig", JSON.stringify(this.#kubeconfig()));
    this.#controllers = this.#run("kube-controller-manager", [
      `--kubeconfig=${this.#folder}/kubeconfig`,
      `--controllers=${CONTROLLERS}`,
      `--service-account-private-key-file=${this.#folder}/service-account.key`,
      "--leader-elect=false",
      "--port=0",
      "--secure-port=0",
      ...ONLY_WARNINGS,
      "--pvclaimbinder-sync-period=1s",
      "--kube-api-qps=500",
      "--kube-api-burst=1000",
    ]);
  }

  #kubeconfig(): unknown {
    const authority = btoa(this.caCert);
    return {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{
        name: "test",
        cluster: { server: this.url, "certificate-authority-data": authority },
      }],
      users: [{ name: "admin", user: { token: this.token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
      "current-context": "test",
    };
  }

  #run(name: (typeof BINARIES)[number], args: readonly string[]): ServerProcess {
    // Debian's etcd runs on few architectures unasked.
    const env = Deno.build.arch === "aarch64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {};
    return new ServerProcess({ path: `${FOLDER}/${name}`, args, folder: this.#folder, env });
  }

  async #until(
    what: string,
    server: ServerProcess,
    ask: (signal: AbortSignal) => Promise<Response>,
  ): Promise<void> {
    try {
      await eventually(60_000, what, async () => {
        if (server.isOver) throw new Error("It ended");
        return await isOk(ask) || undefined;
      });
    } catch (error) {
      throw new Error(`Cannot start a test cluster: ${this.log()}`, { cause: error });
    }
  }

  get #processes(): ServerProcess[] {
    return [this.#controllers, this.#apiServer, this.#etcd].filter((one) => one !== undefined);
  }

  residentMib(): number {
    return this.#processes.map(({ pid }) => {
      const status = Deno.readTextFileSync(`/proc/${pid}/status`);
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
    }).reduce((sum, mib) => sum + mib, 0);
  }

  log(): string {
    return this.#processes.map(({ log }) => log).join("\n");
  }

  async restart(): Promise<void> {
    await this.#apiServer?.end();
    await this.#startApiServer();
  }

  async close(): Promise<void> {
    // Each is gone before what it needs: none of them then waits for the other.
    for (const server of this.#processes) await server.end();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function isOk(ask: (signal: AbortSignal) => Promise<Response>): Promise<boolean> {
  try {
    const response = await ask(AbortSignal.timeout(5_000));
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}
