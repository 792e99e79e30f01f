/** What a Prometheus server asks for: requests, users, and how the loop keeps up with them. */
import type * as prometheus from "prom-client";
import counter from "prom-client/lib/counter.js";
import gauge from "prom-client/lib/gauge.js";
import histogram from "prom-client/lib/histogram.js";
import registry from "prom-client/lib/registry.js";
import type { ReconcilerStats } from "../reconciler.ts";

/** Part by part: the whole library brings clusters, gateways and an agent for tracing with it. */
const Counter: typeof prometheus.Counter = counter;
const Gauge: typeof prometheus.Gauge = gauge;
const Histogram: typeof prometheus.Histogram = histogram;
const Registry: typeof prometheus.Registry = registry;

/** Routes are named by their pattern, so that no user and no number of clients grows the list. */
interface Served {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export interface Watched {
  readonly stats: () => ReconcilerStats;
  readonly clusterIsUp: () => Promise<boolean>;
  readonly uptimeSeconds: () => number;
}

type Table = readonly [
  name: string,
  help: string,
  labelNames: readonly [string, string],
  read: () => ReadonlyMap<string, number>,
];

const PREFIX = "second_brain_manager";

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: `${PREFIX}_http_requests_total`,
    help: "Requests answered.",
    labelNames: ["method", "route", "status"] as const,
    registers: [this.#registry],
  });
  readonly #latency = new Histogram({
    name: `${PREFIX}_http_request_duration_seconds`,
    help: "Time from the request's head to the reply's head; ?wait counts.",
    labelNames: ["method", "route"] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers: [this.#registry],
  });

  constructor({ stats, clusterIsUp, uptimeSeconds }: Watched) {
    this.#table("users", "Users, as last seen.", ["tier", "state"], () => stats().users);
    this.#counts(
      "operations_total",
      "Operations that ended.",
      ["verb", "outcome"],
      () => stats().operations,
    );
    this.#count("passes_total", "Full passes over all users.", () => stats().passes);
    this.#count("repairs_total", "Users whose objects were put right.", () => stats().repairs);
    this.#count("failures_total", "Looks at a user that failed.", () => stats().failures);
    this.#gauge("queued", "Users that wait for their turn.", () => stats().queued);
    this.#gauge("running", "Users who are being worked on.", () => stats().running);
    this.#gauge(
      "orphaned_namespaces",
      "Namespaces with our labels that no record knows.",
      () => stats().orphans.length,
    );
    this.#gauge(
      "oldest_backup_seconds",
      "Age of the last good backup of the active user who waits longest for one.",
      () => stats().oldestBackupS,
    );
    this.#gauge(
      "cluster_up",
      "1 while the cluster answers.",
      async () => await clusterIsUp() ? 1 : 0,
    );
    this.#gauge("heap_used_bytes", "JavaScript heap in use.", () => Deno.memoryUsage().heapUsed);
    this.#gauge("resident_bytes", "Resident memory.", () => Deno.memoryUsage().rss);
    this.#gauge("uptime_seconds", "Since the start.", uptimeSeconds);
  }

  #gauge(name: string, help: string, read: () => number | Promise<number>): void {
    new Gauge({
      name: `${PREFIX}_${name}`,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  #count(name: string, help: string, read: () => number): void {
    new Counter({
      name: `${PREFIX}_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** By two labels, from a map whose keys are `<one>/<other>`. */
  #table(...[name, help, labelNames, read]: Table): void {
    new Gauge({
      ...this.#named(name, help, labelNames),
      collect() {
        this.reset();
        for (const [labels, value] of labelled(labelNames, read())) this.set(labels, value);
      },
    });
  }

  #counts(...[name, help, labelNames, read]: Table): void {
    new Counter({
      ...this.#named(name, help, labelNames),
      collect() {
        this.reset();
        for (const [labels, value] of labelled(labelNames, read())) this.inc(labels, value);
      },
    });
  }

  #named(name: string, help: string, labelNames: readonly string[]) {
    return {
      name: `${PREFIX}_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    };
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

function labelled(
  [one, other]: readonly [string, string],
  values: ReadonlyMap<string, number>,
): [Record<string, string>, number][] {
  return [...values].map(([key, value]) => {
    const [first = "", second = ""] = key.split("/");
    return [{ [one]: first, [other]: second }, value];
  });
}
