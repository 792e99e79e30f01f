/**
 * Listens. On `node:http`, whose limits on time and connections Deno's own server lacks: a client
 * that is slow, silent or many cannot take the process down.
 */
import { createAdaptorServer } from "@hono/node-server";
import { createServer, Server } from "node:http";
import { Connections } from "./connections.ts";

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
  const connections = new Connections(server, MOST_CONNECTIONS);
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => reject(listenError(error));
    server.once("error", refused);
    server.listen(port, host, () => {
      server.off("error", refused);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve({ port: bound, close: (graceMs) => close(server, connections, graceMs) });
    });
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

function close(server: Server, connections: Connections, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    connections.close();
  });
}
