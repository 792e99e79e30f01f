/**
 * The manager's configuration: environment variables, checked all at once, so that a person mends
 * them once. Problems name the variable and what it wants; they never repeat a value.
 */
import { z } from "zod";
import { isSafeAddress } from "../config/addresses.ts";
import { ConfigError, wholeNumber } from "../config/environment.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { Settings } from "./settings.ts";

/** The namespace, and any other name of a cluster's object that is a label (RFC 1123). */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const DOMAIN = /^(?=.{1,200}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const IMAGE = /^[a-z0-9][\w./:@-]{0,400}$/;
const HOST_NAME = /^[A-Za-z0-9.:_-]{1,255}$/;

const path = z.string().max(4096).optional();
const address = z.string().refine(isSafeAddress).optional();

const environmentSchema = z.object({
  HOST: z.string().regex(HOST_NAME).default("127.0.0.1"),
  PORT: wholeNumber(8080, 0, 65_535),
  ALLOWED_HOSTS: z.string().default("")
    .transform((text) => text.split(",").map((item) => item.trim()).filter((item) => item !== ""))
    .refine((names) =>
      names.length <= 100 && names.every((name) => /^[\w.:[\]-]{1,255}$/.test(name))
    ),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  RATE_LIMIT_PER_MINUTE: wholeNumber(600, 0, 10_000_000),
  MANAGER_KEYS_FILE: path,
  MANAGER_NAMESPACE: z.string().regex(LABEL).default("second-brain"),
  BRAIN_IMAGE: z.string().regex(IMAGE).default("second-brain:0.1.0"),
  QDRANT_IMAGE: z.string().regex(IMAGE).default("qdrant/qdrant:v1.19.0-unprivileged"),
  STORAGE_CLASS: z.string().regex(OBJECT_NAME).optional(),
  SNAPSHOT_CLASS: z.string().regex(OBJECT_NAME).optional(),
  READ_WRITE_ONCE_POD: z.enum(["true", "false"]).default("false"),
  INGRESS_NAMESPACE: z.string().regex(LABEL).default("ingress-nginx"),
  MONITORING_NAMESPACE: z.string().regex(LABEL).default("monitoring"),
  SERVICE_MONITORS: z.enum(["true", "false"]).default("false"),
  BRAIN_DOMAIN: z.string().regex(DOMAIN).optional(),
  INGRESS_CLASS: z.string().regex(OBJECT_NAME).optional(),
  CERTIFICATE_ISSUER: z.string().regex(OBJECT_NAME).optional(),
  SHARED_QDRANT_URL: address,
  SHARED_QDRANT_NAMESPACE: z.string().regex(LABEL).optional(),
  SHARED_QDRANT_KEY_FILE: path,
  EMBEDDING_KEY_FILE: path,
  EMBEDDING_BASE_URL: address,
  BACKUP_FOLDER: path,
  BACKUP_KEYS_FILE: path,
  KUBECONFIG: path,
  KUBERNETES_SERVICE_HOST: z.string().regex(HOST_NAME).optional(),
  KUBERNETES_SERVICE_PORT: wholeNumber(443, 1, 65_535),
});

type Variable = keyof z.infer<typeof environmentSchema>;

const A_LABEL = "1 to 63 lower-case letters, digits and dashes";
const AN_OBJECT = "the name of an object in the cluster";
const AN_IMAGE = "an image's name, best with its digest";
const A_PATH = "the path of a file";
const AN_ADDRESS = "an https address without user and password (http for your own network)";

const WANTED: Readonly<Record<Variable, string>> = {
  HOST: "a host name or an address, such as 127.0.0.1",
  PORT: "a whole number from 0 to 65535",
  ALLOWED_HOSTS: "host names between commas",
  LOG_LEVEL: LOG_LEVELS.join(", "),
  RATE_LIMIT_PER_MINUTE: "a whole number, 0 for no limit",
  MANAGER_KEYS_FILE: A_PATH,
  MANAGER_NAMESPACE: A_LABEL,
  BRAIN_IMAGE: AN_IMAGE,
  QDRANT_IMAGE: AN_IMAGE,
  STORAGE_CLASS: AN_OBJECT,
  SNAPSHOT_CLASS: AN_OBJECT,
  READ_WRITE_ONCE_POD: "true or false",
  SERVICE_MONITORS: "true or false",
  INGRESS_NAMESPACE: A_LABEL,
  MONITORING_NAMESPACE: A_LABEL,
  BRAIN_DOMAIN: "a domain in lower case, such as brains.example.com",
  INGRESS_CLASS: AN_OBJECT,
  CERTIFICATE_ISSUER: AN_OBJECT,
  SHARED_QDRANT_URL: AN_ADDRESS,
  SHARED_QDRANT_NAMESPACE: A_LABEL,
  SHARED_QDRANT_KEY_FILE: A_PATH,
  EMBEDDING_KEY_FILE: A_PATH,
  EMBEDDING_BASE_URL: AN_ADDRESS,
  BACKUP_FOLDER: "the path of a folder",
  BACKUP_KEYS_FILE: A_PATH,
  KUBECONFIG: A_PATH,
  KUBERNETES_SERVICE_HOST: "a host name or an address",
  KUBERNETES_SERVICE_PORT: "a whole number from 1 to 65535",
};

export interface ManagerConfig {
  readonly host: string;
  readonly port: number;
  /** Names that this service is called by, beside its own address. */
  readonly allowedHosts: readonly string[];
  readonly logLevel: LogLevel;
  /** Of each key; 0 is no limit. */
  readonly requestsPerMinute: number;
  /** Undefined only where no service is to run. */
  readonly keysFile: string | undefined;
  readonly settings: Settings;
  /** Keys of what all brains use: of the embedding provider, and of a shared Qdrant. */
  readonly embeddingKeyFile: string | undefined;
  readonly qdrantKeyFile: string | undefined;
  /** Undefined only where the cluster is not needed. */
  readonly backups: { readonly folder: string; readonly keysFile: string } | undefined;
  /** How the cluster is reached; undefined where nothing says so. */
  readonly cluster:
    | { readonly by: "kubeconfig"; readonly file: string }
    | { readonly by: "service_account"; readonly host: string; readonly port: number }
    | undefined;
  /** What is allowed, but not wise. */
  readonly warnings: readonly string[];
}

type Environment = (name: string) => string | undefined;

/** What a command is of no use without. */
export interface Needs {
  /** The keys of those who may ask, for the service. */
  readonly keys?: boolean;
  readonly cluster?: boolean;
  /** Where they lie: nobody is to be managed without any. */
  readonly backups?: boolean;
}

/** Throws `ConfigError` with every problem. */
export function loadConfig(env: Environment, needs: Needs = {}): ManagerConfig {
  const names = Object.keys(environmentSchema.shape);
  // An empty variable is one that is not set: manifests leave such behind.
  const given = names.map((name) => [name, env(name)?.trim() || undefined] as const);
  const parsed = environmentSchema.safeParse(Object.fromEntries(given));
  const problems = (parsed.error?.issues ?? []).map(({ path }) => String(path[0]))
    .filter(isVariable).map((name) => `${name} must be ${WANTED[name]}`);
  problems.push(...togetherProblems(Object.fromEntries(given), needs));
  if (!parsed.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const { data } = parsed;
  return {
    host: data.HOST,
    port: data.PORT,
    allowedHosts: data.ALLOWED_HOSTS.map((name) => name.toLowerCase()),
    logLevel: data.LOG_LEVEL,
    requestsPerMinute: data.RATE_LIMIT_PER_MINUTE,
    keysFile: data.MANAGER_KEYS_FILE,
    settings: settingsOf(data),
    embeddingKeyFile: data.EMBEDDING_KEY_FILE,
    qdrantKeyFile: data.SHARED_QDRANT_KEY_FILE,
    backups: data.BACKUP_FOLDER === undefined || data.BACKUP_KEYS_FILE === undefined
      ? undefined
      : { folder: data.BACKUP_FOLDER, keysFile: data.BACKUP_KEYS_FILE },
    cluster: clusterOf(data),
    warnings: warningsOf(data),
  };
}

function isVariable(name: string): name is Variable {
  return Object.hasOwn(WANTED, name);
}

/** Pairs of which one is of no use without the other. */
const PAIRS: readonly (readonly [Variable, Variable])[] = [
  ["BACKUP_FOLDER", "BACKUP_KEYS_FILE"],
  ["SHARED_QDRANT_URL", "SHARED_QDRANT_NAMESPACE"],
];

type Given = Readonly<Record<string, string | undefined>>;

function togetherProblems(given: Given, { keys, cluster, backups }: Needs): string[] {
  const isSet = (name: Variable) => given[name] !== undefined;
  const half = PAIRS.filter(([one, other]) => isSet(one) !== isSet(other))
    .map(([one, other]) => isSet(one) ? [one, other] : [other, one])
    .map(([one, other]) => `${one} is set without ${other}; set both, or neither`);
  return [
    ...half,
    ...(keys && !isSet("MANAGER_KEYS_FILE")
      ? ["MANAGER_KEYS_FILE is not set; without keys nobody could ask this service anything"]
      : []),
    ...(cluster && !isSet("KUBECONFIG") && !isSet("KUBERNETES_SERVICE_HOST")
      ? [
        "there is no cluster: set KUBECONFIG to a file, or run in a pod with a service account",
      ]
      : []),
    ...(backups && !isSet("BACKUP_FOLDER") && !isSet("BACKUP_KEYS_FILE")
      ? ["BACKUP_FOLDER and BACKUP_KEYS_FILE are not set; without backups no user is taken on"]
      : []),
  ];
}

type Data = z.infer<typeof environmentSchema>;

function settingsOf(data: Data): Settings {
  const { SHARED_QDRANT_URL: url, SHARED_QDRANT_NAMESPACE: namespace } = data;
  return {
    managerNamespace: data.MANAGER_NAMESPACE,
    image: data.BRAIN_IMAGE,
    qdrantImage: data.QDRANT_IMAGE,
    storageClass: data.STORAGE_CLASS,
    snapshotClass: data.SNAPSHOT_CLASS,
    readWriteOncePod: data.READ_WRITE_ONCE_POD === "true",
    hasServiceMonitors: data.SERVICE_MONITORS === "true",
    ingressNamespace: data.INGRESS_NAMESPACE,
    monitoringNamespace: data.MONITORING_NAMESPACE,
    domain: data.BRAIN_DOMAIN,
    ingressClass: data.INGRESS_CLASS,
    certificateIssuer: data.CERTIFICATE_ISSUER,
    qdrant: url === undefined || namespace === undefined ? undefined : { url, namespace },
    hasEmbeddingKey: data.EMBEDDING_KEY_FILE !== undefined,
    embeddingBaseUrl: data.EMBEDDING_BASE_URL,
  };
}

/** A file that somebody named goes before what every pod has. */
function clusterOf(data: Data): ManagerConfig["cluster"] {
  const { KUBECONFIG: file, KUBERNETES_SERVICE_HOST: host } = data;
  if (file !== undefined) return { by: "kubeconfig", file };
  if (host === undefined) return undefined;
  return { by: "service_account", host, port: data.KUBERNETES_SERVICE_PORT };
}

function warningsOf(data: Data): string[] {
  const byDigest = /@sha256:[0-9a-f]{64}$/.test(data.BRAIN_IMAGE);
  return [
    ...(byDigest ? [] : ["BRAIN_IMAGE names no digest: a restarted brain may be of another build"]),
    ...(data.SHARED_QDRANT_URL !== undefined && data.SHARED_QDRANT_URL.startsWith("http:")
      ? ["SHARED_QDRANT_URL is not encrypted: what the brains send there can be read on the way"]
      : []),
  ];
}
