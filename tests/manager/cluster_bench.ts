/**
 * What the real adapter costs, against a real API server on this machine:
 * `deno run -A tests/manager/cluster_bench.ts`. Times are of the adapter and the server together.
 */
import { startApiServer, whyNoApiServer } from "../kubernetes/api_server.ts";
import type { KubernetesCluster } from "../../src/manager/cluster/kubernetes.ts";

const MAPS = { apiVersion: "v1", kind: "ConfigMap" };
const OBJECTS = 2_000;

const server = await startApiServer();
if (server === undefined) {
  console.log(`nothing to measure${whyNoApiServer}`);
} else {
  try {
    await measure(server);
  } finally {
    await server.close();
  }
}

function residentMib(): number {
  return Deno.memoryUsage().rss / 2 ** 20;
}

function mapOf(n: number, text = "a"): { metadata: { name: string } } & Record<string, unknown> {
  const metadata = { name: `user-${n}`, namespace: "default", labels: { tier: "free" } };
  return { ...MAPS, metadata, data: { record: text.repeat(2_000) } };
}

async function measure({ url, caCert, token }: NonNullable<typeof server>): Promise<void> {
  const before = residentMib();
  const began = performance.now();
  const { connectKubernetes } = await import("../../src/manager/cluster/connect.ts");
  const { fixedToken } = await import("../../src/manager/cluster/access.ts");
  const { systemClock } = await import("../../src/clock.ts");
  const access = { url, caCert, certificate: undefined, token: fixedToken(token) };
  using cluster = connectKubernetes(access, { clock: systemClock, random: Math.random });
  await cluster.capabilities();
  const [ms, mib] = [performance.now() - began, residentMib() - before];
  console.log(`import, connect and discovery: ${ms.toFixed(0)} ms, ${mib.toFixed(1)} MiB`);
  await repeat("get", 500, () => cluster.get({ ...MAPS, namespace: "default", name: "nobody" }));
  await repeat("create, one at a time", 200, (n) => cluster.create(object(n + 1e6)));
  await together("create, sixteen at a time", OBJECTS, (n) => cluster.create(object(n)));
  await repeat("apply that changes", 200, (n) => cluster.apply(object(n, "b")));
  await repeat("apply that changes nothing", 200, (n) => cluster.apply(object(n, "b")));
  await lists(cluster);
  console.log(`resident in the end: ${(residentMib() - before).toFixed(1)} MiB more than before`);
}

function object(n: number, text?: string) {
  return { ...mapOf(n, text), apiVersion: "v1", kind: "ConfigMap" };
}

async function lists(cluster: KubernetesCluster): Promise<void> {
  let longestMs = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last - 1);
    last = performance.now();
  }, 1);
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const began = performance.now();
    const { items } = await cluster.list(MAPS, { namespace: "default" });
    times.push(performance.now() - began);
    if (items.length < OBJECTS) throw new Error(`Cannot measure: only ${items.length} came`);
  }
  clearInterval(beat);
  const each = times.map((ms) => ms.toFixed(0)).join(" ");
  console.log(
    `list of ${OBJECTS} maps of 2 kB: ${each} ms; held up at most ${longestMs.toFixed(0)} ms`,
  );
}

async function repeat(
  what: string,
  count: number,
  run: (n: number) => Promise<unknown>,
): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await run(n);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * (count - 1))]?.toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

async function together(
  what: string,
  count: number,
  run: (n: number) => Promise<unknown>,
): Promise<void> {
  const began = performance.now();
  await Promise.all(Array.from({ length: count }, (_, n) => run(n)));
  const ms = performance.now() - began;
  console.log(`${what}: ${(count / ms * 1_000).toFixed(0)} a second`);
}
