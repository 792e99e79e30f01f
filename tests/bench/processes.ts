/**
 * The processes of a run: the real program, the two it is compared with, and those that ask. Each
 * is ended by its own id, whatever happens.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { developmentFlags, programArguments } from "../../.build/permissions.ts";
import { type Job, type LoadAnswer, type Loaded, STOP } from "./load.ts";
import { textLines } from "./text_lines.ts";

const KEY = "a-key-for-measuring-only-4f1c";
const STARTED_MS = 60_000;
const POLL_MS = 5;

const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
const servers = fileURLToPath(new URL("servers.ts", import.meta.url));
const load = fileURLToPath(new URL("load.ts", import.meta.url));
const provider = fileURLToPath(new URL("search/embedding_provider.ts", import.meta.url));
const standIn = fileURLToPath(new URL("../fakes/qdrant/serve.ts", import.meta.url));

const running = new Set<Deno.ChildProcess>();

export function start(
  args: string[],
  options: Partial<Deno.CommandOptions>,
  command: string = Deno.execPath(),
): Deno.ChildProcess {
  const child = new Deno.Command(command, { args, stderr: "inherit", ...options }).spawn();
  running.add(child);
  child.status.then(() => running.delete(child));
  return child;
}

export interface ProcessMemory {
  readonly residentBytes: number;
  /** The most that was ever resident. */
  readonly peakBytes: number;
}

/** As the kernel counts it, where it does (Linux). */
export async function memoryOf(pid: number): Promise<ProcessMemory | undefined> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const bytes = (name: string) =>
      1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
    const memory = { residentBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM") };
    return Number.isNaN(memory.residentBytes) ? undefined : memory;
  } catch {
    return undefined;
  }
}

/** For the end of a run, also an early one. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map(async (child) => {
    child.kill("SIGKILL");
    await child.status;
  }));
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A server under measurement, its log thrown away by the system. */
export class Server {
  readonly port: number;
  readonly key = KEY;
  readonly #child: Deno.ChildProcess;
  readonly #began = performance.now();

  private constructor(
    args: (port: number) => string[],
    env: Record<string, string>,
    under: readonly string[] = [],
  ) {
    this.port = freePort();
    const [command = "", ...rest] = [...under, Deno.execPath(), ...args(this.port)];
    this.#child = start(rest, {
      stdin: "null",
      stdout: "null",
      env: { ...env, CONTAINER_API_KEY: KEY, PORT: String(this.port), HOST: "127.0.0.1" },
    }, command);
  }

  /**
   * The real program, as `deno task start` runs it, or the bundle of `SECOND_BRAIN_BUNDLE`. It makes
   * no backups, as the first one would fall into the time that is measured. `under` stands before
   * its command, and becomes it.
   */
  static brain(
    folder: string,
    env: Record<string, string> = {},
    under: readonly string[] = [],
  ): Server {
    const settings = {
      MEMORY_PERSIST_PATH: join(folder, "memories.json"),
      OPENAI_API_KEY: "",
      OPENAI_BASE_URL: "",
      BACKUP_INTERVAL_HOURS: "0",
      ...env,
    };
    return new Server(() => programArguments(folder), settings, under);
  }

  /** An OpenAI-compatible one, for embeddings. */
  static provider(dimensions: number): Server {
    const flags = ["run", "--quiet", `--config=${config}`, "--allow-net", provider];
    return new Server((port) => [...flags, String(port), String(dimensions)], {});
  }

  /** What stands in for Qdrant in the tests. */
  static vectorStore(): Server {
    const flags = ["run", "--quiet", `--config=${config}`, "-A", standIn, "--memory-lean"];
    return new Server((port) => [...flags, "--port", String(port)], {});
  }

  static unsynced(folder: string): Server {
    return Server.#compared((port) => ["unsynced", String(port), folder]);
  }

  static bare(): Server {
    return Server.#compared((port) => ["bare", String(port)]);
  }

  static #compared(args: (port: number) => string[]): Server {
    const flags = ["run", "--quiet", `--config=${config}`, ...developmentFlags(), servers];
    return new Server((port) => [...flags, ...args(port)], {});
  }

  /** Waits for a probe to say yes; returns the milliseconds since the process was started. */
  async answers(probe: "live" | "ready"): Promise<number> {
    const url = `http://127.0.0.1:${this.port}/health/${probe}`;
    while (performance.now() - this.#began < STARTED_MS) {
      try {
        const reply = await fetch(url);
        await reply.body?.cancel();
        if (reply.ok) return performance.now() - this.#began;
      } catch {
        // It does not listen yet.
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`Cannot measure: the server was not ${probe} within ${STARTED_MS} ms`);
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, Authorization: `Bearer ${KEY}` };
    const reply = await fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, headers });
    if (!reply.ok) throw new Error(`${path} was answered with ${reply.status}`);
    return reply;
  }

  /** Milliseconds from the start to the answer of a search by words, which waits for all of them. */
  async answersWords(): Promise<number> {
    const reply = await this.fetch("/search", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: "words", mode: "keyword", limit: 1 }),
    });
    await reply.body?.cancel();
    return performance.now() - this.#began;
  }

  /** A number out of `/metrics`, named without `second_brain_`. */
  async metric(name: string): Promise<number> {
    const text = await (await this.fetch("/metrics")).text();
    const value = new RegExp(`^second_brain_${name} (\\S+)$`, "m").exec(text)?.[1];
    if (value === undefined) throw new Error(`Cannot measure: there is no metric "${name}"`);
    return Number(value);
  }

  /** The most memory that was ever resident, where the system counts it (Linux). */
  async peakBytes(): Promise<number | undefined> {
    return (await this.memory())?.peakBytes;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Since it was started. */
  get ageMs(): number {
    return performance.now() - this.#began;
  }

  memory(): Promise<ProcessMemory | undefined> {
    return memoryOf(this.#child.pid);
  }

  /** What the process has read from files and connections so far, where the system says so (Linux). */
  async readBytes(): Promise<number> {
    try {
      const text = await Deno.readTextFile(`/proc/${this.#child.pid}/io`);
      return Number(/^rchar: (\d+)$/m.exec(text)?.[1]);
    } catch {
      return NaN;
    }
  }

  /** What the process took of the processors so far, where the system says so (Linux). */
  async cpuMs(): Promise<number> {
    try {
      const line = await Deno.readTextFile(`/proc/${this.#child.pid}/stat`);
      // Behind the name, which may hold blanks: user and system time, in hundredths of a second.
      const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
      return 10 * (Number(fields[11]) + Number(fields[12]));
    } catch {
      return NaN;
    }
  }

  /** Stops it; returns the most memory that was resident up to shortly before its end. */
  async stopPeakBytes(): Promise<number | undefined> {
    let peak = await this.peakBytes();
    let isRunning = true;
    const stopped = this.stop().finally(() => isRunning = false);
    while (isRunning) {
      peak = await this.peakBytes() ?? peak;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    await stopped;
    return peak;
  }

  /** SIGTERM, as a supervisor ends it, unless it has ended by itself; returns how long that took in milliseconds. */
  async stop(): Promise<number> {
    const began = performance.now();
    if (running.has(this.#child)) this.#child.kill("SIGTERM");
    await this.#child.status;
    return performance.now() - began;
  }
}

/** A process that asks; one job at a time. */
export class Load {
  readonly #child: Deno.ChildProcess;
  readonly #answers: AsyncGenerator<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor() {
    const args = ["run", "--quiet", `--config=${config}`, "-A", load];
    this.#child = start(args, { stdin: "piped", stdout: "piped" });
    this.#answers = textLines(this.#child.stdout);
    this.#writer = this.#child.stdin.getWriter();
  }

  async run(server: Server, job: Omit<Job, "port" | "key">): Promise<Loaded> {
    const before = await server.cpuMs();
    await this.#send(JSON.stringify({ ...job, port: server.port, key: server.key }));
    const { value } = await this.#answers.next();
    if (value === undefined) throw new Error("Cannot measure: the process that asks has ended");
    const answer = JSON.parse(value) as LoadAnswer;
    if ("problem" in answer) throw new Error(`Cannot measure: ${answer.problem}`);
    const { timing } = answer;
    return { ...timing, cpuMs: (await server.cpuMs() - before) / timing.requests };
  }

  /** Ends the job that runs; its `run` then resolves. */
  async stopJob(): Promise<void> {
    await this.#send(STOP);
  }

  async #send(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(line + "\n"));
  }

  async end(): Promise<void> {
    await this.#writer.close();
    await this.#answers.return(undefined);
    await this.#child.status;
  }
}
