/**
 * A Pod as a kubelet runs it, with a process of this program for its first container. The volume's
 * folder holds `data`, which is the volume, and `mounts`, which is the rest that the Pod mounts: all
 * in one place, since the program may read nothing outside of its data folder. Paths in the
 * environment and in arguments are written for those folders; port and address are any on loopback.
 */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { programArguments } from "../../.build/permissions.ts";
import { type ApiClient, MERGE } from "./api_client.ts";
import type { Pod, Secret } from "./objects.ts";
import { ServerProcess } from "./server_process.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const PROBE_MS = 1_000;

export interface RunningPodOptions {
  readonly api: ApiClient;
  readonly pod: Pod;
  readonly volume: string;
  readonly folder: string;
  /** Replaces what the Pod says. */
  readonly env: Readonly<Record<string, string>>;
  /** Hears why it could not be taken off the API server; that is tried again. */
  readonly note: (error: unknown) => void;
}

export class RunningPod {
  readonly volume: string;
  readonly namespace: string;
  readonly #api: ApiClient;
  readonly #pod: Pod;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #note: (error: unknown) => void;
  readonly #written = new Map<string, string>();
  #process: ServerProcess | undefined;
  #port: string | undefined;
  #restarts = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #startAgainAt = 0;
  #reported = "";
  #isReady = false;
  #end: Promise<void> | undefined;

  constructor({ api, pod, volume, folder, env, note }: RunningPodOptions) {
    this.volume = volume;
    this.namespace = pod.metadata.namespace;
    this.#api = api;
    this.#pod = pod;
    this.#folder = folder;
    this.#env = env;
    this.#note = note;
  }

  /** Where it listens, while it is ready. */
  get address(): string | undefined {
    return this.#isReady ? this.#listensAt() : undefined;
  }

  get log(): string {
    return this.#process?.log ?? "";
  }

  /** What is due now: its files, its process, its status; or its end, which takes its own time. */
  async pass(pod: Pod, secrets: readonly Secret[]): Promise<void> {
    if (this.#end) return;
    if (pod.metadata.deletionTimestamp) {
      this.#end = this.#endGracefully(pod.metadata.deletionGracePeriodSeconds ?? 30);
      return;
    }
    if (!await this.#mount(secrets)) return;
    if (this.#process?.isOver) this.#noteEnd();
    if (!this.#process && performance.now() >= this.#startAgainAt) this.#start(secrets);
    this.#isReady = await this.#probe();
    await this.#report();
  }

  crash(): void {
    this.#process?.kill("SIGKILL");
  }

  /** Without any grace: its Pod was deleted by force, or the test is over. */
  async kill(): Promise<void> {
    this.#isReady = false;
    await this.#process?.end();
    await this.#end;
  }

  async #endGracefully(graceS: number): Promise<void> {
    this.#isReady = false;
    this.#process?.kill("SIGTERM");
    const timer = setTimeout(() => this.#process?.kill("SIGKILL"), graceS * 1000);
    await this.#process?.ended;
    clearTimeout(timer);
    try {
      await deletePod(this.#api, this.#pod);
    } catch (error) {
      this.#note(error);
      this.#end = undefined;
    }
  }

  #noteEnd(): void {
    this.#process = undefined;
    this.#port = undefined;
    this.#restarts++;
    this.#startAgainAt = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** Writes what has changed of its Secrets; false while one that it needs is not there. */
  async #mount(secrets: readonly Secret[]): Promise<boolean> {
    // What another pod on this volume has left.
    if (this.#written.size === 0) {
      await rm(`${this.#folder}/mounts`, { recursive: true, force: true });
    }
    for (const { name, secret } of this.#pod.spec.volumes) {
      if (!secret) continue;
      const found = secrets.find(({ metadata }) => metadata.name === secret.secretName);
      if (!found) return false;
      const items = secret.items ?? Object.keys(found.data).map((key) => ({ key, path: key }));
      for (const { key, path } of items) {
        const value = found.data[key];
        if (value === undefined) return false;
        await this.#write(`${this.#folder}/mounts/${name}/${path}`, value);
      }
    }
    return true;
  }

  async #write(path: string, base64: string): Promise<void> {
    if (this.#written.get(path) === base64) return;
    await mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await writeFile(`${path}.new`, Uint8Array.fromBase64(base64), { mode: 0o600 });
    await rename(`${path}.new`, path);
    this.#written.set(path, base64);
  }

  #start(secrets: readonly Secret[]): void {
    const [{ args }] = this.#pod.spec.containers;
    Deno.mkdirSync(`${this.#folder}/data`, { recursive: true });
    this.#process = new ServerProcess({
      path: Deno.execPath(),
      args: [...programArguments(this.#folder), ...args.map((arg) => this.#translated(arg))],
      folder: this.#folder,
      env: { ...runtimeEnvironment(), ...this.#environment(secrets) },
    });
  }

  #environment(secrets: readonly Secret[]): Record<string, string> {
    const [{ env }] = this.#pod.spec.containers;
    const own = env.map(({ name, value, valueFrom }) => {
      const ref = valueFrom?.secretKeyRef;
      const data = secrets.find(({ metadata }) => metadata.name === ref?.name)?.data;
      const said = ref ? atob(data?.[ref.key] ?? "") : value;
      return [name, this.#translated(said)];
    });
    const memories = `${this.#folder}/data/memories.json`;
    return {
      MEMORY_PERSIST_PATH: memories,
      ...Object.fromEntries(own),
      PORT: "0",
      HOST: "127.0.0.1",
      ...this.#env,
    };
  }

  /** A path within one of its mounts, as it is on this machine; anything else as it is. */
  #translated(text: string): string {
    const [{ volumeMounts }] = this.#pod.spec.containers;
    const mounts = volumeMounts.toSorted((a, b) => b.mountPath.length - a.mountPath.length);
    for (const { name, mountPath, subPath } of mounts) {
      if (text !== mountPath && !text.startsWith(`${mountPath}/`)) continue;
      const volume = this.#pod.spec.volumes.find((one) => one.name === name);
      const place = volume?.persistentVolumeClaim ? "data" : `mounts/${name}`;
      const below = subPath ? `/${subPath}` : "";
      return `${this.#folder}/${place}${below}${text.slice(mountPath.length)}`;
    }
    return text;
  }

  #listensAt(): string | undefined {
    const port = /"event":"listening"[^\n]*"port":(\d+)/.exec(this.log)?.[1] ?? this.#port;
    this.#port = port;
    return port === undefined ? undefined : `http://127.0.0.1:${port}`;
  }

  async #probe(): Promise<boolean> {
    const [{ readinessProbe }] = this.#pod.spec.containers;
    const address = this.#listensAt();
    if (address === undefined || this.#process?.isOver !== false) return false;
    const path = readinessProbe?.httpGet?.path ?? "/health/ready";
    try {
      const response = await fetch(`${address}${path}`, { signal: AbortSignal.timeout(PROBE_MS) });
      await response.body?.cancel();
      return response.ok;
    } catch {
      // It is just starting or ending.
      return false;
    }
  }

  /** Tells the API server what has changed. */
  async #report(): Promise<void> {
    const [{ name, image }] = this.#pod.spec.containers;
    const isRunning = this.#process !== undefined;
    const ready = this.#isReady ? "True" : "False";
    const status = {
      phase: isRunning || this.#restarts > 0 ? "Running" : "Pending",
      conditions: [
        { type: "PodScheduled", status: "True" },
        { type: "Initialized", status: "True" },
        { type: "ContainersReady", status: ready },
        { type: "Ready", status: ready },
      ],
      containerStatuses: [{
        name,
        image,
        imageID: image,
        ready: this.#isReady,
        started: isRunning,
        restartCount: this.#restarts,
        state: isRunning ? { running: {} } : { waiting: { reason: "CrashLoopBackOff" } },
      }],
    };
    const text = JSON.stringify(status);
    if (text === this.#reported) return;
    await this.#api.want([200, 404], "PATCH", `${pathOf(this.#pod)}/status`, { status }, MERGE);
    this.#reported = text;
  }
}

/** As the kubelet does once nothing of it runs any more. */
export async function deletePod(api: ApiClient, pod: Pod): Promise<void> {
  await api.want([200, 404, 409], "DELETE", pathOf(pod), {
    apiVersion: "v1",
    kind: "DeleteOptions",
    gracePeriodSeconds: 0,
    preconditions: { uid: pod.metadata.uid },
  });
}

export function pathOf({ metadata }: Pod): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
}

/** Only what the runtime itself needs. */
function runtimeEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME"];
  const kept = names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...Object.fromEntries(kept) };
}
