/** Users, settings and clusters of every kind that the manifests are made for. */
import assert from "node:assert/strict";
import { type BrainKeys, type ManifestInput, userObjects } from "../../src/manager/manifests.ts";
import { firstRecord } from "../../src/manager/first_record.ts";
import type { KubeObject } from "../../src/manager/kube_object.ts";
import type { UserRecord } from "../../src/manager/record.ts";
import type { Settings } from "../../src/manager/settings.ts";
import { type Tier, TIER_NAMES, type TierName, TIERS } from "../../src/manager/tiers.ts";

/** As the manager has them where its operator sets nothing. */
export const SETTINGS: Settings = {
  managerNamespace: "second-brain",
  image: "second-brain:0.1.0",
  qdrantImage: "qdrant/qdrant:v1.19.0-unprivileged",
  storageClass: undefined,
  snapshotClass: undefined,
  readWriteOncePod: false,
  ingressNamespace: "ingress-nginx",
  monitoringNamespace: "monitoring",
  domain: undefined,
  qdrant: undefined,
  hasEmbeddingKey: false,
  embeddingBaseUrl: undefined,
};

export const KEYS: BrainKeys = {
  current: "a-key-of-the-tests-of-manifests-0001",
  previous: undefined,
};

export const CAPABILITIES: ManifestInput["capabilities"] = {
  resize: true,
  disruptionBudgets: "policy/v1",
  readWriteOncePod: true,
};

export function recordOf(
  { userId = "ada", ...rest }: Partial<UserRecord> & { readonly tier: TierName },
): UserRecord {
  const { tier } = rest;
  const life = "0198f0a0-0000-7000-8000-000000000001";
  return {
    ...firstRecord(userId, tier, life, "2026-01-01T00:00:00.000Z"),
    ...rest,
  };
}

export interface Case {
  readonly tier?: TierName;
  readonly record?: Partial<UserRecord>;
  /** Over what the tier has. */
  readonly own?: Partial<Tier>;
  readonly settings?: Partial<Settings>;
  readonly capabilities?: Partial<ManifestInput["capabilities"]>;
  readonly keys?: Partial<BrainKeys>;
}

export function objectsOf(
  { tier = "free", record = {}, own = {}, settings = {}, capabilities = {}, keys = {} }: Case,
): KubeObject[] {
  return userObjects({
    record: recordOf({ ...record, tier }),
    tier: { ...TIERS[tier], ...own },
    settings: { ...SETTINGS, ...settings },
    capabilities: { ...CAPABILITIES, ...capabilities },
    keys: { ...KEYS, ...keys },
  });
}

const RECORDS: readonly Partial<UserRecord>[] = [
  {},
  { userId: "Ada L\u00f6velace <ada@example.com>", state: "suspended" },
  {
    claim: { number: 7, storageBytes: 200 * 1024 ** 3 },
    keptClaims: [{ number: 5, dropAt: "2026-01-08T00:00:00.000Z" }],
    volume: { name: "pvc-1", uid: "u-1", storageBytes: 200 * 1024 ** 3 },
    restartedAt: "2026-01-02T00:00:00.000Z",
  },
  { userId: "z".repeat(256), state: "deleted", deletedAt: "2026-01-02T00:00:00.000Z" },
];

const OWN: readonly Partial<Tier>[] = [
  {},
  { qdrant: "none", hasDisruptionBudget: false, heapMib: null },
  { qdrant: "shared", hasDisruptionBudget: true },
  { qdrant: "sidecar", heapMib: 512, cpu: { requestMillis: 10, limitMillis: 30 } },
];

const INSTALLATIONS: readonly Partial<Settings>[] = [
  {},
  { readWriteOncePod: true, storageClass: "fast", hasEmbeddingKey: true },
  { domain: "brains.example.com", embeddingBaseUrl: "https://models.example.com:8443/v1" },
  {
    domain: "brains.example.com",
    ingressClass: "nginx",
    certificateIssuer: "letsencrypt",
    ingressNamespace: "monitoring",
    qdrant: { url: "http://qdrant.qdrant.svc:6333", namespace: "qdrant" },
    embeddingBaseUrl: "http://models.ai.svc.cluster.local:8080/v1",
  },
  { embeddingBaseUrl: "http://10.1.2.3:8080/v1" },
  { embeddingBaseUrl: "http://[fd00::5]/v1" },
];

const CLUSTERS: readonly ManifestInput["capabilities"][] = [
  CAPABILITIES,
  { resize: false, disruptionBudgets: "policy/v1", readWriteOncePod: false },
  { resize: false, disruptionBudgets: "policy/v1beta1", readWriteOncePod: false },
  { resize: true, disruptionBudgets: undefined, readWriteOncePod: true },
];

const KEYRINGS: readonly Partial<BrainKeys>[] = [
  {},
  { previous: "the-key-before-the-last-rotation-0002", embedding: "sk-1", qdrant: "q" },
];

const KINDS = [TIER_NAMES, RECORDS, OWN, INSTALLATIONS, CLUSTERS, KEYRINGS] as const;
/** Coprime to how many there are of each: any two kinds of two of these meet. */
const STRIDE = 17;

/** Of each kind of user, installation and cluster each with each, though not all with all. */
export function* cases(): Generator<Case> {
  const count = KINDS.reduce((product, { length }) => product * length, 1);
  for (let index = 0; index < count; index += STRIDE) {
    let rest = index;
    const next = <T>(kinds: readonly T[]): T => {
      const kind = kinds[rest % kinds.length];
      rest = Math.floor(rest / kinds.length);
      return kind ?? assert.fail();
    };
    yield {
      tier: next(TIER_NAMES),
      record: next(RECORDS),
      own: next(OWN),
      settings: next(INSTALLATIONS),
      capabilities: next(CLUSTERS),
      keys: next(KEYRINGS),
    };
  }
}
