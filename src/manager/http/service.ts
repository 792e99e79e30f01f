/** `/tiers`, `/capabilities`, `/health`, `/metrics`, `/openapi.json`, `/docs`. */
import { z } from "zod";
import { documentRoutes, type Documents } from "../../http/documents.ts";
import { json, type Route, route } from "../../http/route.ts";
import type { Tier } from "../tiers.ts";
import { guarded, type GuardedRoute, type Manager } from "./guarded.ts";
import type { Metrics } from "./metrics.ts";
import { own } from "./problems.ts";

/** What the service is at; said by whoever starts and stops it. */
export type Phase = "ready" | "stopping";

export interface ServiceState {
  readonly version: string;
  readonly phase: () => Phase;
  readonly clusterIsUp: () => Promise<boolean>;
  readonly uptimeSeconds: () => number;
}

const count = z.int().min(0);

const tierSchema = z.strictObject({
  memory: z.strictObject({ request_bytes: count, limit_bytes: count }),
  cpu: z.strictObject({ request_millis: count, limit_millis: count }),
  storage_bytes: count,
  quota_bytes: count.meta({ description: "Of what the brain may store of it." }),
  requests_per_minute: count,
  most_memories: count.meta({ description: "0 is no limit." }),
  backups: z.strictObject({ every_hours: count, keep: count }),
  embedding_model: z.string(),
  qdrant: z.enum(["none", "shared", "sidecar"]),
}).meta({ id: "Tier" });

const capabilitiesSchema = z.strictObject({
  version: z.string().meta({ description: "Of Kubernetes." }),
  resize: z.boolean().meta({ description: "Running pods can be given other resources." }),
  disruption_budgets: z.string().nullable(),
  snapshots: z.boolean().meta({ description: "Kinds for snapshots of volumes are served." }),
  read_write_once_pod: z.boolean(),
  admission_policies: z.boolean(),
}).meta({ id: "Capabilities" });

const healthSchema = z.strictObject({
  status: z.enum(["ok", "degraded", "error"]).meta({
    description: "`degraded`: it answers, and a check says what is amiss. `error`: it is stopping.",
  }),
  version: z.string(),
  uptime_seconds: count,
  checks: z.strictObject({
    service: z.enum(["ready", "stopping"]),
    cluster: z.enum(["ok", "unavailable"]).meta({
      description: "`unavailable`: it does not answer, or we may not read the register.",
    }),
  }),
}).meta({ id: "Health" });

const probeSchema = z.strictObject({ status: z.enum(["ok", "stopping"]) }).meta({ id: "Probe" });

export function serviceRoutes(
  manager: Manager,
  state: ServiceState,
  metrics: Metrics,
  documents: Documents,
): readonly GuardedRoute[] {
  return [
    ...probeRoutes(state).map((probe) => guarded([], probe)),
    guarded(["users:read"], tiersRoute(manager)),
    guarded(["users:read"], capabilitiesRoute(manager)),
    guarded(["metrics"], metricsRoute(metrics)),
    ...documentRoutes(documents).map((document) => guarded([], document)),
  ];
}

function probeRoutes({ version, phase, clusterIsUp, uptimeSeconds }: ServiceState): Route[] {
  const unwell = { description: "Not now.", schema: probeSchema };
  return [
    route({
      method: "GET",
      path: "/health",
      operationId: "health",
      summary: "How the service is doing",
      tag: "Service",
      open: true,
      replies: {
        200: { description: "It answers.", schema: healthSchema },
        503: { description: "It is stopping.", schema: healthSchema },
      },
    }, async () => {
      const [service, isUp] = [phase(), await clusterIsUp()];
      const status = service === "stopping" ? "error" : isUp ? "ok" : "degraded";
      return json(status === "error" ? 503 : 200, {
        status,
        version,
        uptime_seconds: uptimeSeconds(),
        checks: { service, cluster: isUp ? "ok" : "unavailable" },
      });
    }),
    route({
      method: "GET",
      path: "/health/live",
      operationId: "live",
      summary: "Whether the process runs",
      tag: "Service",
      open: true,
      replies: { 200: { description: "It does.", schema: probeSchema } },
    }, () => json(200, { status: "ok" })),
    route({
      method: "GET",
      path: "/health/ready",
      operationId: "ready",
      summary: "Whether requests are taken",
      description: "Also while the cluster is away: then they are answered with 503 and a reason.",
      tag: "Service",
      open: true,
      replies: { 200: { description: "They are.", schema: probeSchema }, 503: unwell },
    }, () => phase() === "ready" ? json(200, { status: "ok" }) : json(503, { status: "stopping" })),
  ];
}

function tierView(tier: Tier): z.infer<typeof tierSchema> {
  return {
    memory: { request_bytes: tier.memory.requestBytes, limit_bytes: tier.memory.limitBytes },
    cpu: { request_millis: tier.cpu.requestMillis, limit_millis: tier.cpu.limitMillis },
    storage_bytes: tier.storageBytes,
    quota_bytes: tier.quotaBytes,
    requests_per_minute: tier.requestsPerMinute,
    most_memories: tier.mostMemories,
    backups: { every_hours: tier.backups.everyHours, keep: tier.backups.keep },
    embedding_model: tier.embeddingModel,
    qdrant: tier.qdrant,
  };
}

function tiersRoute(manager: Manager): Route {
  return route({
    method: "GET",
    path: "/tiers",
    operationId: "listTiers",
    summary: "What each tier gets",
    tag: "Service",
    replies: {
      200: {
        description: "By name.",
        schema: z.strictObject({ free: tierSchema, pro: tierSchema, enterprise: tierSchema })
          .meta({ id: "Tiers" }),
      },
    },
  }, () => {
    const { free, pro, enterprise } = manager.tiers();
    return json(200, {
      free: tierView(free),
      pro: tierView(pro),
      enterprise: tierView(enterprise),
    });
  });
}

function capabilitiesRoute(manager: Manager): Route {
  return route({
    method: "GET",
    path: "/capabilities",
    operationId: "readCapabilities",
    summary: "What the cluster can do",
    tag: "Service",
    replies: { 200: { description: "As looked up a while ago.", schema: capabilitiesSchema } },
    ownErrors: own("cluster_refused", "cluster_unavailable"),
  }, async () => {
    const can = await manager.capabilities();
    return json(200, {
      version: can.version,
      resize: can.resize,
      disruption_budgets: can.disruptionBudgets ?? null,
      snapshots: can.snapshots,
      read_write_once_pod: can.readWriteOncePod,
      admission_policies: can.admissionPolicies,
    });
  });
}

function metricsRoute(metrics: Metrics): Route {
  return route(
    {
      method: "GET",
      path: "/metrics",
      operationId: "metrics",
      summary: "Metrics for Prometheus",
      tag: "Service",
      replies: {
        200: { description: "Prometheus text.", schema: z.string(), contentType: "text/plain" },
      },
    },
    async () =>
      new Response(await metrics.text(), { headers: { "Content-Type": metrics.contentType } }),
  );
}
