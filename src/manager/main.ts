/**
 * The management service: its composition root. Reads the command line and the environment, chooses
 * the adapters, and runs. A program of its own: a brain has none of this.
 *
 * Several of these may work on one register at a time, a service beside a command line, or two
 * services during a rollout. No leader is elected: each operation is held by a lease in its user's
 * record, and whatever is done twice does no harm.
 */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { v4, v7 } from "uuid";
import { logStrayRejections, realTerminal as terminal, stopSignal } from "../cli/console.ts";
import { explain } from "../cli/exit.ts";
import { standardLog } from "../cli/standard_log.ts";
import { stopServing } from "../cli/stopping.ts";
import { CommandError, reasonOf } from "../cli/terminal.ts";
import { systemClock as clock } from "../clock.ts";
import project from "../../deno.json" with { type: "json" };
import type { Log } from "../log.ts";
import { realSinkFiles } from "./backup_sink/files.ts";
import { FolderSink } from "./backup_sink/folder.ts";
import { Backups } from "./backups.ts";
import { parseBackupKeys } from "./backups/keys.ts";
import { HttpBrains } from "./brain_access/http.ts";
import { BrainManager } from "./brain_manager.ts";
import { type CommandLine, commandPage, helpPage, parseCommandLine } from "./cli/arguments.ts";
import { runDoctor } from "./cli/doctor.ts";
import { runMigration } from "./cli/migrate.ts";
import { runReading } from "./cli/reading.ts";
import { runVerb } from "./cli/verbs.ts";
import { AccessError, podAccess } from "./cluster/access.ts";
import { connectKubernetes } from "./cluster/connect.ts";
import { kubeconfigAccess } from "./cluster/kubeconfig.ts";
import { ClusterError } from "./cluster.ts";
import { ConfigError } from "../config/environment.ts";
import { loadConfig, type ManagerConfig, type Needs } from "./config.ts";
import { ManagerError } from "./errors.ts";
import { listen } from "../http/server.ts";
import { AccessKeys, KeysFileError } from "./http/access_keys.ts";
import type { Phase } from "./http/service.ts";
import { DiskMigrationFolder } from "./migration_folder/disk.ts";
import { Operations } from "./operations.ts";
import { Reachability } from "./reachability.ts";
import { Reconciler } from "./reconciler.ts";
import { Register } from "./register.ts";
import { tierProblems, TIERS } from "./tiers.ts";

const { version } = project;
const BODY_LIMITS = { bytes: 64 * 1024, ms: 10_000 };
/** Keys and tokens: nobody's is larger. */
const MOST_FILE_CHARACTERS = 1 << 20;
/** As in sysexits.h: what is asked is not there now. */
const EXIT_UNAVAILABLE = 69;

// In the bundle, parts that are CommonJS ask for the runtime's own modules by this name.
Reflect.set(globalThis, "require", createRequire(import.meta.url));

/** Resolves with the exit code. `args` may begin with the word by which a brain's program leads here. */
export async function run(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(args[0] === "manager" ? args.slice(1) : args);
  if (line.wantsHelp) return say(commandPage(line.command));
  // What waits for a cluster has only timers that would let the program end.
  const alive = setInterval(() => {}, 60_000);
  try {
    return await carryOut(line);
  } catch (error) {
    throw forPeople(error);
  } finally {
    clearInterval(alive);
  }
}

const say = (text: string) => (console.log(text), 0);

async function carryOut(line: CommandLine): Promise<number> {
  switch (line.command) {
    case "help":
      return say(helpPage());
    case "version":
      return say(version);
    case "serve":
      return await serve();
    default:
      return await workOn(line);
  }
}

async function serve(): Promise<number> {
  const stop = stopSignal();
  const config = readConfig({ keys: true, cluster: true, backups: true });
  const { log, flush } = standardLog(config.logLevel);
  logStrayRejections(log);
  for (const warning of config.warnings) log("warn", "configuration", { warning });
  const began = clock.now();
  const parts = await openParts(config, log);
  const { manager, reconciler, operations, cluster } = parts;
  const reachability = new Reachability(cluster, config.settings.managerNamespace, clock);
  let phase: Phase = "ready";
  // Not before it is asked for: its metrics are CommonJS.
  const { createApp } = await import("./http/app.ts");
  const app = createApp({
    ...config,
    manager,
    clock,
    log,
    keys: await openKeys(config, log),
    newId: v4,
    state: {
      version,
      phase: () => phase,
      clusterIsUp: () => reachability.isUp(),
      uptimeSeconds: () => Math.floor((clock.now() - began) / 1000),
    },
    stats: () => reconciler.stats,
    bodyLimits: BODY_LIMITS,
  });
  const listensAnew = () => log("error", "listening_anew", {});
  const server = await listen({ ...app, host: config.host, port: config.port, listensAnew });
  log("info", "listening", { host: config.host, port: server.port, version });
  reconciler.start();
  log("info", "stopping", { reason: await stop });
  const stopTaking = () => void (phase = "stopping");
  const close = async () => {
    await Promise.all([reconciler.stop(), operations.stop()]);
    cluster[Symbol.dispose]();
  };
  await stopServing({ stopTaking, closeServer: server.close, close }, clock, log);
  await flush();
  return 0;
}

/** A command in this process: the register makes that safe beside a service. */
async function workOn(line: CommandLine): Promise<number> {
  const log: Log = (level, event) => level === "error" ? terminal.say(event) : undefined;
  const signal = new AbortController().signal;
  let opened: Parts | undefined;
  let warnings: readonly string[] = [];
  const open = async () => {
    const config = readConfig({ cluster: true, backups: true });
    warnings = config.warnings;
    // The service lists, restores and thins out what is in its own folder alone.
    if (["backup", "delete"].includes(line.command) && config.cluster?.by === "kubeconfig") {
      terminal.say("a backup goes to BACKUP_FOLDER here; have it be the service's own");
    }
    // It is the service's alone, and may well not be where a command line is.
    if (line.command === "doctor" && config.keysFile !== undefined) await openKeys(config, log);
    return opened ??= await openParts(config, log);
  };
  try {
    if (line.command === "doctor") {
      return await runDoctor(line, {
        open: async () => ({ ...await open(), clock, newId: v4, signal }),
        warnings: () => warnings,
        problemsOf: (error) => problemsOf(forPeople(error)),
        out: terminal.out,
      });
    }
    if (line.command === "migrate") {
      const openFolder = (path: string) => DiskMigrationFolder.open(resolve(path));
      const remove = (path: string) => rm(path, { force: true });
      await runMigration(line, { open, openFolder, terminal, remove, clock, signal });
      return 0;
    }
    const isVerb = await runVerb(line, async () => {
      const { manager } = await open();
      return { manager, terminal, newId: v4, now: () => performance.now() };
    });
    const manager = async () => (await open()).manager;
    const settings = () => readConfig().settings;
    const isDone = isVerb ||
      await runReading(line, { manager, settings, out: terminal.out, signal });
    if (!isDone) throw new Error(`Nobody carries out "${line.command}"`);
    return 0;
  } finally {
    await opened?.operations.stop();
    opened?.cluster[Symbol.dispose]();
  }
}

function problemsOf(error: unknown): readonly string[] | undefined {
  if (error instanceof ConfigError) return error.problems;
  return error instanceof CommandError ? [error.message] : undefined;
}

function readConfig(needs: Needs = {}): ManagerConfig {
  const wrongTiers = tierProblems(TIERS);
  if (wrongTiers.length > 0) throw new ConfigError(wrongTiers);
  return loadConfig((name) => Deno.env.get(name), needs);
}

async function readText(path: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  if (text.length > MOST_FILE_CHARACTERS) throw new Error("It is too large");
  return text;
}

/** `name` is the variable that says where it is. Throws `ConfigError`. */
async function fromFile<T>(name: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const isOurs = error instanceof KeysFileError ||
      error instanceof Error && error.message.startsWith("Cannot ");
    const reason = isOurs ? error.message : reasonOf(error);
    throw new ConfigError([`the file that ${name} names cannot be used: ${reason}`]);
  }
}

function readSecret<T>(name: string, path: string, parse: (text: string) => T): Promise<T> {
  return fromFile(name, async () => parse(await readText(path)));
}

function openKeys({ keysFile = "" }: ManagerConfig, log: Log): Promise<AccessKeys> {
  const read = () => readText(keysFile);
  return fromFile("MANAGER_KEYS_FILE", () => AccessKeys.open({ read, clock, log }));
}

async function connect({ cluster }: ManagerConfig) {
  if (cluster === undefined) throw new ConfigError(["there is no cluster"]);
  const access = cluster.by === "kubeconfig"
    ? await kubeconfigAccess(resolve(cluster.file), readText, clock)
    : await podAccess(cluster, readText, clock);
  return connectKubernetes(access, { clock, random: Math.random });
}

type Parts = Awaited<ReturnType<typeof openParts>>;

/** Chooses the adapters: the one place that knows them all. */
async function openParts(config: ManagerConfig, log: Log) {
  const { settings, backups: place, embeddingKeyFile, qdrantKeyFile } = config;
  if (place === undefined) throw new ConfigError(["BACKUP_FOLDER is not set"]);
  const optional = (name: string, path: string | undefined) =>
    path === undefined ? undefined : readSecret(name, path, (text) => text.trim());
  const sharedKeys = {
    embedding: await optional("EMBEDDING_KEY_FILE", embeddingKeyFile),
    qdrant: await optional("SHARED_QDRANT_KEY_FILE", qdrantKeyFile),
  };
  const keys = await readSecret("BACKUP_KEYS_FILE", place.keysFile, parseBackupKeys);
  const cluster = await connect(config);
  const path = resolve(place.folder);
  // In a new volume; not the volume itself, so that one that is not mounted is missed.
  await Deno.mkdir(path, { mode: 0o700 }).catch(() => {}); // The sink says better what is amiss.
  const sink = new FolderSink({ path, files: realSinkFiles, clock, newId: v4 });
  const brains = new HttpBrains({ fetch: (url, init) => fetch(url, init), clock });
  const common = { cluster, sink, brains, settings, clock, newId: v7, random: Math.random, log };
  const backups = new Backups({ ...common, keys, randomBytes });
  const register = new Register(cluster, settings.managerNamespace);
  const made = { ...common, backups, register };
  const operations = new Operations({
    ...{ ...made, randomBytes, holder: v4(), sharedKeys },
    ended: (verb, outcome) => reconciler.ended(verb, outcome),
  });
  const manager = new BrainManager({ ...made, operations });
  const reconciler: Reconciler = new Reconciler({ ...made, operations, manager });
  return { settings, cluster, sink, brains, register, operations, manager, reconciler };
}

/** What an operator can mend, in one line, with the code for whoever called. */
function forPeople(error: unknown): unknown {
  if (error instanceof AccessError) return new ConfigError([error.message]);
  const isAway = error instanceof ManagerError && error.code === "cluster_unavailable" ||
    error instanceof ClusterError && error.fault === "unavailable";
  if (isAway) return new CommandError(error.message, EXIT_UNAVAILABLE);
  if (error instanceof ManagerError) return new CommandError(error.message);
  if (error instanceof ClusterError) {
    return new CommandError(`Cannot do this: the cluster says "${error.message}"`);
  }
  return error;
}

if (import.meta.main) {
  let code: number;
  try {
    code = await run(Deno.args);
  } catch (error) {
    const explained = explain(error);
    console.error(explained.message);
    code = explained.code;
  }
  Deno.exit(code);
}
