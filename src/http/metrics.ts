/** What a Prometheus server asks for: requests, latencies, and how large the brain is. */
import type * as prometheus from "prom-client";
import counter from "prom-client/lib/counter.js";
import gauge from "prom-client/lib/gauge.js";
import histogram from "prom-client/lib/histogram.js";
import registry from "prom-client/lib/registry.js";
import type { Brain } from "../brain.ts";
import { LEAVE_REASONS, type Listeners, PROTOCOLS } from "./listeners.ts";

/** Part by part: the whole library brings clusters, gateways and an agent for tracing with it, and
 * takes a tenth of an empty start to load. */
const Counter: typeof prometheus.Counter = counter;
const Gauge: typeof prometheus.Gauge = gauge;
const Histogram: typeof prometheus.Histogram = histogram;
const Registry: typeof prometheus.Registry = registry;

/** Routes are named by their pattern, so that no id and no number of clients grows the list. */
export interface Served {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "second_brain_http_requests_total",
    help: "Requests answered.",
    labelNames: ["method", "route", "status"] as const,
    registers: [this.#registry],
  });
  readonly #latency = new Histogram({
    name: "second_brain_http_request_duration_seconds",
    help: "Time from the request's head to the reply's head.",
    labelNames: ["method", "route"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [this.#registry],
  });

  constructor(brain: Brain, requestsPerMinute: () => number, listeners: Listeners) {
    const { stats } = brain;
    this.#listening(listeners);
    const storage = (name: "memories_bytes" | "journal_bytes" | "exports_bytes") => () =>
      stats.storage()[name];
    this.#gauge("memories", "Memories stored.", () => stats.totalMemories);
    this.#gauge("memories_limit", "MAX_MEMORIES; 0 is no limit.", () => stats.limits.memories);
    this.#gauge("snapshot_bytes", "Size of memories.json.", storage("memories_bytes"));
    this.#gauge("journal_bytes", "Journal since the snapshot.", storage("journal_bytes"));
    this.#gauge("exports_bytes", "Exports kept in the data folder.", storage("exports_bytes"));
    this.#gauge(
      "embeddings_bytes",
      "Size of the embedding cache.",
      () => stats.storage().embeddings_bytes,
    );
    this.#gauge(
      "storage_limit_bytes",
      "STORAGE_QUOTA_BYTES; 0 is no limit.",
      () => stats.limits.bytes,
    );
    this.#gauge(
      "requests_per_minute_limit",
      "RATE_LIMIT_PER_MINUTE; 0 is no limit.",
      requestsPerMinute,
    );
    this.#gauge(
      "storage_used_bytes",
      "What counts against the storage limit.",
      () => stats.storedBytes,
    );
    this.#gauge("writes_waiting", "Changes waiting for the disk.", () => stats.writesWaiting);
    this.#gauge("read_only", "1 while no write is taken.", () => stats.isReadOnly ? 1 : 0);
    this.#gauge("damaged", "Pieces of damage not acknowledged.", () => {
      return stats.integrity().damage.length;
    });
    const { indexer } = brain;
    this.#gauge("embeddings_indexed", "Memories found by meaning.", () => indexer.stats().indexed);
    this.#gauge("embeddings_pending", "Memories to be embedded.", () => indexer.stats().pending);
    this.#gauge("embeddings_failed", "Memories given up.", () => indexer.stats().failed);
    const store = () => indexer.vectorStore();
    this.#gauge("vector_store_up", "1 while it answers.", () => store().status === "ok" ? 1 : 0);
    this.#gauge("vector_store_pending", "Memories it lacks.", () => store().pending);
    this.#gauge("heap_used_bytes", "JavaScript heap in use.", () => Deno.memoryUsage().heapUsed);
    this.#gauge("resident_bytes", "Resident memory.", () => Deno.memoryUsage().rss);
    this.#gauge("uptime_seconds", "Since the start.", () => stats.uptimeSeconds);
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `second_brain_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  #listening(listeners: Listeners): void {
    new Gauge({
      name: "second_brain_listeners",
      help: "Who listens to events now.",
      labelNames: ["protocol"] as const,
      registers: [this.#registry],
      collect() {
        for (const protocol of PROTOCOLS) this.set({ protocol }, listeners.count(protocol));
      },
    });
    new Counter({
      name: "second_brain_listeners_left_total",
      help: "Who listened to events and does no more, by reason.",
      labelNames: ["reason"] as const,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const reason of LEAVE_REASONS) this.inc({ reason }, listeners.left(reason));
      },
    });
  }

  served({ method, route, status, seconds }: Served): void {
    this.#requests.inc({ method, route, status });
    this.#latency.observe({ method, route }, seconds);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}
