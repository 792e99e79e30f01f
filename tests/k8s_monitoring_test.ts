/** The alerts and the dashboard speak of numbers that the two programs really give. */
import assert from "node:assert/strict";
import { z } from "zod";
import { Metrics as ManagerMetrics } from "../src/manager/http/metrics.ts";
import { withApp } from "./http_app.ts";
import { objectsOf, textOf } from "./k8s_documents.ts";

const manager = new ManagerMetrics({
  stats: () => ({
    users: new Map(),
    passes: 0,
    queued: 0,
    running: 0,
    repairs: 0,
    failures: 0,
    operations: new Map(),
    orphans: [],
    oldestBackupS: 0,
  }),
  clusterIsUp: () => Promise.resolve(true),
  uptimeSeconds: () => 0,
});

/** Names of what is measured, with what a histogram makes of its own. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = "", type]) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  );
}

const alertSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(["critical", "warning", "info"]) }),
  annotations: z.strictObject({ summary: z.string(), action: z.string() }),
});
const rulesSchema = z.object({
  spec: z.object({
    groups: z.array(z.object({ name: z.string(), rules: z.array(alertSchema) })),
  }),
});
const dashboardSchema = z.object({
  panels: z.array(z.object({
    title: z.string(),
    targets: z.array(z.object({ expr: z.string() })).min(1),
  })),
});

async function queries(): Promise<string[]> {
  const [rules] = await objectsOf("monitoring/alerts.yaml");
  const alerts = rulesSchema.parse(rules).spec.groups.flatMap(({ rules }) => rules);
  assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
  const { panels } = dashboardSchema.parse(JSON.parse(await textOf("monitoring/dashboard.json")));
  return [
    ...alerts.map(({ expr }) => expr),
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
}

Deno.test("every alert and every panel asks for a number that is there", async () => {
  await withApp(async (app) => {
    const { text } = await app.call("GET", "/metrics");
    const known = new Set([...namesIn(text), ...namesIn(await manager.text())]);
    const asked = (await queries()).flatMap((query) => query.match(/second_brain_\w+/g) ?? []);
    assert.ok(asked.length > 30);
    assert.deepEqual([...new Set(asked)].filter((name) => !known.has(name)), []);
  });
});
