/**
 * The program as an operator runs it: a process of its own over a folder of its own, from the
 * sources, or with SECOND_BRAIN_BUNDLE from the bundle under the binary's permissions. Whatever a
 * test starts here is ended by its process id, and its folder removed, when the test ends; neither
 * what it said nor what it left there may hold a key.
 */
import assert from "node:assert/strict";
import { programArguments } from "../../.build/permissions.ts";
import { leaks, leaksInFolder } from "../canary.ts";
import { eventually, within } from "./conditions.ts";
import { Reply } from "./reply.ts";

export type { Reply };

export const KEY = "e2e-5f0c1b7e9a4d4c3b8f21";

const SECRETS = ["CONTAINER_API_KEY", "OPENAI_API_KEY", "QDRANT_API_KEY"];

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly [detail: string]: unknown;
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

export interface Env {
  readonly [name: string]: string;
}

interface RunOptions {
  readonly env?: Env;
  readonly stdin?: string | Uint8Array;
  /** Stands before the program: what else it is to be run under. */
  readonly under?: readonly string[];
  /** Runs this in place of the program. */
  readonly instead?: readonly string[];
}

/** Only what the runtime itself needs: no setting of the tester's own reaches the program. */
function environment(env: Env): Env {
  const kept: Record<string, string> = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  for (const name of ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, ...env };
}

/** A data folder, and the processes that a test starts over it. */
export class Place implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "second-brain-e2e-" });
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #programs: Program[] = [];
  readonly #secrets = new Set<string>();

  get memories(): string {
    return `${this.folder}/memories.json`;
  }

  /** Nothing can be read from, or left at, a path outside of the data folder by the bundle. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  spawn(args: readonly string[], options: RunOptions): Deno.ChildProcess {
    const { env = {}, stdin, under = [], instead } = options;
    const program = [...under, Deno.execPath(), ...programArguments(this.folder), ...args];
    const all = instead ?? program;
    const child = new Deno.Command(all[0] ?? "", {
      args: all.slice(1),
      cwd: this.folder,
      clearEnv: true,
      env: environment({ MEMORY_PERSIST_PATH: this.memories, ...env }),
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#children.add(child);
    child.status.then(() => this.#children.delete(child));
    return child;
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const began = performance.now();
    const child = this.spawn(args, options);
    const fed = options.stdin === undefined ? undefined : feed(child, options.stdin);
    const { code, stdout, stderr } = await within(
      60_000,
      child.output(),
      () => `\`${args.join(" ")}\` ends`,
    );
    await fed;
    const decoder = new TextDecoder();
    const ms = performance.now() - began;
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr), ms };
  }

  /** As `run`, with a terminal around it: what would be shown there is in `out`. */
  async runOnTerminal(args: readonly string[]): Promise<Ended> {
    const words = [Deno.execPath(), ...programArguments(this.folder), ...args];
    const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    return await this.run([], { instead: ["script", "-qec", line, "/dev/null"] });
  }

  /** Starts the service on a free port, and waits until it is ready. */
  async serve(env: Env = {}): Promise<Program> {
    const program = this.launch(env);
    await program.ready();
    return program;
  }

  /** Starts the service, and waits for nothing. */
  launch(env: Env = {}, under: readonly string[] = []): Program {
    const all: Env = { PORT: "0", CONTAINER_API_KEY: KEY, ...env };
    for (const name of SECRETS) if (all[name]) this.#secrets.add(all[name]);
    const key = all["CONTAINER_API_KEY"] ?? "";
    const program = new Program(this.spawn([], { env: all, under }), key);
    this.#programs.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      child.kill("SIGKILL");
      await child.status;
    }
    const secrets = [...this.#secrets];
    const said = this.#programs.map(({ out, err }) => out + err).join("\n");
    try {
      assert.deepEqual(leaks(said, secrets), [], "a key in the log");
      assert.deepEqual(await leaksInFolder(this.folder, secrets), [], "a key in the data");
    } finally {
      await Deno.remove(this.folder, { recursive: true });
    }
  }
}

async function feed(child: Deno.ChildProcess, input: string | Uint8Array): Promise<void> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new Uint8Array(bytes));
    await writer.close();
  } catch {
    // It ended before it had read everything: its exit code says why.
  }
}

/** One run of the service. */
export class Program {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #began = performance.now();
  #hold: PromiseWithResolvers<void> | undefined;
  #isHungUp = false;
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  readonly #listening = Promise.withResolvers<number>();
  readonly ended: Promise<Ended>;
  key: string;
  port = 0;
  out = "";
  err = "";

  constructor(child: Deno.ChildProcess, key: string) {
    this.#child = child;
    this.pid = child.pid;
    this.key = key;
    this.#listening.promise.catch(() => {});
    this.ended = this.#watch();
  }

  async #watch(): Promise<Ended> {
    const [{ code }] = await Promise.all([
      this.#child.status,
      this.#read(this.#child.stdout, (text) => {
        this.out += text;
        const port = this.port === 0 ? this.event("listening")?.["port"] : undefined;
        if (typeof port !== "number") return;
        this.port = port;
        this.#listening.resolve(port);
      }),
      this.#read(this.#child.stderr, (text) => this.err += text),
    ]);
    this.#listening.reject(new Error(`it ended with ${code}: ${this.err}${this.out}`));
    return { code, out: this.out, err: this.err, ms: performance.now() - this.#began };
  }

  async #read(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    const reader = stream.getReader();
    this.#readers.push(reader);
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      add(decoder.decode(read.value, { stream: true }));
      await this.#hold?.promise;
    }
  }

  /** Reads no more of the log until the answer is called, as a collector that is stuck does. */
  holdLog(): () => void {
    const hold = this.#hold = Promise.withResolvers<void>();
    return () => {
      this.#hold = undefined;
      hold.resolve();
    };
  }

  /** Closes both ends of the log, as a collector that dies does. */
  async stopReadingLog(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.cancel()));
  }

  /** Its exit code, also while its log is held. */
  async exitCode(ms: number): Promise<number> {
    return (await within(ms, this.#child.status, () => "its end")).code;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The log so far, whole lines only; throws on a line that is not JSON. */
  get log(): LogLine[] {
    return this.out.slice(0, this.out.lastIndexOf("\n") + 1).split("\n").slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  event(name: string): LogLine | undefined {
    return this.log.find(({ event }) => event === name);
  }

  async listening(): Promise<number> {
    return await within(30_000, this.#listening.promise, () => `listening: ${this.err}`);
  }

  /** Milliseconds from the start of the process until it was ready. */
  async ready(): Promise<number> {
    await this.listening();
    const ms = await eventually(30_000, "ready", async () => {
      const { status } = await this.ask("GET", "/health/ready");
      return status === 200 ? performance.now() - this.#began : undefined;
    });
    await eventually(5_000, "that it says so", () => this.event("ready"));
    return ms;
  }

  kill(signal: Deno.Signal = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** No answer is heard any more, as if the connections had broken. */
  hangUp(): void {
    this.#isHungUp = true;
  }

  /** Without any warning, and waits until it is gone. */
  async crash(): Promise<void> {
    this.kill();
    await within(10_000, this.ended, () => "gone after SIGKILL");
  }

  /** As a supervisor would, which waits for ten seconds. */
  async stop(): Promise<Ended> {
    const began = performance.now();
    this.kill("SIGTERM");
    const ended = await within(10_000, this.ended, () => `the end after SIGTERM: ${this.out}`);
    return { ...ended, ms: performance.now() - began };
  }

  /** One request with the key; the reply is read to its end. */
  async ask(method: string, path: string, body?: unknown, headers: Env = {}): Promise<Reply> {
    const isText = typeof body === "string";
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (this.#isHungUp) throw new TypeError("Cannot hear the answer: the power is off");
    return new Reply(response.status, response.headers, text);
  }

  /** As `ask`, and the status must be this one. */
  async want(status: number, method: string, path: string, body?: unknown, headers: Env = {}) {
    const reply = await this.ask(method, path, body, headers);
    assert.equal(reply.status, status, `${method} ${path}: ${reply.text.slice(0, 500)}`);
    return reply;
  }
}
