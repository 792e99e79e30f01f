/**
 * The loop that keeps what is there as it is wanted: it carries out operations wherever they were
 * left, repairs what others changed, and does what has become due. It watches, and since a watch can
 * miss something, it looks at everybody every ten minutes.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { BrainManager } from "./brain_manager.ts";
import type { Cluster } from "./cluster.ts";
import type { KubeKind, KubeObject } from "./kube_object.ts";
import type { Operations } from "./operations.ts";
import { BackupGate } from "./reconciler/backup_gate.ts";
import { Known } from "./reconciler/known.ts";
import { look, type LookMeans } from "./reconciler/look.ts";
import { orphanedNamespaces, orphanedVolumes } from "./reconciler/orphans.ts";
import { Queue } from "./reconciler/queue.ts";
import { watching } from "./reconciler/watching.ts";
import type { UserRecord } from "./record.ts";
import type { Register } from "./register.ts";
import type { Settings } from "./settings.ts";
import { LIFE_LABEL } from "./volumes.ts";

export interface ReconcilerOptions {
  readonly cluster: Cluster;
  readonly register: Register;
  readonly operations: Operations;
  readonly manager: Pick<BrainManager, "backupUser" | "purgeUser">;
  readonly settings: Pick<Settings, "managerNamespace">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** For the metrics; counted since the program started. */
export interface ReconcilerStats {
  /** Users by `<tier>/<state>`, as last seen. */
  readonly users: ReadonlyMap<string, number>;
  /** Full passes that were ended. */
  readonly passes: number;
  /** Users that wait for their turn, and those whose turn it is. */
  readonly queued: number;
  readonly running: number;
  /** Users whose objects were not as they are wanted, and were put right. */
  readonly repairs: number;
  /** Looks at a user that ended in an error. */
  readonly failures: number;
  /** By `<verb>/<outcome>`. */
  readonly operations: ReadonlyMap<string, number>;
  /** Namespaces with our labels that no record knows. They are reported, never deleted. */
  readonly orphans: readonly string[];
  /** Seconds since the last good backup of the active user who waits longest for one. */
  readonly oldestBackupS: number;
}

const PASS_MS = 10 * 60_000;
/** A pass is spread over most of the time until the next one. */
const SPREAD_MS = 8 * 60_000;
const SLICE_MS = 1_000;
const MOST_LOOKS = 8;
const MOST_BACKUPS = 16;
/** What changes at once is looked at once. */
const SETTLE_MS = 1_000;
const OURS = {
  "app.kubernetes.io/managed-by": "brain-manager",
  "app.kubernetes.io/part-of": "second-brain",
} as const;
const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const STATEFUL_SET = { apiVersion: "apps/v1", kind: "StatefulSet" } as const;
const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap" } as const;
const PREFIX = "user-";

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: Queue;
  readonly #means: LookMeans;
  readonly #known = new Known();
  readonly #stopping = new AbortController();
  readonly #operations = new Map<string, number>();
  #watches: Promise<void>[] = [];
  #timers = new Set<Timer>();
  #orphans: readonly string[] = [];
  #passes = 0;
  #repairs = 0;
  #failures = 0;

  constructor(options: ReconcilerOptions) {
    const { clock, random, manager, operations } = options;
    this.#options = options;
    this.#queue = new Queue({
      clock,
      random,
      look: (slug) => this.#look(slug),
      most: MOST_LOOKS,
    });
    const backups = new BackupGate({
      most: MOST_BACKUPS,
      begin: async ({ userId }) => {
        await manager.backupUser(userId, { method: "export" });
      },
      ended: (slug) => operations.run(slug),
      again: (slug) => this.#queue.add(slug),
    });
    this.#means = {
      ...options,
      backups,
      seen: (slug, record) => this.#known.see(slug, record),
      repaired: () => this.#repairs++,
      again: (slug, afterMs) => this.#queue.add(slug, afterMs),
    };
  }

  get stats(): ReconcilerStats {
    return {
      users: this.#known.counts(),
      passes: this.#passes,
      queued: this.#queue.waiting,
      running: this.#queue.running,
      repairs: this.#repairs,
      failures: this.#failures,
      operations: this.#operations,
      orphans: this.#orphans,
      oldestBackupS: this.#known.oldestBackupS(this.#options.clock.now()),
    };
  }

  /** To be told by who runs operations, for the metrics. */
  ended(verb: string, outcome: "succeeded" | "failed"): void {
    const key = `${verb}/${outcome}`;
    this.#operations.set(key, (this.#operations.get(key) ?? 0) + 1);
  }

  /** Watches from now on, and looks at everybody every ten minutes. */
  start(): void {
    this.#watches = [
      this.#watchRegister(),
      this.#watchNamespaces(),
      this.#watchSets(),
      this.#watchClaims(),
    ];
    this.#passInTime();
  }

  /** Begins nothing more; over once nothing is under way. Operations are stopped by themselves. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("The manager is stopping"));
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    await Promise.all([...this.#watches, this.#queue.stop()]);
  }

  /** Looks at everybody once; over when that is done. Operations go on by themselves. */
  async pass(): Promise<void> {
    for (const slug of await this.#survey()) this.#queue.add(slug);
    await this.#queue.idle();
    this.#passes++;
  }

  /** True: nothing is left to do for now. */
  async #look(slug: string): Promise<boolean> {
    try {
      return await look(this.#means, slug) === undefined;
    } catch (error) {
      this.#failures++;
      this.#report("look_failed", error, { slug });
      return false;
    }
  }

  /** Who there is, and which namespaces and volumes are nobody's. Gives the slugs. */
  async #survey(): Promise<string[]> {
    const { cluster, register, log } = this.#options;
    // First, so that each of them has its record by then: a record is there before its namespace.
    const namespaces = await cluster.list(NAMESPACE, { labels: OURS });
    const volumes = await cluster.list(VOLUME, { labels: { [LIFE_LABEL]: null } });
    const { users, unreadable } = await register.list();
    for (const { name, reason } of unreadable) log("error", "record_unreadable", { name, reason });
    this.#orphans = orphanedNamespaces(namespaces.items, { users, unreadable });
    for (const name of this.#orphans) log("warn", "orphaned_namespace", { namespace: name });
    for (const name of orphanedVolumes(volumes.items, { users, unreadable })) {
      log("warn", "orphaned_volume", { volume: name });
    }
    this.#known.replace(users.map(({ record }) => record));
    return users.map(({ record }) => record.slug);
  }

  #passInTime(): void {
    void this.#spread().catch((error: unknown) => this.#report("pass_failed", error));
    this.#after(PASS_MS, () => this.#passInTime());
  }

  async #spread(): Promise<void> {
    const slugs = await this.#survey();
    const size = Math.ceil(slugs.length * SLICE_MS / SPREAD_MS);
    const slice = (from: number) => {
      for (const slug of slugs.slice(from, from + size)) this.#queue.add(slug);
      if (from + size < slugs.length) this.#after(SLICE_MS, () => slice(from + size));
      else this.#passes++;
    };
    slice(0);
  }

  #after(ms: number, call: () => void): void {
    if (this.#stopping.signal.aborted) return;
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer);
      call();
    });
    this.#timers.add(timer);
  }

  /** Who has an operation under way is looked at now, also when the watch begins: a crash left it. */
  #watchRegister(): Promise<void> {
    const { managerNamespace: namespace } = this.#options.settings;
    const labels = { "app.kubernetes.io/managed-by": OURS["app.kubernetes.io/managed-by"] };
    return this.#watch(CONFIG_MAP, { namespace, labels }, (object, kind) => {
      const slug = object.metadata.name.slice(PREFIX.length);
      if (!object.metadata.name.startsWith(PREFIX)) return;
      const found = this.#options.register.read(object);
      const record = "record" in found && kind !== "deleted" ? found.record : undefined;
      this.#known.see(slug, record);
      if (record === undefined) this.#options.operations.forget(slug);
      else this.#recordSeen(record, kind === "listed");
    });
  }

  #recordSeen(record: UserRecord, isListed: boolean): void {
    const { slug, operation } = record;
    const heldMs = this.#options.operations.heldMs(record);
    // Its runner goes on by itself; whether it does is seen when its lease is over.
    if (heldMs > 0) this.#queue.add(slug, heldMs + SETTLE_MS);
    else if (operation !== null || !isListed) this.#queue.add(slug, SETTLE_MS);
  }

  #watchNamespaces(): Promise<void> {
    return this.#watch(NAMESPACE, { labels: OURS }, (object, kind) => {
      if (kind !== "listed") this.#queue.add(object.metadata.name.slice(PREFIX.length), SETTLE_MS);
    });
  }

  #watchSets(): Promise<void> {
    return this.#watch(STATEFUL_SET, { labels: OURS }, (object, kind) => {
      const slug = object.metadata.labels?.["second-brain/user"];
      if (kind !== "listed" && slug !== undefined) this.#queue.add(slug, SETTLE_MS);
    });
  }

  /** One that is being deleted waits for us to take its volume to safety. */
  #watchClaims(): Promise<void> {
    return this.#watch(CLAIM, { labels: OURS }, ({ metadata }, kind) => {
      const slug = metadata.labels?.["second-brain/user"];
      const isGoing = kind === "deleted" || metadata.deletionTimestamp !== undefined;
      if (isGoing && slug !== undefined) this.#queue.add(slug, SETTLE_MS);
    });
  }

  #watch(
    kind: KubeKind,
    selection: Parameters<Cluster["list"]>[1] & object,
    changed: (object: KubeObject, kind: "listed" | "put" | "deleted") => void,
  ): Promise<void> {
    return watching({
      ...this.#options,
      kind,
      selection,
      changed,
      signal: this.#stopping.signal,
      failed: (error) => this.#report("watch_failed", error, { kind: kind.kind }),
    });
  }

  #report(event: string, error: unknown, detail: Readonly<Record<string, string>> = {}): void {
    if (this.#stopping.signal.aborted) return;
    const said = error instanceof Error ? error.message : "not an error";
    this.#options.log("warn", event, { ...detail, error: said });
  }
}
