/**
 * Listens. On `node:http`, whose limits on time and connections Deno's own server lacks: a client
 * that is slow, silent or many cannot take the process down.
 */
import { createAdaptorServer } from "@hono/node-server";
import { createServer, Server } from "node:http";
import type { Socket } from "node:net";

export interface ListenOptions {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface Listening {
  readonly port: number;
  /** Takes no more connections, lets requests end for so long, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** One user and his assistants: far more than they need, far fewer than there are descriptors. */
const MOST_CONNECTIONS = 512;
const HEADERS_MS = 10_000;
/** For a whole request: an import of a gigabyte over a slow line. Pieces have limits of their own. */
const REQUEST_MS = 3_600_000;
const KEEP_ALIVE_MS = 30_000;
const HEADER_BYTES = 16 * 1024;
const CHECK_MS = 2_000;

export function listen({ fetch, host, port }: ListenOptions): Promise<Listening> {
  const server = createAdaptorServer({
    fetch,
    createServer,
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_MS,
      maxHeaderSize: HEADER_BYTES,
    },
  });
  if (!(server instanceof Server)) throw new Error("Cannot listen: the server is not node:http's");
  capConnections(server, MOST_CONNECTIONS);
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => reject(listenError(error));
    server.once("error", refused);
    server.listen(port, host, () => {
      server.off("error", refused);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve({ port: bound, close: (graceMs) => close(server, graceMs) });
    });
  });
}

/**
 * One connection too many closes the one that has been waiting for its client the longest: many
 * that say nothing cannot keep out one that asks, and what is being answered stays.
 */
function capConnections(server: Server, most: number): void {
  const running = new Map<Socket, number>();
  /** Oldest first: in the middle of a head, or between two requests. */
  const waiting = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    running.set(socket, 0);
    waiting.add(socket);
    socket.once("close", () => {
      running.delete(socket);
      waiting.delete(socket);
    });
    const [longest] = waiting;
    if (running.size > most) longest?.destroy();
  });
  const count = (socket: Socket, by: 1 | -1) => {
    const before = running.get(socket);
    if (before === undefined) return;
    running.set(socket, before + by);
    if (before + by === 0) waiting.add(socket);
    else waiting.delete(socket);
  };
  server.on("request", ({ socket }, response) => {
    count(socket, 1);
    response.once("close", () => count(socket, -1));
  });
}

/** Why nobody can be answered; one line for the operator. */
class ListenError extends Error {
  override readonly name = "ListenError";
}

const REFUSED: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken; set PORT to another",
  EADDRNOTAVAIL: "HOST is no address of this machine",
  EINVAL: "HOST is no address of this machine",
  ENOTFOUND: "HOST is no address of this machine",
  EACCES: "this user may not use that port; set PORT to 1024 or above",
};

function listenError(error: Error): Error {
  const why = "code" in error ? REFUSED[String(error.code)] : undefined;
  return why === undefined ? error : new ListenError(`Cannot listen: ${why}`, { cause: error });
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
