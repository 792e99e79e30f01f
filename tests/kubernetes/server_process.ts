/** One server of a test cluster as a process of its own, with the end of its log for a message. */
import { within } from "../e2e/conditions.ts";

const LOG_CHARACTERS = 16_384;

export class ServerProcess {
  readonly name: string;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<unknown>;
  #log = "";
  #isOver = false;

  /** `folder` is where it leaves what it is not told to leave elsewhere. */
  constructor(path: string, args: readonly string[], folder: string) {
    this.name = path.slice(path.lastIndexOf("/") + 1);
    this.#child = new Deno.Command(path, {
      args: [...args],
      cwd: folder,
      clearEnv: true,
      // Debian's etcd runs on few architectures unasked.
      env: Deno.build.arch === "aarch64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {},
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#child.status.then(() => this.#isOver = true);
    this.#read = Promise.all([this.#keep(this.#child.stdout), this.#keep(this.#child.stderr)]);
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#log = (this.#log + decoder.decode(bytes, { stream: true })).slice(-LOG_CHARACTERS);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The end of what it said. */
  get log(): string {
    return `${this.name}:\n${this.#log}`;
  }

  /** At once: what it was told to keep, etcd has; what etcd has is thrown away. */
  async end(): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGKILL");
    await within(10_000, Promise.all([this.#child.status, this.#read]), () => `end: ${this.log}`);
  }
}
