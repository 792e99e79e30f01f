/**
 * Second Brain: the composition root. Reads the command line and the environment, chooses the
 * adapters, and runs. Everything else gets what it needs handed to it; nothing imports this file.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import project from "./deno.json" with { type: "json" };
import { type CommandLine, commandPage, helpPage, parseCommandLine } from "./src/cli/arguments.ts";
import type { AccessKey } from "./src/cli/development_key.ts";
import { logStrayRejections, realTerminal as terminal, stopSignal } from "./src/cli/console.ts";
import { explain, withoutManager } from "./src/cli/exit.ts";
import type { Config } from "./src/config.ts";
import type { Brain } from "./src/brain.ts";
import { readConfig, readFile } from "./src/composition/settings.ts";
import type { Log } from "./src/log.ts";

const BODY_MS = 30_000;
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
    case "mcp":
      return await (await import("./src/composition/mcp.ts"))
        .serveAssistant(line, (config) => openLog(config, Deno.stderr));
    case "verify":
      return await (await import("./src/composition/at_rest.ts")).verify(line);
    case "restore":
      return await (await import("./src/composition/at_rest.ts")).restoreFrom(line);
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
  const { buildBrain } = await import("./src/composition/brain.ts");
  const { brain, close } = await buildBrain(config, live.quota, log);
  // One that is made up is kept in the data folder, which is there, and ours, only now.
  const { key, notice } = await accessKey(config);
  live.use(key);
  const { createApp } = await import("./src/http/app.ts");
  const { listen } = await import("./src/http/server.ts");
  const { v4 } = await import("uuid");
  const { openFaces } = await import("./src/composition/faces.ts");
  const bodyLimits = { bytes: config.maxBodyBytes, ms: BODY_MS };
  const faces = await openFaces(config, brain, { bodyLimits, clock, newId: v4, log });
  const app = createApp({
    brain,
    keys: () => live.keys,
    readKeys: () => live.readKeys,
    faces,
    clock,
    newId: v4,
    version,
    bodyLimits,
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
    if (command !== "import") {
      const { requireBrain } = await import("./src/composition/at_rest.ts");
      await requireBrain(all.memoriesPath, command);
    }
    // The vectors of what an import changes are the next start's to make.
    const config = command === "reindex"
      ? all
      : { ...all, embeddings: undefined, qdrant: undefined };
    const limits = { memories: config.maxMemories, bytes: config.quotaBytes };
    const { buildBrain } = await import("./src/composition/brain.ts");
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

/** What is still to be written of the log, before the process ends. */
let flushLog: () => Promise<void> = () => Promise.resolve();

async function openLog({ logLevel }: Config, sink?: typeof Deno.stderr): Promise<Log> {
  const { log, flush } = (await import("./src/cli/standard_log.ts")).standardLog(logLevel, sink);
  flushLog = flush;
  return log;
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
