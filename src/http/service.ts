/** `/stats`, `/health`, `/metrics`, `/openapi.json`, `/docs`: the service about itself. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { reindexReportSchema, vectorStoreSchema } from "../reindexing.ts";
import type { Metrics } from "./metrics.ts";
import { documentRoutes, type Documents } from "./documents.ts";
import { json, type Route, route } from "./route.ts";

const count = z.int().min(0);

const integritySchema = z.strictObject({
  status: z.enum(["ok", "degraded"]),
  damage: z.array(z.strictObject({
    file: z.string(),
    detail: z.string(),
    quarantine: z.string().nullable().meta({ description: "Where the refused bytes are kept." }),
    at: z.string(),
  })).max(100).meta({ description: "Newest first. File names are relative to the data folder." }),
}).meta({
  id: "Integrity",
  description: "`degraded`: something in the data folder could not be used, and nobody has " +
    "acknowledged that yet. Everything else was loaded.",
});

const statsSchema = z.strictObject({
  total_memories: count,
  memories_by_type: z.strictObject({ semantic: count, episodic: count, procedural: count }),
  average_importance: z.number().nullable(),
  top_tags: z.array(z.strictObject({ tag: z.string(), count })),
  storage: z.strictObject({
    memories_bytes: count,
    journal_bytes: count,
    embeddings_bytes: count,
    exports_bytes: count,
    quota_bytes: count.nullable(),
  }),
  integrity: integritySchema,
  backups: z.strictObject({
    last_at: z.string().nullable(),
    last_file: z.string().nullable(),
    kept: count,
  }).meta({ description: "Automatic ones, under `exports/` in the data folder." }),
  embeddings: z.strictObject({
    provider: z.string().nullable(),
    model: z.string().nullable(),
    dimensions: count.nullable(),
    indexed: count,
    pending: count,
    failed: count,
    cache_full: z.boolean().meta({
      description: "`embeddings.db` is at its limit and has no room for all that is in use: what " +
        "is missing is asked for again, and paid for, at each restart.",
    }),
    reindexing: z.strictObject({
      model: z.string(),
      dimensions: count.nullable(),
      done: count,
      total: count,
    }).nullable().meta({
      description: "While the vectors of another model are being made. Those of `model` above " +
        "serve until they are complete; `pending` counts what is left to do.",
    }),
  }).meta({
    description: "`model` and `dimensions` are of the vectors that searches use, `indexed` the " +
      "memories that are found by them, `failed` those that were given up.",
  }),
  vector_store: vectorStoreSchema,
  created_first_at: z.string().nullable(),
  created_last_at: z.string().nullable(),
  uptime_seconds: count,
  version: z.string(),
}).meta({ id: "Stats" });

/** What is looked at, and the words for what is found; `ok` where all is well. */
const checksSchema = z.strictObject({
  service: z.enum(["loading", "ready", "stopping"]),
  storage: z.enum(["ok", "read_only"]).meta({
    description: "`read_only`: no write is taken; `disk` and `integrity` say why.",
  }),
  disk: z.enum(["ok", "slow", "low", "full", "failed", "lost"]).meta({
    description: "`slow`: one write takes longer than five seconds. `low` (less is free than " +
      "MIN_FREE_BYTES) and `full`: only deletes are taken. `failed`: it is being recovered. " +
      "`lost`: the data folder was removed or replaced.",
  }),
  integrity: z.enum(["ok", "degraded"]).meta({
    description: "`degraded`: until the damage in /stats is acknowledged.",
  }),
  embeddings: z.enum(["ok", "off", "waiting", "misconfigured", "incomplete"]).meta({
    description: "`off`: no provider is set. `waiting`: it does not answer, and is asked again. " +
      "`misconfigured`: it refuses the key or the model. `incomplete`: some texts were given up; " +
      "/stats counts them as failed.",
  }),
  vector_store: z.enum(["ok", "unavailable"]).meta({
    description: "`unavailable`: Qdrant does not answer, and is tried again; /stats says why.",
  }),
  backup: z.enum(["ok", "failed", "off"]).meta({
    description: "`failed`: the last one; it is tried again. `off`: BACKUP_INTERVAL_HOURS is 0.",
  }),
});

const healthSchema = z.strictObject({
  status: z.enum(["ok", "degraded", "error"]).meta({
    description: "`degraded`: it serves, and a check says what is amiss. `error`: it cannot serve.",
  }),
  version: z.string(),
  uptime_seconds: count,
  checks: checksSchema,
}).meta({ id: "Health" });

const probeSchema = z.strictObject({
  status: z.enum(["ok", "loading", "stopping", "storage_failed"]),
}).meta({ id: "Probe" });

export function serviceRoutes(
  brain: Brain,
  metrics: Metrics,
  documents: Documents,
): readonly Route[] {
  return [
    ...probeRoutes(brain),
    acknowledgeRoute(brain),
    reindexRoute(brain),
    ...reportRoutes(brain, metrics, documents),
  ];
}

function probeRoutes(brain: Brain): readonly Route[] {
  const { stats } = brain;
  const probe = (well: boolean) => json(well ? 200 : 503, { status: well ? "ok" : brain.phase });
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
        200: {
          description: "It serves; `degraded` says that something is amiss.",
          schema: healthSchema,
        },
        503: { description: "It cannot serve.", schema: healthSchema },
      },
    }, () => {
      const { status, checks } = stats.health();
      const serving = brain.phase === "ready";
      return json(serving ? 200 : 503, {
        status: serving ? status : "error",
        version: stats.version,
        uptime_seconds: stats.uptimeSeconds,
        checks: { service: brain.phase, ...checks },
      });
    }),
    route({
      method: "GET",
      path: "/health/live",
      operationId: "live",
      summary: "Whether the process runs",
      description: "Also not where the disk could not be recovered for ten minutes: a new start " +
        "may help.",
      tag: "Service",
      open: true,
      replies: { 200: { description: "It does.", schema: probeSchema }, 503: unwell },
    }, () => stats.isStuck ? json(503, { status: "storage_failed" }) : probe(true)),
    route({
      method: "GET",
      path: "/health/ready",
      operationId: "ready",
      summary: "Whether requests are taken",
      description: "Not before the data is loaded, and no more once it is stopping.",
      tag: "Service",
      open: true,
      replies: { 200: { description: "They are.", schema: probeSchema }, 503: unwell },
    }, () => probe(brain.phase === "ready")),
  ];
}

function acknowledgeRoute(brain: Brain): Route {
  return route({
    method: "POST",
    path: "/admin/integrity/ack",
    operationId: "acknowledgeDamage",
    summary: "Acknowledge damage",
    description: "Says that a person has seen the damage that /stats lists. It stays in " +
      "quarantine, and is not reported any more; with ON_CORRUPTION=readonly, writes are taken " +
      "again. May be repeated.",
    tag: "Service",
    replies: { 200: { description: "What is left to acknowledge.", schema: integritySchema } },
    errors: ["read_only", "storage_failed"],
  }, async () => json(200, await brain.acknowledgeDamage()));
}

function reindexRoute(brain: Brain): Route {
  return route({
    method: "POST",
    path: "/admin/reindex",
    operationId: "reindex",
    summary: "Bring the vectors in line with the memories",
    description: "Takes up again what was given up, and compares Qdrant with the memories where " +
      "it is used: what it lacks is sent, what it has too much of is deleted. Texts are embedded " +
      "in the background. All of this happens by itself as well; may be repeated.",
    tag: "Service",
    replies: {
      200: { description: "It is compared; how it stands.", schema: reindexReportSchema },
      202: {
        description: "It takes longer than half a minute, and goes on; how it stands so far.",
        schema: reindexReportSchema,
      },
    },
    errors: ["not_ready"],
  }, async () => {
    const { report, isDone } = await brain.reindexing.run();
    return json(isDone ? 200 : 202, report);
  });
}

function reportRoutes(brain: Brain, metrics: Metrics, documents: Documents): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/stats",
      operationId: "stats",
      summary: "What is in the brain",
      tag: "Service",
      replies: { 200: { description: "Counts and sizes.", schema: statsSchema } },
    }, () => json(200, brain.stats.all())),
    route(
      {
        method: "GET",
        path: "/metrics",
        operationId: "metrics",
        summary: "Metrics for Prometheus",
        tag: "Service",
        replies: {
          200: {
            description: "Prometheus text.",
            schema: z.string(),
            contentType: "text/plain",
          },
        },
      },
      async () =>
        new Response(await metrics.text(), { headers: { "Content-Type": metrics.contentType } }),
    ),
    ...documentRoutes(documents),
  ];
}
