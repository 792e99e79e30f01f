/** The stand-in's face on the network: HTTP on loopback, as a client meets it. */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Answer } from "./replies.ts";
import type { Outcome, Raw } from "./stand_in.ts";

export interface HttpFrontOptions {
  readonly take: (raw: Raw) => Outcome;
  readonly after: (ms: number, run: () => void) => void;
  /** A request gets no answer, or no whole one, until it is over. */
  readonly stuck: (by: 1 | -1) => void;
}

export class HttpFront {
  readonly #options: HttpFrontOptions;
  #server: Server | undefined;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
  }

  /** Returns the port. */
  async open(wanted: number): Promise<number> {
    const server = createServer((request, response) => void this.#take(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(wanted, "127.0.0.1", resolve);
    });
    const address = server.address();
    return address !== null && typeof address === "object" ? address.port : wanted;
  }

  /** Takes no more connections and cuts those there are. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return;
    const { method = "GET", url = "/" } = request;
    const outcome = this.#options.take({ method, url, body, headers: headersOf(request) });
    if (outcome === "hang") return this.#holdUp(response);
    if (outcome === "cut") return void request.socket.destroy();
    const { answer, delayMs, dripMs } = outcome;
    if (dripMs !== undefined) return this.#drip(response, answer, dripMs);
    if (delayMs === undefined) return send(response, answer);
    this.#options.after(delayMs, () => send(response, answer));
  }

  #holdUp(response: ServerResponse): void {
    this.#options.stuck(1);
    response.once("close", () => this.#options.stuck(-1));
  }

  #drip(response: ServerResponse, { status, headers, body }: Answer, ms: number): void {
    this.#holdUp(response);
    response.writeHead(status, { ...headers });
    let at = 0;
    const drop = () => {
      if (response.destroyed) return;
      if (at === body.length) return void response.end();
      response.write(body[at++]);
      this.#options.after(ms, drop);
    };
    drop();
  }
}

/** Undefined where the client went before all of it was there. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
  } catch {
    return undefined; // Nobody waits for an answer.
  }
  return Buffer.concat(chunks).toString();
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value)]),
  );
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  const length = new TextEncoder().encode(body).length;
  response.writeHead(status, { ...headers, "content-length": length });
  response.end(body);
}
