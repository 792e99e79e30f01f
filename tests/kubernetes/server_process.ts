/** One program of a test cluster as a process of its own, with the end of its log for a message. */
import { within } from "../e2e/conditions.ts";

const LOG_CHARACTERS = 16_384;

export interface ServerProcessOptions {
  readonly path: string;
  readonly args: readonly string[];
  /** Where it leaves what it is not told to leave elsewhere. */
  readonly folder: string;
  /** All of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** How much of what it said is kept; default 16 KiB. */
  readonly logCharacters?: number;
}

export class ServerProcess {
  readonly pid: number;
  readonly ended: Promise<number>;
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #logCharacters: number;
  #log = "";
  #isOver = false;

  constructor(
    { path, args, folder, env = {}, logCharacters = LOG_CHARACTERS }: ServerProcessOptions,
  ) {
    this.#logCharacters = logCharacters;
    this.#name = path.slice(path.lastIndexOf("/") + 1);
    this.#child = new Deno.Command(path, {
      args: [...args],
      cwd: folder,
      clearEnv: true,
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.ended = this.#toTheEnd();
  }

  async #toTheEnd(): Promise<number> {
    const isRead = Promise.all([this.#keep(this.#child.stdout), this.#keep(this.#child.stderr)]);
    const { code } = await this.#child.status;
    this.#isOver = true;
    await isRead;
    return code;
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const text = this.#log + decoder.decode(bytes, { stream: true });
      this.#log = text.slice(-this.#logCharacters);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The end of what it said. */
  get log(): string {
    return `${this.#name}:\n${this.#log}`;
  }

  kill(signal: Deno.Signal): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** At once and without a warning. */
  async end(): Promise<void> {
    this.kill("SIGKILL");
    await within(10_000, this.ended, () => `end: ${this.log}`);
  }
}
