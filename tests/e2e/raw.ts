/** A client that writes whatever bytes it likes, as no library would. */
import { within } from "./conditions.ts";

const encoder = new TextEncoder();

export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  #closed = false;
  /** All that came so far. */
  got = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async connect(port: number, hostname = "127.0.0.1"): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname, port }));
  }

  /** False where the other side is gone. */
  async send(text: string): Promise<boolean> {
    const bytes = encoder.encode(text);
    try {
      for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
      return true;
    } catch {
      return false;
    }
  }

  /** Reads until this holds, or the other side ends; true where it ended. */
  async #read(until: () => boolean): Promise<boolean> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (!until()) {
        const read = await this.#connection.read(buffer);
        if (read === null) return true;
        this.got += decoder.decode(buffer.subarray(0, read), { stream: true });
      }
      return false;
    } catch {
      return true;
    }
  }

  /** The status of the first reply; 0 where the connection was closed without one. */
  async status(ms = 10_000): Promise<number> {
    const head = () => this.got.includes("\r\n\r\n");
    await within(ms, this.#read(head), () => `a reply; so far: ${this.got.slice(0, 200)}`);
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.got)?.[1] ?? 0);
  }

  /** Reads until this has come. */
  async until(text: string, ms = 10_000): Promise<void> {
    const came = () => this.got.includes(text);
    await within(ms, this.#read(came), () => `${text}; so far: ${this.got.slice(0, 200)}`);
  }

  /** Reads so many bytes, and keeps none of them. */
  async bytes(count: number, ms = 10_000): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    const read = async () => {
      for (let left = count; left > 0;) left -= await this.#connection.read(buffer) ?? Infinity;
    };
    await within(ms, read(), () => `${count} bytes`);
  }

  /** Waits until the other side closes; how many milliseconds that took. */
  async closedByPeer(ms: number): Promise<number> {
    const began = performance.now();
    await within(ms, this.#read(() => false), () => `closed; so far: ${this.got.slice(0, 200)}`);
    return performance.now() - began;
  }

  /** The statuses of all replies so far; one begins where the body before it ends. */
  get statuses(): number[] {
    return [...this.got.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  /** Waits until so many replies have begun, or the other side closes. */
  async replies(count: number, ms = 10_000): Promise<number[]> {
    const came = () => this.statuses.length >= count;
    await within(ms, this.#read(came), () => `${count} replies; so far: ${this.got.slice(0, 200)}`);
    return this.statuses;
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }
}

/** The head of a request with the key, to which a body may be added. */
export function head(line: string, key: string, ...headers: readonly string[]): string {
  const all = [`${line} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${key}`, ...headers];
  return all.join("\r\n") + "\r\n\r\n";
}
