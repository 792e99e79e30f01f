/**
 * The configuration: environment variables, checked all at once, so that a person mends them once.
 * Problems name the variable and what it wants; they never repeat a value, which may be a secret.
 */
import { z } from "zod";
import { isSafeAddress } from "./config/addresses.ts";
import { ConfigError, wholeNumber } from "./config/environment.ts";
import { type Keys, NO_KEYS, readKeys } from "./config/keys.ts";
import { type Limits, readLimits } from "./config/limits.ts";
import { LOG_LEVELS } from "./log.ts";
import type { QdrantSettings } from "./qdrant_settings.ts";

const MIB = 1024 * 1024;
/** Names between commas; none of them may be wrong. */
function list(isSound: (item: string) => boolean) {
  return z.string().default("")
    .transform((text) => text.split(",").map((item) => item.trim()).filter((item) => item !== ""))
    .refine((items) => items.length <= 100 && items.every(isSound));
}

/** The sets of tools that assistants may be given, and the services whose clients are served. */
const TOOL_SETS = ["default", "reference", "chatgpt", "claude-memory"] as const;
const COMPAT = ["mem0"] as const;

function someOf<const Name extends string>(names: readonly Name[], standard: readonly Name[]) {
  return list(() => true).transform((given) => given.length > 0 ? [...new Set(given)] : standard)
    .pipe(z.array(z.enum(names)));
}

const ORIGIN = /^(?!file:)[a-z][a-z0-9+.-]*:\/\/(?:[\w.-]+|\[[0-9a-f:]+\])(?::\d+)?$/i;

/**
 * As a browser sends it: scheme, host and port, and nothing behind; never a wildcard. Of schemes
 * that the web does not know, such as those of extensions, `URL` has no origin to compare with.
 */
function isOrigin(text: string): boolean {
  if (!ORIGIN.test(text) || !URL.canParse(text)) return false;
  return !/^https?:/i.test(text) || new URL(text).origin === text;
}

const environmentSchema = z.object({
  ENVIRONMENT: z.enum(["development", "production"]).default("development"),
  CONTAINER_API_KEY: z.string().optional(),
  CONTAINER_API_KEY_FILE: z.string().optional(),
  CONTAINER_API_KEY_PREVIOUS_FILE: z.string().optional(),
  CONTAINER_READ_KEY: z.string().optional(),
  CONTAINER_READ_KEY_FILE: z.string().optional(),
  MEMORY_PERSIST_PATH: z.string().endsWith(".json").default("./data/memories.json"),
  HOST: z.string().regex(/^[A-Za-z0-9.:_-]{1,255}$/).default("127.0.0.1"),
  PORT: wholeNumber(8000, 0, 65_535),
  OPENAI_API_KEY: z.string().regex(/^[\x21-\x7e]+$/).optional(),
  OPENAI_BASE_URL: z.string().refine(isSafeAddress).optional(),
  EMBEDDING_MODEL: z.string().max(200).default("text-embedding-3-small"),
  EMBEDDING_DIMENSIONS: z.string().regex(/^\d{1,4}$/).transform(Number)
    .pipe(z.int().min(1).max(8192)).optional(),
  CHAT_MODEL: z.string().max(200).optional(),
  MCP_TOOLS: someOf(TOOL_SETS, ["default"]),
  COMPAT: someOf(COMPAT, []),
  QDRANT_URL: z.string().refine(isSafeAddress).optional(),
  QDRANT_API_KEY: z.string().regex(/^[\x21-\x7e]+$/).optional(),
  QDRANT_COLLECTION: z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/).optional(),
  QDRANT_TIMEOUT_MS: wholeNumber(800, 50, 60_000),
  QDRANT_QUANTIZATION: z.enum(["none", "scalar"]).default("none"),
  MAX_BODY_BYTES: wholeNumber(8 * MIB, 1024, 1024 * MIB),
  MAX_IMPORT_BYTES: wholeNumber(1024 * MIB, 1024, 1024 * 1024 * MIB),
  RATE_LIMIT_PER_MINUTE: wholeNumber(0, 0, 10_000_000),
  MAX_MEMORIES: wholeNumber(0, 0, 1e12),
  STORAGE_QUOTA_BYTES: wholeNumber(0, 0, 1e15),
  LIMITS_FILE: z.string().optional(),
  MIN_FREE_BYTES: wholeNumber(64 * MIB, 0, 1e15),
  ON_CORRUPTION: z.enum(["serve", "readonly", "refuse"]).default("serve"),
  BACKUP_INTERVAL_HOURS: wholeNumber(24, 0, 8784),
  BACKUP_KEEP: wholeNumber(7, 1, 1000),
  CORS_ORIGINS: list(isOrigin),
  ALLOWED_HOSTS: list((host) => /^[A-Za-z0-9.:[\]_-]{1,255}$/.test(host)),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
});

type Variable = keyof z.infer<typeof environmentSchema>;

const WANTED: Readonly<Record<Variable, string>> = {
  ENVIRONMENT: '"development" or "production"',
  CONTAINER_API_KEY: "text",
  CONTAINER_API_KEY_FILE: "the path of a file",
  CONTAINER_API_KEY_PREVIOUS_FILE: "the path of a file",
  CONTAINER_READ_KEY: "text",
  CONTAINER_READ_KEY_FILE: "the path of a file",
  MEMORY_PERSIST_PATH: "a path that ends in .json",
  HOST: "a host name or an address, such as 127.0.0.1",
  PORT: "a whole number from 0 to 65535",
  OPENAI_API_KEY: "printable ASCII without blanks",
  OPENAI_BASE_URL: "an https address without user and password (http for your own network)",
  EMBEDDING_MODEL: "at most 200 characters",
  EMBEDDING_DIMENSIONS: "a whole number from 1 to 8192",
  CHAT_MODEL: "at most 200 characters",
  MCP_TOOLS: `names between commas, of ${TOOL_SETS.join(", ")}`,
  COMPAT: `names between commas, of ${COMPAT.join(", ")}`,
  QDRANT_URL: "an https address without user and password (http for your own network)",
  QDRANT_API_KEY: "printable ASCII without blanks",
  QDRANT_COLLECTION: "1 to 200 letters, digits, dots, dashes and underscores",
  QDRANT_TIMEOUT_MS: "a whole number from 50 to 60000",
  QDRANT_QUANTIZATION: "none or scalar",
  MAX_BODY_BYTES: "a whole number from 1024 to 1073741824",
  MAX_IMPORT_BYTES: "a whole number from 1024 to 1099511627776",
  RATE_LIMIT_PER_MINUTE: "a whole number, 0 for no limit",
  MAX_MEMORIES: "a whole number, 0 for no limit",
  STORAGE_QUOTA_BYTES: "a whole number, 0 for no limit",
  LIMITS_FILE: "the path of a file",
  MIN_FREE_BYTES: "a whole number, 0 for no such check",
  ON_CORRUPTION: "serve, readonly or refuse",
  BACKUP_INTERVAL_HOURS: "a whole number from 0 to 8784, 0 for no backups",
  BACKUP_KEEP: "a whole number from 1 to 1000",
  CORS_ORIGINS:
    "origins between commas, such as https://notes.example.com: no wildcard, no slash at the end",
  ALLOWED_HOSTS: "host names between commas",
  LOG_LEVEL: LOG_LEVELS.join(", "),
};

/** Each undefined where none is named. */
export interface LiveFiles {
  readonly key: string | undefined;
  readonly previousKey: string | undefined;
  readonly readKey: string | undefined;
  readonly limits: string | undefined;
}

export interface Config extends Limits, Keys {
  readonly isProduction: boolean;
  /** What holds where LIMITS_FILE says nothing. */
  readonly environmentLimits: Limits;
  /** Files that are looked at again while the service runs. */
  readonly files: LiveFiles;
  readonly memoriesPath: string;
  readonly host: string;
  readonly port: number;
  readonly embeddings: {
    readonly apiKey: string;
    readonly baseUrl: string | undefined;
    readonly model: string;
    readonly dimensions: number | undefined;
  } | undefined;
  /** What turns conversations into memories, at the address of the embeddings; none by default. */
  readonly chatModel: string | undefined;
  /** Which tools assistants are given. */
  readonly toolSets: readonly (typeof TOOL_SETS)[number][];
  /** Whose clients are served beside our own. */
  readonly compat: readonly (typeof COMPAT)[number][];
  /** Left out: the vectors are kept in this process. */
  readonly qdrant: QdrantSettings | undefined;
  readonly maxBodyBytes: number;
  readonly maxImportBytes: number;
  /** Below so many free bytes on the disk, writes that grow are refused. */
  readonly minFreeBytes: number;
  /** What to do where data was found damaged. */
  readonly onCorruption: "serve" | "readonly" | "refuse";
  /** 0: no automatic backups. */
  readonly backupIntervalHours: number;
  readonly backupKeep: number;
  /** Origins of web pages that may ask; none by default. */
  readonly corsOrigins: readonly string[];
  /** Names that this service is called by, beside its own address. */
  readonly allowedHosts: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** What is allowed, but not wise. */
  readonly warnings: readonly string[];
}

export interface ConfigSource {
  readonly env: (name: string) => string | undefined;
  readonly readFile: (path: string) => string;
}

/** Throws `ConfigError` with every problem. `needsKey` is false for work on a stopped folder. */
export function loadConfig({ env, readFile }: ConfigSource, needsKey = true): Config {
  const problems: string[] = [];
  const warnings: string[] = [];
  const names = Object.keys(environmentSchema.shape);
  // An empty variable is one that is not set: compose files and manifests leave such behind.
  const given = names.map((name) => [name, env(name)?.trim() || undefined] as const);
  const parsed = environmentSchema.safeParse(Object.fromEntries(given));
  for (const { path } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    if (isVariable(name)) problems.push(`${name} must be ${WANTED[name]}`);
  }
  const isProduction = env("ENVIRONMENT")?.trim() === "production";
  const files = filesOf(env);
  const told = { readFile, isProduction, problems, warnings };
  const keys = needsKey ? readKeys(env, files, told) : NO_KEYS;
  const limits = readLimits(files.limits, told);
  if (!parsed.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const { data } = parsed;
  const environmentLimits = {
    requestsPerMinute: data.RATE_LIMIT_PER_MINUTE,
    maxMemories: data.MAX_MEMORIES,
    quotaBytes: data.STORAGE_QUOTA_BYTES,
  };
  if (data.QDRANT_URL === undefined) {
    for (const [name, value] of given) {
      if (!name.startsWith("QDRANT_") || value === undefined) continue;
      warnings.push(`${name} is set without QDRANT_URL, and so of no use`);
    }
  }
  if (data.CHAT_MODEL !== undefined && embeddingsOf(data) === undefined) {
    warnings.push("CHAT_MODEL is set without OPENAI_API_KEY or OPENAI_BASE_URL: of no use");
  }
  return {
    isProduction,
    ...keys,
    files,
    memoriesPath: data.MEMORY_PERSIST_PATH,
    host: data.HOST,
    port: data.PORT,
    embeddings: embeddingsOf(data),
    chatModel: data.CHAT_MODEL,
    toolSets: data.MCP_TOOLS,
    compat: data.COMPAT,
    qdrant: qdrantOf(data),
    maxBodyBytes: data.MAX_BODY_BYTES,
    maxImportBytes: data.MAX_IMPORT_BYTES,
    environmentLimits,
    ...environmentLimits,
    ...limits,
    minFreeBytes: data.MIN_FREE_BYTES,
    onCorruption: data.ON_CORRUPTION,
    backupIntervalHours: data.BACKUP_INTERVAL_HOURS,
    backupKeep: data.BACKUP_KEEP,
    corsOrigins: data.CORS_ORIGINS,
    allowedHosts: data.ALLOWED_HOSTS.map((host) => host.toLowerCase()),
    logLevel: data.LOG_LEVEL,
    warnings,
  };
}

function isVariable(name: string): name is Variable {
  return Object.hasOwn(WANTED, name);
}

function filesOf(env: ConfigSource["env"]): LiveFiles {
  const named = (name: Variable) => env(name)?.trim() || undefined;
  return {
    key: named("CONTAINER_API_KEY_FILE"),
    previousKey: named("CONTAINER_API_KEY_PREVIOUS_FILE"),
    readKey: named("CONTAINER_READ_KEY_FILE"),
    limits: named("LIMITS_FILE"),
  };
}

/** A key of one's own, or an address of one's own, which may need none. */
function embeddingsOf(data: z.infer<typeof environmentSchema>): Config["embeddings"] {
  if (data.OPENAI_API_KEY === undefined && data.OPENAI_BASE_URL === undefined) return undefined;
  return {
    apiKey: data.OPENAI_API_KEY ?? "",
    baseUrl: data.OPENAI_BASE_URL,
    model: data.EMBEDDING_MODEL,
    dimensions: data.EMBEDDING_DIMENSIONS,
  };
}

function qdrantOf(data: z.infer<typeof environmentSchema>): Config["qdrant"] {
  const { QDRANT_URL: url } = data;
  return url === undefined ? undefined : {
    url,
    apiKey: data.QDRANT_API_KEY,
    collection: data.QDRANT_COLLECTION,
    timeoutMs: data.QDRANT_TIMEOUT_MS,
    quantization: data.QDRANT_QUANTIZATION,
  };
}
