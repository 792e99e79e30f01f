/**
 * Two servers to compare the real one with, each on the same `node:http`:
 *
 *     servers.ts bare PORT               a Hono route that parses JSON and answers 201
 *     servers.ts unsynced PORT FOLDER    the brain on a file system whose fsync does nothing
 *
 * The second is put together as `main.ts` does it, with the same adapters.
 */
import { Hono } from "hono";
import process from "node:process";
import { v4, v7 } from "uuid";
import { Brain } from "../../src/brain.ts";
import { openBrain } from "../../src/cli/opening.ts";
import { systemClock, timestamp } from "../../src/clock.ts";
import { createApp } from "../../src/http/app.ts";
import { listen } from "../../src/http/server.ts";
import { logger } from "../../src/log.ts";
import { ExportFiles } from "../../src/store/export_files.ts";
import { FileStore } from "../../src/store/file.ts";
import { DataFolder } from "../../src/store/folder.ts";
import { type FileHandle, type FileSystem, realFileSystem } from "../../src/store/fs.ts";
import { Bm25Index } from "../../src/text_index/bm25.ts";
import { FloatScan } from "../fakes/float_scan.ts";

const host = "127.0.0.1";

const unsyncedFileSystem: FileSystem = {
  ...realFileSystem,
  create: async (path) => unsynced(await realFileSystem.create(path)),
  syncFolder: () => Promise.resolve(),
};

function unsynced(file: FileHandle): FileHandle {
  return {
    write: (bytes) => file.write(bytes),
    read: (buffer) => file.read(buffer),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
    sync: () => Promise.resolve(),
  };
}

async function serveBare(port: number): Promise<void> {
  const app = new Hono();
  app.post("/memories", async (context) => {
    await context.req.json();
    return context.json({ status: "ok" }, 201);
  });
  app.get("/health/:probe", (context) => context.json({ status: "ok" }));
  const fetch = async (request: Request) => await app.fetch(request);
  const refuse = () => new Response(null, { status: 400 });
  const notes = { bound: () => {}, room: () => {}, listensAnew: () => {} };
  await listen({ fetch, refuse, host, port, ...notes });
}

async function serveUnsynced(port: number, path: string): Promise<void> {
  const encoder = new TextEncoder();
  const now = () => timestamp(systemClock);
  const log = logger("info", now, (line) => void process.stdout.write(encoder.encode(line)));
  const warn = (event: string, detail: Record<string, string | number>) =>
    log("warn", event, detail);
  const version = "bench";
  const folder = new DataFolder(unsyncedFileSystem, `${path}/memories.json`, now);
  const exportFolder = new ExportFiles(unsyncedFileSystem, `${folder.root}/exports`);
  const brain = new Brain({
    store: new FileStore({
      folder,
      clock: systemClock,
      newId: v4,
      version,
      holder: "the benchmark",
      log: warn,
    }),
    textIndex: new Bm25Index(),
    newVectorIndex: () => new FloatScan(),
    exportFolder,
    embeddingsBytes: () => 0,
    limits: { memories: 0, bytes: 0 },
    heap: { isShort: false, isFull: false },
    clock: systemClock,
    newId: v7,
    run: "bench",
    random: Math.random,
    version,
    log: warn,
  });
  const limits = { bytes: 8 * 1024 * 1024, ms: 30_000 };
  const app = createApp({
    brain,
    keys: () => [Deno.env.get("CONTAINER_API_KEY") ?? ""],
    clock: systemClock,
    newId: v4,
    version,
    bodyLimits: limits,
    importLimits: limits,
    requestsPerMinute: () => 0,
    host,
    allowedHosts: [],
    corsOrigins: [],
    log,
  });
  const listening = await listen({ ...app, host, port, listensAnew: () => {} });
  log("info", "listening", { port: listening.port });
  await openBrain(brain, log);
}

const [kind, port, folder = ""] = Deno.args;
if (kind === "bare") await serveBare(Number(port));
else await serveUnsynced(Number(port), folder);
