/** `second-brain mcp`: a brain for the one client that started this program. */
import project from "../../deno.json" with { type: "json" };
import type { CommandLine } from "../cli/arguments.ts";
import { logStrayRejections, realTerminal as terminal, stopSignal } from "../cli/console.ts";
import { EXIT } from "../cli/exit.ts";
import { type Remote, remoteOf } from "../cli/remote.ts";
import { CommandError } from "../cli/terminal.ts";
import type { Config } from "../config.ts";
import type { Log } from "../log.ts";
import type { Scope } from "../scope.ts";
import { readConfig } from "./settings.ts";

const { version } = project;
/** What the two sides of a bridge say in one message, at most. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** As a service has it: a supervisor does not wait for longer than ten seconds in all. */
const GRACE_MS = 6_000;

/** Standard output is the protocol's: `openLog` opens a log that goes elsewhere. */
export async function serveAssistant(
  { options }: CommandLine,
  openLog: (config: Config) => Promise<Log>,
): Promise<number> {
  const stop = stopSignal();
  const remote = remoteOf(options, terminal.env);
  const scope = options["read-only"] === true ? "read" : "write";
  // A wait between two attempts does not keep the program alive, and neither does a signal.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    if (remote === undefined) await serveFolder(scope, openLog, stop);
    else await serveRemote(remote, scope, stop);
  } finally {
    clearInterval(alive);
  }
  return 0;
}

/** Messages to and from a brain that runs somewhere. */
async function serveRemote({ url, key }: Remote, scope: Scope, stop: Promise<string>) {
  const [{ Bridge }, { systemClock: clock }] = await Promise.all([
    import("../mcp/bridge.ts"),
    import("../clock.ts"),
  ]);
  // On a connection that was used before, a request may be sent a second time.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const bridge = new Bridge({
    url: url.replace(/\/mcp$/, "") + (scope === "read" ? "/mcp/read-only" : "/mcp"),
    key,
    fetch: (asked, init) => fetch(asked, { ...init, client }),
    wasUnsent,
    pieces: terminal.readPieces("-"),
    out: terminal.out,
    say: terminal.say,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    clock,
  });
  await Promise.race([bridge.ended, stop.then(() => bridge.close(GRACE_MS))]);
}

/** The runtime has no other word for a connection that did not come about. */
function wasUnsent(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error &&
    error.cause.message.includes("client error (Connect)");
}

/** A brain of this program's own, in the data folder; no address is listened on. */
async function serveFolder(
  scope: Scope,
  openLog: (config: Config) => Promise<Log>,
  stop: Promise<string>,
) {
  const config = await readConfig(false);
  const log = await openLog(config);
  logStrayRejections(log);
  for (const warning of config.warnings) log("warn", "configuration", { warning });
  const [{ systemClock: clock }, { buildBrain }, { openBrain }, { stopServing }] = await Promise
    .all([
      import("../clock.ts"),
      import("./brain.ts"),
      import("../cli/opening.ts"),
      import("../cli/stopping.ts"),
    ]);
  const limits = { memories: config.maxMemories, bytes: config.quotaBytes };
  const { brain, close } = await buildBrain(config, limits, log).catch(explainLock);
  const [{ serveOverStdio }, { mcpServer }, { toolsOf }] = await Promise.all([
    import("../mcp/stdio.ts"),
    import("../mcp/server.ts"),
    import("../mcp/sets.ts"),
  ]);
  const tools = await toolsOf(config.toolSets, brain);
  await openBrain(brain, log);
  const connection = serveOverStdio({
    server: () => mcpServer({ brain, tools, scope, version, clock, log }),
    pieces: terminal.readPieces("-"),
    out: terminal.out,
    maxMessageBytes: config.maxBodyBytes,
    clock,
    log,
  });
  const reason = await Promise.race([connection.ended.then(() => "the client is gone"), stop]);
  log("info", "stopping", { reason });
  const stopTaking = () => brain.stopTaking();
  await stopServing({ stopTaking, closeServer: connection.close, close }, clock, log);
}

/** Each assistant starts a program of its own, and a folder is for one. */
function explainLock(error: unknown): never {
  if (!(error instanceof Error && "fault" in error && error.fault === "locked")) throw error;
  throw new CommandError(
    "Cannot open the data folder: a brain is running on it, perhaps another assistant's. For " +
      "several run the service, and point them at its /mcp, or run mcp with --url and --key",
    EXIT.locked,
  );
}
