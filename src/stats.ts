/** What is in the brain, how large it is and how it is doing: for `/stats`, `/health`, `/metrics`. */
import type { Backups } from "./backups.ts";
import type { Clock } from "./clock.ts";
import type { ExportFolder } from "./export_folder.ts";
import type { Indexer } from "./indexer.ts";
import type { Quota, QuotaLimits } from "./quota.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

const TOP_TAGS = 20;

export interface StatsOptions {
  readonly state: State;
  readonly store: Store;
  readonly indexer: Indexer;
  readonly exportFolder: ExportFolder;
  readonly backups: Pick<Backups, "status" | "stats">;
  readonly embeddingsBytes: () => number;
  readonly quota: Quota;
  readonly clock: Clock;
  readonly version: string;
}

export class Stats {
  readonly #options: StatsOptions;
  readonly #startedAt: number;

  constructor(options: StatsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  get uptimeSeconds(): number {
    return Math.max(0, Math.floor((this.#options.clock.now() - this.#startedAt) / 1000));
  }

  get version(): string {
    return this.#options.version;
  }

  get totalMemories(): number {
    return this.#options.state.size;
  }

  get limits(): QuotaLimits {
    return this.#options.quota.limits;
  }

  get writesWaiting(): number {
    return this.#options.store.status().queued;
  }

  get isReadOnly(): boolean {
    return this.#options.store.status().mode === "read_only";
  }

  /** True where only a new start may bring the disk back. */
  get isStuck(): boolean {
    return this.#options.store.status().isStuck;
  }

  integrity() {
    const { integrity, damage } = this.#options.store.status();
    return { status: integrity, damage };
  }

  storage() {
    const { store, exportFolder, embeddingsBytes, quota } = this.#options;
    const { memoriesBytes, journalBytes } = store.status();
    return {
      memories_bytes: memoriesBytes,
      journal_bytes: journalBytes,
      embeddings_bytes: embeddingsBytes(),
      exports_bytes: exportFolder.bytes,
      quota_bytes: quota.limits.bytes === 0 ? null : quota.limits.bytes,
    };
  }

  /** What counts against the quota. */
  get storedBytes(): number {
    const { memories_bytes, journal_bytes, embeddings_bytes, exports_bytes } = this.storage();
    return memories_bytes + journal_bytes + embeddings_bytes + exports_bytes;
  }

  all() {
    const { state, indexer, version } = this.#options;
    const { average, first, last } = this.#overview();
    return {
      total_memories: state.size,
      memories_by_type: {
        semantic: state.countByType.get("semantic") ?? 0,
        episodic: state.countByType.get("episodic") ?? 0,
        procedural: state.countByType.get("procedural") ?? 0,
      },
      average_importance: average,
      top_tags: this.#topTags(),
      storage: this.storage(),
      integrity: this.integrity(),
      backups: this.#options.backups.stats(),
      embeddings: indexer.stats(),
      vector_store: indexer.vectorStore(),
      created_first_at: first,
      created_last_at: last,
      uptime_seconds: this.uptimeSeconds,
      version,
    };
  }

  #overview() {
    let sum = 0;
    let first: string | null = null, last: string | null = null;
    for (const { importance_score, created_at } of this.#options.state.memories()) {
      sum += importance_score;
      if (first === null || created_at < first) first = created_at;
      if (last === null || created_at > last) last = created_at;
    }
    const { size } = this.#options.state;
    const average = size === 0 ? null : Math.round(sum / size * 1e6) / 1e6;
    return { average, first, last };
  }

  #topTags() {
    const counts = [...this.#options.state.countByTag].map(([tag, count]) => ({ tag, count }));
    return counts.sort((a, b) => b.count - a.count || (a.tag < b.tag ? -1 : 1)).slice(0, TOP_TAGS);
  }

  /** Words only: this is answered without a key. */
  health() {
    const { store, indexer } = this.#options;
    const { mode, disk, integrity } = store.status();
    const { state } = indexer.status();
    const backup = this.#options.backups.status;
    const { status: vectorStore } = indexer.vectorStore();
    const checks = {
      storage: mode,
      disk,
      integrity,
      // The provider is well, but some texts or vectors were given up: `/stats` says how many.
      embeddings: state === "ok" && indexer.stats().failed > 0 ? "incomplete" : state,
      vector_store: vectorStore,
      backup,
    } as const;
    const isStoring = mode === "ok" && disk === "ok" && integrity === "ok";
    const well = isStoring && backup !== "failed" && vectorStore === "ok" &&
      (state === "ok" || state === "off");
    return { status: well ? "ok" : "degraded", checks } as const;
  }
}
