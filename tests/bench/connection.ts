/**
 * A keep-alive HTTP/1.1 connection that does next to nothing but send bytes and wait for the end of
 * the answer, so that what is measured is the server.
 */
import { Buffer } from "node:buffer";

interface Head {
  readonly status: number;
  readonly bytes: number;
  /** Undefined where the body comes in chunks. */
  readonly bodyBytes: number | undefined;
}

const LAST_CHUNK = "0\r\n\r\n";

export class Connection {
  readonly #tcp: Deno.TcpConn;
  #buffer = Buffer.alloc(256 * 1024);

  private constructor(tcp: Deno.TcpConn) {
    this.#tcp = tcp;
  }

  static async open(port: number): Promise<Connection> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    tcp.setNoDelay();
    return new Connection(tcp);
  }

  /** Sends one whole request and waits for the whole answer; returns its status. */
  async exchange(request: Uint8Array): Promise<number> {
    for (let sent = 0; sent < request.length;) {
      sent += await this.#tcp.write(request.subarray(sent));
    }
    let head: Head | undefined;
    for (let used = 0;;) {
      if (used === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer, this.#buffer]);
      const read = await this.#tcp.read(this.#buffer.subarray(used));
      if (read === null) throw new Error("Cannot read the answer: the connection was closed");
      used += read;
      const got = this.#buffer.subarray(0, used);
      head ??= readHead(got);
      if (head !== undefined && isWhole(head, got)) return head.status;
    }
  }

  close(): void {
    this.#tcp.close();
  }
}

function readHead(got: Buffer): Head | undefined {
  const end = got.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const text = got.toString("latin1", 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  return {
    status: Number(text.slice(9, 12)),
    bytes: end + 4,
    bodyBytes: length === undefined ? undefined : Number(length),
  };
}

/** JSON has no bare line ends inside, so that what looks like the last chunk is the last chunk. */
function isWhole({ bytes, bodyBytes }: Head, got: Buffer): boolean {
  if (bodyBytes !== undefined) return got.length >= bytes + bodyBytes;
  return got.length >= bytes + LAST_CHUNK.length &&
    got.toString("latin1", got.length - LAST_CHUNK.length) === LAST_CHUNK;
}

export function requestBytes(
  method: "GET" | "POST",
  path: string,
  key: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Uint8Array {
  const text = body === undefined ? "" : JSON.stringify(body);
  const length = new TextEncoder().encode(text).length;
  const further = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const fields = body === undefined
    ? further
    : `Content-Type: application/json\r\nContent-Length: ${length}\r\n${further}`;
  return new TextEncoder().encode(
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n${fields}\r\n${text}`,
  );
}
