/**
 * A program of somebody else's, as npm has it, at one version: run beside this project and never a
 * part of it. It speaks JSON-RPC, a message a line, on its standard input and output.
 */
import assert from "node:assert/strict";
import type { Json } from "./http_app.ts";

const RUN = ["run", "--quiet", "--no-config", "--no-lock", "-A"];

/** Whether it can be run here: it is in the cache, or its registry is within reach. */
export async function isAvailable(name: string): Promise<boolean> {
  const cwd = await Deno.makeTempDir();
  try {
    const args = ["cache", "--quiet", "--no-config", "--no-lock", name];
    const command = new Deno.Command(Deno.execPath(), {
      args,
      cwd,
      stderr: "null",
      stdout: "null",
    });
    return (await command.output()).success;
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

export class NpmProgram implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "second-brain-npm-" });
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  #id = 0;

  constructor(name: string, env: (folder: string) => Readonly<Record<string, string>>) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...RUN, name],
      cwd: this.folder,
      env: env(this.folder),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Sends a request and gives its result; one at a time. */
  async request(method: string, params: Json): Promise<Json> {
    const id = ++this.#id;
    await this.#send({ jsonrpc: "2.0", id, method, params });
    for (;;) {
      const { value, done } = await this.#lines.next();
      assert.ok(!done, `it ended before it answered ${method}`);
      const message: Json = JSON.parse(value);
      if (message.id !== id) continue; // A notification.
      assert.equal(message.error, undefined, `${method}: ${value}`);
      return message.result;
    }
  }

  async initialize(protocolVersion: string): Promise<void> {
    const clientInfo = { name: "test", version: "0.0.0" };
    await this.request("initialize", { protocolVersion, capabilities: {}, clientInfo });
    await this.#send({ jsonrpc: "2.0", method: "notifications/initialized" });
  }

  async #send(message: Json): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended by itself.
    }
    await this.#child.status;
    await this.#lines.return?.();
    await this.#input.abort().catch(() => {}); // Nobody reads it any more.
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function* linesOf(pieces: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of pieces.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
