/**
 * WebSockets on connections of `node:http`, by the library `ws`. Loaded with the first of them.
 *
 * Of its line 7, which is kept beside the newest: that one gives whoever bundles for wherever there
 * is `fetch` (`.build/compile.ts`) a stub for browsers, and nothing beside it.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import library from "ws";
import { SUBPROTOCOL, type Wire } from "./event_socket.ts";

/** What is used of the library, which brings no types. */
interface Socket {
  send(text: string, sent: (error?: Error) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: "message", heard: (data: unknown) => void): void;
  on(event: "pong" | "ping" | "error" | "close", told: () => void): void;
}

interface Server {
  handleUpgrade(
    incoming: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    opened: (socket: Socket) => void,
  ): void;
}

interface Library {
  readonly Server: new (options: {
    readonly noServer: true;
    readonly clientTracking: false;
    /** Nothing that was made small grows large here. */
    readonly perMessageDeflate: false;
    readonly maxPayload: number;
    readonly handleProtocols: (offered: readonly string[]) => string | false;
  }) => Server;
}

/** What becomes of what the other side says. */
interface Talker {
  heard(text: string | undefined): void;
  isAlive(): void;
  broken(): void;
  closed(): void;
}

/** A question has its filters in it, and no more. */
const MOST_BYTES = 16 * 1024;

const { Server: WebSocketServer }: Library = library;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MOST_BYTES,
  handleProtocols: (offered) => offered.includes(SUBPROTOCOL) ? SUBPROTOCOL : false,
});

/** Takes the connection over. What is no WebSocket's beginning is answered by the library. */
export function openWebSocket(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  talk: (wire: Wire) => Talker,
): void {
  server.handleUpgrade(incoming, socket, head, (opened) => {
    const talker = talk({
      send: (text) => new Promise((resolve) => opened.send(text, () => resolve())),
      ping: () => opened.ping(),
      close: (code, reason) => opened.close(code, reason),
      terminate: () => opened.terminate(),
    });
    opened.on("message", (data) => talker.heard(typeof data === "string" ? data : undefined));
    opened.on("ping", () => talker.isAlive());
    opened.on("pong", () => talker.isAlive());
    // A message that is none, or too long: the library says so, and closes.
    opened.on("error", () => talker.broken());
    opened.on("close", () => talker.closed());
  });
}
