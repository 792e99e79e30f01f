/**
 * What the program may touch, said once: the binary is compiled with these flags, the bundle is
 * tested under them, and a test compares the `start` task and every compiled output with them.
 */
import { fileURLToPath } from "node:url";

/** Every variable that the configuration reads; each other one reads as unset. */
export const ENV = [
  "CONTAINER_API_KEY",
  "CONTAINER_API_KEY_FILE",
  "CONTAINER_API_KEY_PREVIOUS_FILE",
  "CONTAINER_READ_KEY",
  "CONTAINER_READ_KEY_FILE",
  "ENVIRONMENT",
  "MEMORY_PERSIST_PATH",
  "PORT",
  "HOST",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "EMBEDDING_MODEL",
  "EMBEDDING_DIMENSIONS",
  "CHAT_MODEL",
  "MCP_TOOLS",
  "COMPAT",
  "QDRANT_URL",
  "QDRANT_API_KEY",
  "QDRANT_COLLECTION",
  "QDRANT_TIMEOUT_MS",
  "QDRANT_QUANTIZATION",
  "MAX_BODY_BYTES",
  "MAX_IMPORT_BYTES",
  "RATE_LIMIT_PER_MINUTE",
  "MAX_MEMORIES",
  "STORAGE_QUOTA_BYTES",
  "LIMITS_FILE",
  "MIN_FREE_BYTES",
  "ON_CORRUPTION",
  "BACKUP_INTERVAL_HOURS",
  "BACKUP_KEEP",
  "CORS_ORIGINS",
  "ALLOWED_HOSTS",
  "LOG_LEVEL",
] as const;

/** The same, of the manager. */
export const MANAGER_ENV = [
  "HOST",
  "PORT",
  "ALLOWED_HOSTS",
  "LOG_LEVEL",
  "RATE_LIMIT_PER_MINUTE",
  "MANAGER_KEYS_FILE",
  "MANAGER_NAMESPACE",
  "BRAIN_IMAGE",
  "QDRANT_IMAGE",
  "STORAGE_CLASS",
  "SNAPSHOT_CLASS",
  "READ_WRITE_ONCE_POD",
  "SERVICE_MONITORS",
  "INGRESS_NAMESPACE",
  "MONITORING_NAMESPACE",
  "BRAIN_DOMAIN",
  "INGRESS_CLASS",
  "CERTIFICATE_ISSUER",
  "SHARED_QDRANT_URL",
  "SHARED_QDRANT_NAMESPACE",
  "SHARED_QDRANT_KEY_FILE",
  "EMBEDDING_KEY_FILE",
  "EMBEDDING_BASE_URL",
  "BACKUP_FOLDER",
  "BACKUP_KEYS_FILE",
  "KUBECONFIG",
  "KUBERNETES_SERVICE_HOST",
  "KUBERNETES_SERVICE_PORT",
] as const;

/** For the message that says which user cannot write to the data folder; for the disk's free space. */
export const SYS = ["uid", "statfs"] as const;

/**
 * The images' volume: the only place that a binary may write to; the manager's backups lie there.
 * With a limit on files SQLite refuses ATTACH, and so VACUUM; everything else of it works.
 */
export const DATA_FOLDER = "/data";

/** Where Docker and our manifests mount `CONTAINER_API_KEY_FILE`: read, never written. */
export const SECRETS_FOLDER = "/run/secrets";

/** Its keys, a kubeconfig where there is one, and what every pod gets of its service account. */
export const MANAGER_SECRETS = [SECRETS_FOLDER, "/var/run/secrets"] as const;

/**
 * 100,000 memories with vectors of 1,536 numbers are to fit into 512 MiB, also while they are
 * loaded. So the part of the heap for new values may grow to 4 MiB, and three times that in all, by
 * default ten times as much; and all of it to a quarter above what was in use, by default two to
 * four times that, before garbage is looked for. The provider's vectors are not on that heap, but
 * it is this search that lets go of them as well.
 */
const HEAP_FLAGS = ["--max-semi-space-size=4", "--heap-growing-percent=25"] as const;

/** The process holds a key and other people's words: nothing in it needs to turn text into code. */
export const V8_FLAGS = ["--disallow-code-generation-from-strings", ...HEAP_FLAGS] as const;

/**
 * The flags that hold wherever the program runs. The network is open, because the operator names
 * the addresses of the embedding provider and of the vector store. `--ignore-env` makes a variable
 * outside the list read as unset: libraries probe for their own (the OpenAI client for
 * OPENAI_ORG_ID, OPENAI_LOG and more), and neither an exception nor an unlisted setting that
 * silently takes effect would be right. There is no --allow-run and no --allow-ffi.
 */
function commonFlags(): string[] {
  return [
    "--no-prompt",
    "--deny-import",
    "--allow-net",
    `--allow-env=${ENV}`,
    "--ignore-env",
    `--allow-sys=${SYS}`,
  ];
}

/** For `deno task start`: `MEMORY_PERSIST_PATH`, a key file or an export may lie anywhere. */
export function developmentFlags(): string[] {
  return [...commonFlags(), "--allow-read", "--allow-write", `--v8-flags=${HEAP_FLAGS}`];
}

/** What is compiled into the binary; tests of the bundle put their own folder for `/data`. */
export function containerFlags(dataFolder: string = DATA_FOLDER): string[] {
  return [
    ...commonFlags(),
    `--allow-read=${dataFolder},${SECRETS_FOLDER}`,
    `--allow-write=${dataFolder}`,
    `--v8-flags=${V8_FLAGS}`,
  ];
}

/**
 * The manager has more rights in a cluster than any brain, so it has fewer here: nothing of the
 * system, and no disk but that of the backups.
 */
function managerCommonFlags(): string[] {
  return [
    "--no-prompt",
    "--deny-import",
    "--allow-net",
    `--allow-env=${MANAGER_ENV}`,
    "--ignore-env",
  ];
}

/** For `deno task manager`: a kubeconfig, keys and backups may lie anywhere. */
export function managerDevelopmentFlags(): string[] {
  return [...managerCommonFlags(), "--allow-read", "--allow-write"];
}

/** What is compiled into the manager's binary; tests put their own folder for both. */
export function managerFlags(
  dataFolder: string = DATA_FOLDER,
  secrets: readonly string[] = MANAGER_SECRETS,
): string[] {
  return [
    ...managerCommonFlags(),
    `--allow-read=${[dataFolder, ...secrets]}`,
    `--allow-write=${dataFolder}`,
    `--v8-flags=${V8_FLAGS}`,
  ];
}

/** Arguments for `deno` that run the bundle as the binary would be run: no config, no cache. */
export function bundleArguments(bundle: string, dataFolder: string): string[] {
  return runBundle(bundle, containerFlags(dataFolder));
}

/** The same, of the manager: its folder of backups has its secrets, too. */
export function managerArguments(bundle: string, folder: string): string[] {
  return runBundle(bundle, managerFlags(folder, []));
}

function runBundle(bundle: string, flags: readonly string[]): string[] {
  return [
    "run",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-npm",
    "--no-remote",
    "--cached-only",
    "--unstable-no-legacy-abort",
    ...flags,
    bundle,
  ];
}

/**
 * Arguments for `deno` that run the program, from any folder, for tests and measurements: the
 * sources, or with SECOND_BRAIN_BUNDLE that file, under what the binary gets. A sub-command and its
 * arguments may follow.
 */
export function programArguments(dataFolder: string): string[] {
  const bundle = Deno.env.get("SECOND_BRAIN_BUNDLE");
  if (bundle) return bundleArguments(bundle, dataFolder);
  return runSource("main.ts", developmentFlags());
}

/** The same, of the manager, with SECOND_BRAIN_MANAGER_BUNDLE. */
export function managerProgramArguments(folder: string): string[] {
  const bundle = Deno.env.get("SECOND_BRAIN_MANAGER_BUNDLE");
  if (bundle) return managerArguments(bundle, folder);
  return runSource("src/manager/main.ts", managerDevelopmentFlags());
}

function runSource(path: string, flags: readonly string[]): string[] {
  const [config, main] = ["deno.json", path].map((name) =>
    fileURLToPath(new URL(`../${name}`, import.meta.url))
  );
  return ["run", "--quiet", `--config=${config}`, ...flags, `${main}`];
}
