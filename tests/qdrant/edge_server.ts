/** `serve_edge.py` as a process of its own, where `.ci/run` could install Qdrant's engine. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { within } from "../e2e/conditions.ts";

const PYTHON = fileURLToPath(new URL("../../.tools/qdrant-edge/bin/python", import.meta.url));
const SCRIPT = fileURLToPath(new URL("serve_edge.py", import.meta.url));

export const hasEdgeServer = existsSync(PYTHON);

/** Its folders, in memory where that can be: it waits for the disk at every index that it makes. */
export const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export interface EdgeServerOptions {
  /** 0 for any that is free. */
  readonly port?: number;
  /** A folder that outlives it; without one, what it held is gone at its end. */
  readonly storage?: string;
}

export class EdgeServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #log: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(
    url: string,
    child: Deno.ChildProcess,
    log: ReadableStreamDefaultReader<Uint8Array>,
  ) {
    this.url = url;
    this.#child = child;
    this.#log = log;
  }

  static async start({ port = 0, storage }: EdgeServerOptions = {}): Promise<EdgeServer> {
    const folder = storage === undefined ? [] : [`--storage=${storage}`];
    const child = new Deno.Command(PYTHON, {
      args: [SCRIPT, `--port=${port}`, ...folder],
      env: { TMPDIR: SCRATCH },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const log = child.stderr.getReader();
    let said = "";
    const firstLine = async () => {
      for (let read = await log.read(); !read.done; read = await log.read()) {
        said += new TextDecoder().decode(read.value);
        if (said.endsWith("\n")) return said.trim();
      }
      throw new Error(`it ended: ${said}`);
    };
    const url = await within(30_000, firstLine(), () => `its address: ${said}`);
    return new EdgeServer(url, child, log);
  }

  /** `SIGKILL` leaves it no time to write anything. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    await within(10_000, this.#child.status, () => "its end");
    await this.#log.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGTERM");
  }
}
