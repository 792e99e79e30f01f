/**
 * Requests for another protocol on the same connection (RFC 9110, 7.8). Most are none of ours, and
 * are answered as if they had not asked; the others are let in, or refused, as every request is.
 */
import { RequestError } from "@hono/node-server";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Connections } from "./connections.ts";
import type { Upgrade } from "./event_sockets.ts";
import { failureOf, nameHost, refusalOf, type Refuse, say } from "./unreadable.ts";

/** Whether a request is one; asked of each that wants anything else than HTTP. */
export function asksFor(upgrade: Upgrade | undefined): (incoming: IncomingMessage) => boolean {
  return ({ method, url = "", headers }) =>
    method === "GET" && headers.upgrade?.toLowerCase() === "websocket" &&
    url.split("?")[0] === upgrade?.path;
}

export function answerUpgrades(
  server: Server,
  connections: Connections,
  upgrade: Upgrade,
  refuse: Refuse,
): void {
  server.on("upgrade", async (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    socket.on("error", () => {}); // The client may be gone at any time.
    nameHost(incoming);
    const refusal = refusalOf(incoming, refuse);
    if (refusal !== undefined) return await say(socket, refusal);
    const reply = await answerOf(incoming, upgrade).catch((error) => failureOf(error, refuse));
    if (reply instanceof Response) return await say(socket, reply);
    connections.listens(socket);
    await reply.talk(incoming, socket, head);
  });
}

async function answerOf(incoming: IncomingMessage, { answer }: Upgrade) {
  return await answer(requestOf(incoming));
}

/** Lines of the same name count as one with both values: two keys are none. */
function requestOf({ rawHeaders, headers: { host = "" }, url = "" }: IncomingMessage): Request {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  const whole = `http://${host}${url}`;
  if (!URL.canParse(whole)) throw new RequestError("Invalid URL");
  return new Request(whole, { headers });
}
