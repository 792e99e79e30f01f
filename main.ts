/**
 * Second Brain: the composition root. Reads the command line and the environment, chooses the
 * adapters, and runs. Everything else gets what it needs handed to it; nothing imports this file.
 */
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import project from "./deno.json" with { type: "json" };
import { type CommandLine, commandPage, helpPage, parseCommandLine } from "./src/cli/arguments.ts";
import type { AccessKey } from "./src/cli/development_key.ts";
import { logStrayRejections, realTerminal as terminal, stopSignal } from "./src/cli/console.ts";
import { explain, withoutManager } from "./src/cli/exit.ts";
import { CommandError } from "./src/cli/terminal.ts";
import type { Config } from "./src/config.ts";
import type { Brain } from "./src/brain.ts";
import { levelOf, type Log, type Say } from "./src/log.ts";
import type { QuotaLimits } from "./src/quota.ts";
import type { DataFolder } from "./src/store/folder.ts";
import type { VectorsKind } from "./src/vector_index.ts";

const BODY_MS = 30_000;
const HOUR_MS = 3_600_000;
const { version } = project;

// In the bundle, parts that are CommonJS ask for the runtime's own modules by this name.
Reflect.set(globalThis, "require", createRequire(import.meta.url));

async function main(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(args);
  if (line.wantsHelp) return say(commandPage(line.command));
  switch (line.command) {
    case "help":
      return say(helpPage());
    case "version":
      return say(version);
    case "healthcheck":
      return await (await import("./src/cli/healthcheck.ts")).runHealthcheck(line, terminal);
    case "serve":
      return await serve();
    case "export":
    case "import":
    case "reindex":
      return await workOn(line);
    case "verify":
      return await verify(line);
    case "restore":
      return await restoreFrom(line);
    case "manager":
      return (await import("./src/manager/main.ts").catch(withoutManager)).run(args.slice(1));
  }
}

const say = (text: string) => (console.log(text), 0);

async function serve(): Promise<number> {
  const stop = stopSignal();
  const config = await readConfig(true);
  const log = await openLog(config);
  logStrayRejections(log);
  for (const warning of config.warnings) log("warn", "configuration", { warning });

  const clock = (await import("./src/clock.ts")).systemClock;
  const { LiveSettings } = await import("./src/config/live.ts");
  const live = new LiveSettings({ config, readFile, clock, log });
  const { brain, close } = await buildBrain(config, live.quota, log);
  // One that is made up is kept in the data folder, which is there, and ours, only now.
  const { key, notice } = await accessKey(config);
  live.use(key);
  const { createApp } = await import("./src/http/app.ts");
  const { listen } = await import("./src/http/server.ts");
  const { v4 } = await import("uuid");
  const app = createApp({
    brain,
    keys: () => live.keys,
    clock,
    newId: v4,
    version,
    bodyLimits: { bytes: config.maxBodyBytes, ms: BODY_MS },
    importLimits: { bytes: config.maxImportBytes, ms: BODY_MS },
    requestsPerMinute: () => live.requestsPerMinute,
    host: config.host,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigins,
    log,
  });
  live.start();
  // Listening comes first: probes are answered while the data is loaded.
  const listensAnew = () => log("error", "listening_anew", {});
  const server = await listen({ ...app, host: config.host, port: config.port, listensAnew });
  log("info", "listening", { host: config.host, port: server.port, version });
  if (notice !== undefined) console.error(notice(config.host, server.port));
  try {
    await (await import("./src/cli/opening.ts")).openBrain(brain, log);
    log("info", "stopping", { reason: await stop });
  } catch (error) {
    brain.stopTaking();
    await server.close(0);
    throw error;
  }
  const stopTaking = () => brain.stopTaking();
  const { stopServing } = await import("./src/cli/stopping.ts");
  await stopServing({ stopTaking, closeServer: server.close, close }, clock, log);
  return 0;
}

/** Work on a brain that runs somewhere, or on a folder that no service is using. */
async function workOn(line: CommandLine): Promise<number> {
  const { command } = line;
  const local = async <T>(work: (brain: Brain) => Promise<T>): Promise<T> => {
    const all = await readConfig(false);
    if (command !== "import") await requireBrain(all.memoriesPath, command);
    // The vectors of what an import changes are the next start's to make.
    const config = command === "reindex"
      ? all
      : { ...all, embeddings: undefined, qdrant: undefined };
    const limits = { memories: config.maxMemories, bytes: config.quotaBytes };
    const { brain, close } = await buildBrain(config, limits, () => {});
    const { notes } = await brain.open();
    for (const { file, detail } of notes) terminal.say(`Note: ${file}: ${detail}`);
    try {
      return await work(brain);
    } finally {
      await close();
    }
  };
  if (command === "export") {
    await (await import("./src/cli/export.ts")).runExport(line, terminal, local);
  } else if (command === "import") {
    await (await import("./src/cli/import.ts")).runImport(line, terminal, local);
  } else await (await import("./src/cli/reindex.ts")).runReindex(line, terminal, local);
  return 0;
}

async function accessKey({ key, memoriesPath }: Config): Promise<AccessKey> {
  if (key !== undefined) return { key };
  return await (await import("./src/cli/development_key.ts")).developmentKey(dirname(memoriesPath));
}

const readFile = (path: string) => Deno.readTextFileSync(path);

async function readConfig(needsKey: boolean): Promise<Config> {
  const { loadConfig } = await import("./src/config.ts");
  return loadConfig({ env: (name) => Deno.env.get(name), readFile }, needsKey);
}

/** What is still to be written of the log, before the process ends. */
let flushLog: () => Promise<void> = () => Promise.resolve();

async function openLog({ logLevel }: Config): Promise<Log> {
  const { log, flush } = (await import("./src/cli/standard_log.ts")).standardLog(logLevel);
  flushLog = flush;
  return log;
}

/** What `verify` and `restore` need: the files, and a state to read them into. */
async function atRest() {
  const [{ State }, { systemClock, timestamp }, { realFileSystem: fs }, { v7: newId }] =
    await Promise.all([
      import("./src/state.ts"),
      import("./src/clock.ts"),
      import("./src/store/fs.ts"),
      import("uuid"),
    ]);
  const { memoriesPath } = await readConfig(false);
  const defaults = { newId, now: timestamp(systemClock) };
  return { fs, memoriesPath, state: new State(), defaults };
}

async function verify(line: CommandLine): Promise<number> {
  const { runVerify } = await import("./src/cli/verify.ts");
  const { verifyFile, verifyFolder } = await import("./src/store/verification.ts");
  const { holdUnchanged: hold } = await import("./src/store/read_only.ts");
  const all = await atRest();
  return await runVerify(line, terminal, {
    folder: async () => {
      await requireBrain(all.memoriesPath, "verify");
      return await verifyFolder({ ...all, hold });
    },
    file: (path) => verifyFile(all.fs, resolve(path), all.defaults),
  });
}

async function restoreFrom(line: CommandLine): Promise<number> {
  const { runRestore } = await import("./src/cli/restore.ts");
  const { restore } = await import("./src/store/restoration.ts");
  const holder = `pid ${Deno.pid}, version ${version}, restoring`;
  const all = await atRest();
  const from = (file: string) => restore({ ...all, holder, source: resolve(file) });
  await runRestore(line, terminal, from);
  return 0;
}

/** To read from a folder that holds nothing is a slip, such as a wrong path or a volume not mounted. */
async function requireBrain(memoriesPath: string, command: string): Promise<void> {
  const { DataFolder } = await import("./src/store/folder.ts");
  const { realFileSystem: fs } = await import("./src/store/fs.ts");
  const { holdsBrain } = await import("./src/store/verification.ts");
  const folder = new DataFolder(fs, memoriesPath, () => "");
  // Why it cannot be looked into, the store says better.
  if (await holdsBrain(folder).catch(() => true)) return;
  const place = JSON.stringify(folder.memories);
  throw new CommandError(
    `Cannot ${command}: there is no brain at ${place}; set MEMORY_PERSIST_PATH`,
  );
}

/** Chooses the adapters: the one place that knows them all. */
async function buildBrain(config: Config, limits: QuotaLimits, log: Log) {
  const [
    { Brain },
    { systemClock },
    { Bm25Index },
    { takeFolder },
    { HeapWatch },
    { v4, v7 },
  ] = await Promise.all([
    import("./src/brain.ts"),
    import("./src/clock.ts"),
    import("./src/text_index/bm25.ts"),
    import("./src/store/taken_folder.ts"),
    import("./src/cli/heap.ts"),
    import("uuid"),
  ]);
  const { memoriesPath, minFreeBytes, onCorruption } = config;
  const { store, exportFolder, folder } = await takeFolder({
    ...{ memoriesPath, minFreeBytes, onCorruption, version, pid: Deno.pid },
    clock: systemClock,
    newId: v4,
    log: (event, detail) => log(levelOf(event), event, detail),
  });
  const embeddings = await openEmbeddings(config, folder.root, log);
  const brain = new Brain({
    store,
    textIndex: new Bm25Index(),
    newVectorIndex: await vectorIndexes(config, folder, log),
    exportFolder,
    embedder: embeddings?.embedder,
    models: embeddings?.models,
    embeddingsBytes: () => embeddings?.cache.bytes ?? 0,
    limits,
    backupPlan: config.backupIntervalHours === 0
      ? undefined
      : { intervalMs: config.backupIntervalHours * HOUR_MS, keep: config.backupKeep },
    heap: new HeapWatch(),
    clock: systemClock,
    newId: v7,
    run: v7(),
    random: Math.random,
    version,
    log: (event, detail) => log(levelOf(event), event, detail),
  });
  const close = async () => {
    await brain.close();
    // What was answered last is still being written, and was paid for.
    await embeddings?.cache.put([]);
    embeddings?.cache.close();
  };
  return { brain, close };
}

/** Where vectors are searched: in this process, or in the Qdrant that is set. */
async function vectorIndexes({ qdrant }: Config, folder: DataFolder, log: Log) {
  if (qdrant === undefined) {
    const { QuantisedVectorIndex } = await import("./src/vector_index/quantised.ts");
    return ({ fullVectors }: VectorsKind) => new QuantisedVectorIndex({ fullVectors });
  }
  const [{ vectorsInQdrant }, { brainId }, { systemClock: clock }, { v4 }] = await Promise.all([
    import("./src/vector_index/qdrant/kept.ts"),
    import("./src/store/brain_id.ts"),
    import("./src/clock.ts"),
    import("uuid"),
  ]);
  const say: Say = (message, level = "warn") => log(level, "vector_store", { message });
  const brain = await brainId(folder, v4, say);
  return vectorsInQdrant({ qdrant, brain, clock, random: Math.random, log: say });
}

async function openEmbeddings(config: Config, folder: string, log: Log) {
  const { embeddings: provider, quotaBytes } = config;
  if (provider === undefined) return undefined;
  const { openKept } = await import("./src/embedder/kept.ts");
  const say = (message: string) => log("warn", "embedding_cache", { message });
  return openKept({ provider, folder, quotaBytes, log: say });
}

if (import.meta.main) {
  let code: number;
  try {
    code = await main(Deno.args);
  } catch (error) {
    const explained = explain(error);
    console.error(explained.message);
    code = explained.code;
  }
  await flushLog();
  // Not `Deno.exitCode`: timers of a provider that hangs must not hold up the end.
  Deno.exit(code);
}
