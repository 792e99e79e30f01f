/**
 * Listens. On `node:http`, whose limits on time and connections Deno's own server lacks: a client
 * that is slow, silent or many cannot take the process down.
 */
import { getRequestListener } from "@hono/node-server";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type ConnectionLimits, Connections } from "./connections.ts";
import type { Upgrade } from "./event_sockets.ts";
import { Knocking } from "./knocking.ts";
import { answerUnreadable, failureOf, nameHost, refusalOf, type Refuse } from "./unreadable.ts";
import { answerUpgrades, asksFor } from "./upgrades.ts";

export interface ListenOptions {
  readonly fetch: (request: Request) => Promise<Response>;
  /** The reply to what is no request that `fetch` could take. */
  readonly refuse: Refuse;
  /** Told the address that is really listened on, before the first request comes. */
  readonly bound: (address: string) => void;
  /** Told how many connections there may be, also of those that listen, and whenever that changes. */
  readonly room: (connections: number, listening: number) => void;
  /** What else a connection may become; left out: nothing. */
  readonly upgrade?: Upgrade;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** It had run out of descriptors, and begins to listen again. */
  readonly listensAnew: () => void;
}

export interface Listening {
  readonly port: number;
  /** Takes no more connections, lets requests end for so long, then ends them. */
  close(graceMs: number): Promise<void>;
}

const CONNECTIONS: ConnectionLimits = {
  /** One user and his assistants: far more than they need, far fewer than there are descriptors. */
  most: 512,
  mostListening: 1_000,
  mostReplies: 16,
  /** On a slow line the system takes a megabyte at a time from us, and then nothing for long. */
  stalledMs: 60_000,
  calmMs: 60_000,
  lookMs: 2_000,
  leaveMs: 2_000,
};

const LIMITS = {
  headersTimeout: 10_000,
  /** For a whole request: an import of a gigabyte over a slow line. Pieces have limits of their own. */
  requestTimeout: 3_600_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
  /** We look at the Host ourselves, and say what is wrong with it. */
  requireHostHeader: false,
} as const;

export function listen(options: ListenOptions): Promise<Listening> {
  const { fetch, refuse, bound, room, upgrade, host, port, listensAnew } = options;
  // The runtime knows the last of them, its types do not.
  const asked = { ...LIMITS, shouldUpgradeCallback: asksFor(upgrade) };
  const server = createServer(asked);
  const connections = new Connections(server, CONNECTIONS, room);
  const reply = async (request: Request, socket: Duplex) => {
    const response = await fetch(request);
    if (isStreamOfEvents(response)) connections.listens(socket);
    return response;
  };
  const answer = getRequestListener(
    (request, { incoming }) => refusalOf(incoming, refuse) ?? reply(request, incoming.socket),
    { overrideGlobalObjects: false, errorHandler: (error) => failureOf(error, refuse) },
  );
  server.on("request", (incoming, outgoing) => {
    const begin = () => {
      if (incoming.socket.destroyed) return; // It asked for too much, or is gone.
      nameHost(incoming);
      void answer(incoming, outgoing);
    };
    // One after the other, for what is not read of a reply is memory, and in turn with all others.
    const before = connections.running(incoming.socket).at(-2);
    if (before === undefined) begin();
    else before.once("close", () => setImmediate(begin));
  });
  answerUnreadable(server, connections, LIMITS.maxHeaderSize, refuse);
  if (upgrade !== undefined) answerUpgrades(server, connections, upgrade, refuse);
  letBodiesCome(server);
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => reject(listenError(error));
    server.once("error", refused);
    server.listen(port, host, () => {
      server.off("error", refused);
      const address = server.address();
      if (typeof address !== "object" || address === null) return reject(new Error("No address"));
      bound(address.address);
      const knocking = new Knocking(server, connections, address, listensAnew);
      knocking.start();
      const end = (graceMs: number) => {
        knocking.stop();
        return close(server, connections, graceMs);
      };
      resolve({ port: address.port, close: end });
    });
  });
}

/** A reply that goes on for as long as its client listens. */
function isStreamOfEvents({ body, headers }: Response): boolean {
  return body !== null && headers.get("content-type")?.startsWith("text/event-stream") === true;
}

/** A client that waits to be told to send its body is told so by whoever begins to read it. */
function letBodiesCome(server: Server): void {
  server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    incoming.once("resume", () => {
      if (!outgoing.headersSent) outgoing.writeContinue();
    });
    server.emit("request", incoming, outgoing);
  });
  // What else a client may expect need not be met (RFC 9110, 10.1.1).
  server.on("checkExpectation", (...request) => server.emit("request", ...request));
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
