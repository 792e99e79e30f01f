/**
 * Second Brain: the composition root. Reads the command line and the environment, chooses the
 * adapters, and runs. Everything else gets what it needs handed to it; nothing imports this file.
 */
import { createRequire } from "node:module";
import project from "./deno.json" with { type: "json" };
import { type CommandLine, commandPage, helpPage, parseCommandLine } from "./src/cli/arguments.ts";
import type { AccessKey } from "./src/cli/development_key.ts";
import { logStrayRejections, realTerminal as terminal } from "./src/cli/console.ts";
import { explain } from "./src/cli/exit.ts";
import { CommandError } from "./src/cli/terminal.ts";
import type { Config } from "./src/config.ts";
import type { Brain } from "./src/brain.ts";
import type { Log } from "./src/log.ts";

const STOP_REQUESTS_MS = 6_000;
const BODY_MS = 30_000;
const FLUSH_MS = 1_000;
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
      return await transfer(line);
  }
}

function say(text: string): number {
  console.log(text);
  return 0;
}

async function serve(): Promise<number> {
  // As process 1 of a container, a signal without a listener would kill us on the spot.
  const stop = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => stop.resolve(signal));
  }
  const config = await readConfig(true);
  const log = await openLog(config);
  logStrayRejections(log);
  for (const warning of config.warnings) log("warn", "configuration", { warning });

  const { brain, close, folder } = await buildBrain(config, log);
  const clock = (await import("./src/clock.ts")).systemClock;
  const { createApp } = await import("./src/http/app.ts");
  const { listen } = await import("./src/http/server.ts");
  const { key, notice } = await accessKey(config, folder);
  const { v4 } = await import("uuid");
  const app = createApp({
    brain,
    key,
    clock,
    newId: v4,
    version,
    bodyLimits: { bytes: config.maxBodyBytes, ms: BODY_MS },
    importLimits: { bytes: config.maxImportBytes, ms: BODY_MS },
    requestsPerMinute: config.requestsPerMinute,
    host: config.host,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigins,
    log,
  });
  // Listening comes first: probes are answered while the data is loaded.
  const server = await listen({ ...app, host: config.host, port: config.port });
  log("info", "listening", { host: config.host, port: server.port, version });
  if (notice !== undefined) console.error(notice(config.host, server.port));
  try {
    await openBrain(brain, log);
    const reason = await stop.promise;
    log("info", "stopping", { reason });
  } catch (error) {
    brain.stopTaking();
    await server.close(0);
    throw error;
  }
  brain.stopTaking();
  await server.close(STOP_REQUESTS_MS);
  await close();
  log("info", "stopped", {});
  return 0;
}

async function openBrain(brain: Brain, log: Log): Promise<void> {
  const began = performance.now();
  const { integrity, notes } = await brain.open();
  for (const { kind, file, detail, quarantine } of notes) {
    const level = kind === "damage" ? "error" : kind === "hand_edited" ? "warn" : "info";
    log(level, "recovery", { kind, file, detail, quarantine: quarantine ?? null });
  }
  const ms = () => Math.round(performance.now() - began);
  log("info", "ready", { memories: brain.stats.totalMemories, integrity, ms: ms() });
  void brain.wordsReady.then(
    () => log("info", "words_ready", { ms: ms() }),
    () => log("error", "words_failed", {}),
  );
}

/** Export or import on a folder that no service is using. */
async function transfer(line: CommandLine): Promise<number> {
  const local = async <T>(work: (brain: Brain) => Promise<T>): Promise<T> => {
    const config = await readConfig(false);
    if (line.command === "export") await requireBrain(config);
    const { brain, close } = await buildBrain({ ...config, embeddings: undefined }, () => {});
    const { notes } = await brain.open();
    for (const { file, detail } of notes) terminal.say(`Note: ${file}: ${detail}`);
    try {
      return await work(brain);
    } finally {
      await close();
    }
  };
  if (line.command === "export") {
    await (await import("./src/cli/export.ts")).runExport(line, terminal, local);
  } else await (await import("./src/cli/import.ts")).runImport(line, terminal, local);
  return 0;
}

async function accessKey({ key }: Config, folder: string): Promise<AccessKey> {
  if (key !== undefined) return { key };
  return await (await import("./src/cli/development_key.ts")).developmentKey(folder);
}

async function readConfig(needsKey: boolean): Promise<Config> {
  const { loadConfig } = await import("./src/config.ts");
  const readFile = (path: string) => Deno.readTextFileSync(path);
  return loadConfig({ env: (name) => Deno.env.get(name), readFile }, needsKey);
}

/** What is still to be written of the log, before the process ends. */
let flushLog: () => Promise<void> = () => Promise.resolve();

async function openLog({ logLevel }: Config): Promise<Log> {
  const { logger } = await import("./src/log.ts");
  const { LineWriter } = await import("./src/cli/line_writer.ts");
  const lines = new LineWriter(Deno.stdout, (lines) => log("warn", "log_dropped", { lines }));
  flushLog = () => lines.flush(FLUSH_MS);
  const log = logger(logLevel, () => new Date().toISOString(), (line) => lines.write(line));
  return log;
}

/** To read from a folder that holds nothing is a slip, such as a wrong path or a volume not mounted. */
async function requireBrain({ memoriesPath }: Config): Promise<void> {
  const { DataFolder } = await import("./src/store/folder.ts");
  const { realFileSystem: fs } = await import("./src/store/fs.ts");
  const { memories, previous, journal } = new DataFolder(fs, memoriesPath, () => "");
  try {
    for (const path of [memories, previous]) if (await fs.exists(path)) return;
    if ((await fs.list(journal)).length > 0) return;
  } catch {
    return; // Why it cannot be looked into, the store says better.
  }
  throw new CommandError(
    `Cannot export: there is no brain at ${JSON.stringify(memories)}; set MEMORY_PERSIST_PATH`,
  );
}

/** Chooses the adapters: the one place that knows them all. */
async function buildBrain(config: Config, log: Log) {
  const [{ Brain }, { systemClock }, { Bm25Index }, { FlatVectorIndex }, { v7 }] = await Promise
    .all([
      import("./src/brain.ts"),
      import("./src/clock.ts"),
      import("./src/text_index/bm25.ts"),
      import("./src/vector_index/flat.ts"),
      import("uuid"),
    ]);
  const { store, exportFolder, folder } = await takeFolder(config, log);
  const embeddings = await openEmbeddings(config, folder, log);
  const brain = new Brain({
    store,
    textIndex: new Bm25Index(),
    vectorIndex: new FlatVectorIndex(),
    exportFolder,
    embedder: embeddings?.embedder,
    embeddingsBytes: () => embeddings?.cache.bytes ?? 0,
    limits: { memories: config.maxMemories, bytes: config.quotaBytes },
    memoryShort: await memoryShort(),
    clock: systemClock,
    newId: v7,
    run: v7(),
    random: Math.random,
    version,
    log: (event, detail) => log("warn", event, detail),
  });
  const close = async () => {
    await brain.close();
    embeddings?.cache.close();
  };
  return { brain, close, folder };
}

/** The data folder, held for this process: only then is anything in it touched. */
async function takeFolder(config: Config, log: Log) {
  const [
    { systemClock, timestamp },
    { DataFolder },
    { realFileSystem },
    { FileStore },
    { ExportFiles },
    { v4 },
  ] = await Promise.all([
    import("./src/clock.ts"),
    import("./src/store/folder.ts"),
    import("./src/store/fs.ts"),
    import("./src/store/file.ts"),
    import("./src/store/export_files.ts"),
    import("uuid"),
  ]);
  const now = () => timestamp(systemClock);
  const folder = new DataFolder(realFileSystem, config.memoriesPath, now);
  const store = new FileStore({
    folder,
    clock: systemClock,
    newId: v4,
    version,
    holder: `pid ${Deno.pid}, version ${version}, since ${now()}`,
    log: (event, detail) => log("warn", event, detail),
  });
  await store.take();
  const exportFolder = new ExportFiles(realFileSystem, `${folder.root}/exports`);
  await exportFolder.open();
  return { store, exportFolder, folder: folder.root };
}

/** Says whether hardly any of the heap is left. */
async function memoryShort(): Promise<() => boolean> {
  const { getHeapStatistics } = await import("node:v8");
  return () => {
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    return used_heap_size > 0.85 * heap_size_limit;
  };
}

async function openEmbeddings({ embeddings }: Config, folder: string, log: Log) {
  if (embeddings === undefined) return undefined;
  const { EmbeddingCache } = await import("./src/embedder/cache.ts");
  const { cachedEmbedder } = await import("./src/embedder/cached.ts");
  const { openAiEmbedder } = await import("./src/embedder/openai.ts");
  const cache = new EmbeddingCache({
    path: `${folder}/embeddings.db`,
    quarantineFolder: `${folder}/quarantine`,
    log: (message) => log("warn", "embedding_cache", { message }),
  });
  return { cache, embedder: cachedEmbedder(openAiEmbedder(embeddings), cache) };
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
