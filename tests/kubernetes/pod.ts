/**
 * A Pod as a kubelet runs it, with a process of this program for its first container. The volume's
 * folder holds all that it may read (`pod_files.ts`), since the program may read nothing outside of
 * its data folder. Paths in the environment and in arguments are those of that folder; address and
 * port are any on loopback.
 */
import { programArguments } from "../../.build/permissions.ts";
import { type ApiClient, MERGE } from "./api_client.ts";
import type { Cluster, Pod } from "./objects.ts";
import { PodFiles } from "./pod_files.ts";
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
  readonly #files: PodFiles;
  #isBegun = false;
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
    this.#files = new PodFiles(pod, folder);
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
  async pass(pod: Pod, cluster: Cluster): Promise<void> {
    if (this.#end) return;
    if (pod.metadata.deletionTimestamp) {
      this.#end = this.#endGracefully(pod.metadata.deletionGracePeriodSeconds ?? 30);
      return;
    }
    if (!this.#isBegun) await this.#files.begin();
    this.#isBegun = true;
    if (!await this.#files.write(cluster)) return;
    if (this.#process?.isOver) this.#noteEnd();
    if (!this.#process && performance.now() >= this.#startAgainAt) this.#start(cluster);
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

  #start(cluster: Cluster): void {
    const [{ args }] = this.#pod.spec.containers;
    const translated = args.map((arg) => this.#files.translated(arg));
    this.#process = new ServerProcess({
      path: Deno.execPath(),
      args: [...programArguments(this.#folder), ...translated],
      folder: this.#folder,
      env: {
        ...runtimeEnvironment(),
        // Of the image.
        MEMORY_PERSIST_PATH: `${this.#folder}/data/memories.json`,
        ...this.#files.environment(cluster),
        PORT: "0",
        HOST: "127.0.0.1",
        ...this.#env,
      },
    });
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
