/** The terminal that the program was really started from. */
import * as http from "node:http";
import * as https from "node:https";
import { basename, dirname, join } from "node:path";
import type { Log } from "../log.ts";
import { CommandError, reasonOf, type Terminal } from "./terminal.ts";

const encoder = new TextEncoder();

/**
 * A promise that failed with nobody waiting for it is a defect of ours: it is logged, by its kind
 * only, and does not take everybody's requests down with it.
 */
export function logStrayRejections(log: Log): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    const reason: unknown = event.reason;
    log("error", "stray_rejection", { name: reason instanceof Error ? reason.name : "unknown" });
  });
}

export const realTerminal: Terminal = {
  env: (name) => Deno.env.get(name),
  async out(bytes) {
    try {
      await writeAll(Deno.stdout, bytes);
    } catch (error) {
      throw new CommandError(`Cannot write to standard output: ${reasonOf(error)}`);
    }
  },
  say: (line) => console.error(line),
  progress: Deno.stderr.isTerminal()
    ? (line) => void Deno.stderr.writeSync(encoder.encode(`\r${line}`))
    : undefined,
  fetch: (url, init) => fetch(url, init),
  statusOf,
  async *readPieces(path) {
    try {
      yield* path === "-" ? Deno.stdin.readable : (await Deno.open(path)).readable;
    } catch (error) {
      throw new CommandError(`Cannot read ${JSON.stringify(path)}: ${reasonOf(error)}`);
    }
  },
  async writeFile(path, pieces) {
    const draft = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.tmp`);
    const cannot = (error: unknown) =>
      new CommandError(`Cannot write ${JSON.stringify(path)}: ${reasonOf(error)}`);
    let file: Deno.FsFile;
    try {
      await requireReplaceable(path);
      file = await Deno.open(draft, { write: true, createNew: true, mode: 0o600 });
    } catch (error) {
      throw cannot(error);
    }
    try {
      await fill(file, pieces, cannot);
      await Deno.rename(draft, path).catch((error) => Promise.reject(cannot(error)));
    } catch (error) {
      await Deno.remove(draft).catch(() => {}); // The first failure is the one to tell.
      throw error;
    }
    using folder = await Deno.open(dirname(path));
    await folder.sync();
  },
};

/** Where an agent would look for proxies. Not a literal in its place: its types do not know it. */
const DIRECT = { keepAlive: false, proxyEnv: {} };

/** `fetch` goes by HTTP_PROXY, which a container may well be given for its other errands. */
function statusOf(url: string, signal: AbortSignal): Promise<number> {
  const { get, Agent } = url.startsWith("https:") ? https : http;
  const agent = new Agent(DIRECT);
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent }, (reply) => {
      reply.resume();
      reply.once("error", reject);
      reply.once("end", () => resolve(reply.statusCode ?? 0));
    });
    request.once("error", reject);
  });
}

/** What the pieces' own source throws is passed on as it is. */
async function fill(
  file: Deno.FsFile,
  pieces: AsyncIterable<Uint8Array>,
  cannot: (error: unknown) => CommandError,
): Promise<void> {
  const failed = (error: unknown) => Promise.reject(cannot(error));
  try {
    for await (const piece of pieces) await writeAll(file, piece).catch(failed);
    await file.sync().catch(failed);
  } finally {
    file.close();
  }
}

/** A write may come back short; that is no error. */
async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

/** A device or a folder of that name must not make way for a file. */
async function requireReplaceable(path: string): Promise<void> {
  try {
    if (!(await Deno.stat(path)).isFile) throw new CommandError("it is there and is no file");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What ends a service. As process 1 of a container, a signal without a listener would kill it on
 * the spot: ask for this first. */
export function stopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => resolve(signal));
  }
  return promise;
}
