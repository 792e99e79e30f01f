/**
 * A look at an installation, from the outside in: what it is set up with, whether the cluster
 * answers and lets it, where backups go, and the users. Each finding says what to do; nothing is
 * changed but one file in the sink, which is removed again.
 */
import type { BackupSink } from "./backup_sink.ts";
import type { Capabilities, Cluster } from "./cluster.ts";
import type { Clock } from "../clock.ts";
import { bad, type Finding, ok, reasonOf, warn } from "./diagnosis/finding.ts";
import { rightsFindings } from "./diagnosis/rights.ts";
import { storageFindings } from "./diagnosis/storage.ts";
import { usersFindings, type UsersOptions } from "./diagnosis/users.ts";
import type { Settings } from "./settings.ts";

export type { Finding } from "./diagnosis/finding.ts";

export interface DiagnosisOptions extends UsersOptions {
  readonly cluster: Pick<Cluster, "capabilities" | "get" | "list" | "create">;
  readonly sink: BackupSink;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Within this the cluster's times and ours are the same: a token lives for minutes at least. */
const SKEW_MS = 5_000, WORST_SKEW_MS = 60_000;

export async function diagnose(options: DiagnosisOptions): Promise<Finding[]> {
  const { cluster, settings } = options;
  const findings: Finding[] = [await sinkFinding(options)];
  let capabilities: Capabilities;
  try {
    capabilities = await cluster.capabilities();
  } catch (error) {
    const advice = "see that KUBECONFIG, or the pod's service account, leads to the API server";
    return [...findings, bad("cluster", reasonOf(error), advice)];
  }
  return [
    ...findings,
    versionFinding(capabilities),
    ...await rightsFindings(cluster, settings.managerNamespace),
    await tried("clock", "see that this account may write to the register", () => skew(options)),
    ...await triedAll(
      "storage class",
      "see that this account may read storage classes",
      () => storageFindings(cluster, settings, capabilities),
    ),
    ...await triedAll(
      "register",
      "see that this account may list ConfigMaps there",
      () => usersFindings(options),
    ),
  ];
}

function versionFinding({ version, resize, admissionPolicies }: Capabilities): Finding {
  const lacking = [
    ...(resize ? [] : ["pods cannot be resized in place"]),
    ...(admissionPolicies ? [] : ["no admission policy keeps the manager out of other namespaces"]),
  ];
  return lacking.length === 0 ? ok("cluster", `Kubernetes ${version}`) : warn(
    "cluster",
    `Kubernetes ${version}: ${lacking.join("; ")}`,
    "from 1.33 on it has both; until then an upgrade restarts the brain",
  );
}

/** The server stamps what is created, also where it is only a dry run. */
async function skew({ cluster, settings, clock, newId }: DiagnosisOptions): Promise<Finding> {
  const name = `brain-manager-clock-${newId()}`;
  const metadata = { name, namespace: settings.managerNamespace };
  const before = clock.now();
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata };
  const made = await cluster.create(object, { dryRun: true });
  const stamp = Date.parse(made.metadata.creationTimestamp ?? "");
  if (Number.isNaN(stamp)) return ok("clock", "the cluster does not say what time it has");
  // The stamp has whole seconds, and was made somewhere between the two.
  const offMs = Math.max(0, before - 1_000 - stamp, stamp - clock.now());
  const found = `${Math.round(offMs / 1000)} s apart from the cluster's`;
  const advice = "have both keep the time by NTP; deadlines, backups and purges go by it";
  if (offMs > WORST_SKEW_MS) return bad("clock", found, advice);
  return offMs > SKEW_MS ? warn("clock", found, advice) : ok("clock", "the cluster's own time");
}

async function sinkFinding({ sink, newId, signal }: DiagnosisOptions): Promise<Finding> {
  const name = `doctor/${newId()}`;
  const advice = "see that BACKUP_FOLDER is a volume that this user may write to, with room left";
  return await tried("backups", advice, async () => {
    await sink.put(name, pieces(), signal);
    let bytes = 0;
    try {
      for await (const piece of sink.read(name, signal)) bytes += piece.length;
    } finally {
      await sink.delete(name, signal);
    }
    return bytes === 1 ? ok("backups", "can be written and read") : bad(
      "backups",
      "what is written is not what is read",
      advice,
    );
  });
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1);
}

async function tried(
  check: string,
  advice: string,
  look: () => Promise<Finding>,
): Promise<Finding> {
  const [finding] = await triedAll(check, advice, async () => [await look()]);
  return finding ?? bad(check, "nothing was found", advice);
}

async function triedAll(
  check: string,
  advice: string,
  look: () => Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [bad(check, reasonOf(error), advice)];
  }
}
