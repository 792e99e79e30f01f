/**
 * The door to `GET /ws`: what is asked of a request before HTTP ends on its connection, and with
 * what the conversation begins. A page in a browser cannot send a header with it, so the key may
 * come as a subprotocol; never in the address, which is kept in too many places.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { AppError } from "../errors.ts";
import type { ListeningTo } from "./events.ts";
import { EventSocket, SUBPROTOCOL } from "./event_socket.ts";
import { eventSchema } from "./event_view.ts";
import { type Route, route } from "./route.ts";

export const SOCKET_PATH = "/ws";

/** Before the key, among the subprotocols. */
const BEARER = "bearer.";

const DESCRIPTION =
  "A WebSocket (RFC 6455). The key may come in a header, as everywhere, or, from " +
  "a page that can send none, as the subprotocol `bearer.KEY` beside `second-brain.v1`. Messages are " +
  "JSON, each with a `type`. The client sends `subscribe` (with `types`, `filters` as POST /search " +
  'has them, `include: "memory"` and `last_event_id`, all optional; it takes the place of the one ' +
  "before), `unsubscribe` and `ping`. It gets `subscribed` with the `position` from which it " +
  "listens, `unsubscribed`, `pong`, `error` with `code` and `detail`, every Event as GET /events " +
  "has it in `data`, and `end` with `reason`, `detail` and `position` where the memories must be " +
  "listed anew. Closed with 1001 where the service stops, 1003 after what is no text, 1008 after too " +
  "many messages at once, 1009 after one of more than 16 KiB, 4001 where the key is not let in any " +
  "more, 4008 where nothing was taken for 30 seconds.";

/** What takes the place of HTTP on a connection. */
export interface Conversation {
  readonly talk: (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => Promise<void>;
}

/** Which requests ask for one, and what they are answered. */
export interface Upgrade {
  readonly path: string;
  readonly answer: (request: Request) => Promise<Response | Conversation>;
}

export function eventSocketRoutes(): readonly Route[] {
  return [
    route({
      method: "GET",
      path: SOCKET_PATH,
      operationId: "openEventSocket",
      summary: "Be told what happens, over a WebSocket",
      description: DESCRIPTION,
      tag: "Events",
      replies: {
        101: {
          description: "The connection is a WebSocket from now on; what it is there for, as JSON.",
          schema: eventSchema,
        },
      },
      errors: ["overloaded"],
    }, () => {
      throw new AppError(
        "malformed",
        "Cannot open a WebSocket: the request does not ask for one; GET /events needs none",
      );
    }),
  ];
}

/** The headers of a request with the key where it is looked for: two of them are none. */
export function socketCredentials(given: Headers): Headers {
  const headers = new Headers(given);
  for (const one of offered(given)) {
    if (one.startsWith(BEARER)) {
      headers.append("Authorization", `Bearer ${one.slice(BEARER.length)}`);
    }
  }
  return headers;
}

function offered(headers: Headers): string[] {
  const all = (headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
  return all.filter((one) => one !== "");
}

/** Of the protocol; said with every refusal, too (RFC 6455, 4.4). */
export const VERSION = "13";

const HANDSHAKE = [
  ["Sec-WebSocket-Version", /^13$/, VERSION],
  ["Sec-WebSocket-Key", /^[+/0-9A-Za-z]{22}==$/, "16 bytes in base64"],
] as const;

/** Throws where the library would refuse it, which neither says why nor counts it. */
function requireHandshake(headers: Headers): void {
  for (const [name, form, said] of HANDSHAKE) {
    if (form.test(headers.get(name) ?? "")) continue;
    throw new AppError("malformed", `Cannot open the WebSocket: "${name}" must be ${said}`);
  }
}

export interface ConversingOn extends ListeningTo {
  /** Minds the rate. Throws `rate_limited`. */
  readonly admit: () => void;
  /** Told what nobody foresaw. */
  readonly failed: (error: unknown) => void;
}

/**
 * What a request to open a WebSocket becomes, once its sender is let in. Throws `malformed` where
 * none of the subprotocols that he offers is spoken here, and `overloaded`.
 */
export function conversation(to: ConversingOn, { url, headers }: Request): Conversation {
  if (new URL(url).search !== "") {
    throw new AppError(
      "malformed",
      `Cannot read the query: "${SOCKET_PATH}" has none; say it in "subscribe"`,
    );
  }
  const subprotocols = offered(headers);
  if (subprotocols.length > 0 && !subprotocols.includes(SUBPROTOCOL)) {
    throw new AppError(
      "malformed",
      `Cannot open the WebSocket: of the subprotocols "${SUBPROTOCOL}" must be among those offered`,
    );
  }
  requireHandshake(headers);
  const { brain: { events: feed, memories }, listeners, isLetIn, admit, failed } = to;
  const leave = listeners.join("websocket");
  const credentials = socketCredentials(headers);
  const options = {
    ...{ feed, listeners, leave, admit, failed },
    find: (id: string) => memories.find(id),
    isLetIn: () => isLetIn(credentials),
  };
  return {
    async talk(incoming, socket, head) {
      // Also where it does not become one after all.
      socket.once("close", () => leave("left"));
      const { openWebSocket } = await import("./web_socket.ts");
      if (socket.destroyed) return leave("left");
      openWebSocket(incoming, socket, head, (wire) => new EventSocket(wire, options));
    },
  };
}
