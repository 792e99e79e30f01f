/**
 * What is no request: bytes that `node:http` cannot read, heads that are too large or too slow, and
 * heads that two servers in a row could read differently. Answered with a problem like all else
 * that is refused, and the connection ended: what may still come on it means nothing.
 */
import { RequestError } from "@hono/node-server";
import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AppError } from "../errors.ts";
import type { Connections } from "./connections.ts";

/** Makes the reply to an error. */
export type Refuse = (error: Error) => Response;

const SOUND_HOST = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?$/;

/** What asks for them may speak HTTP/1.0, and name no host. */
const PROBES: readonly (string | undefined)[] = ["/health", "/health/live", "/health/ready"];

/** A `Host` that is legal and that the library does not take becomes one that means the same. */
export function nameHost({ httpVersion, headers, url = "" }: IncomingMessage): void {
  if (headers.host !== undefined) headers.host = headers.host.replace(/:$/, "");
  else if (httpVersion === "1.0" && PROBES.includes(url.split("?")[0])) headers.host = "localhost";
}

/** The reply to a head that `node:http` lets pass and we do not; undefined where it is sound. */
export function refusalOf(
  { rawHeaders, headers, url = "" }: Pick<IncomingMessage, "rawHeaders" | "headers" | "url">,
  refuse: Refuse,
): Response | undefined {
  const hosts = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === "host" && i % 2);
  const [host = headers.host ?? "", ...more] = hosts;
  const fault = more.length > 0 || !SOUND_HOST.test(host)
    ? "it needs one Host header, with a host and no more"
    : !url.startsWith("/")
    ? "its target must be a path"
    : undefined;
  return fault === undefined ? undefined : ending(refuse(malformed(fault)));
}

/** The reply where a request could not be made of the head, or not be answered. */
export function failureOf(error: unknown, refuse: Refuse): Response {
  if (error instanceof RequestError) {
    return ending(refuse(malformed("its Host or its target is not well-formed")));
  }
  return refuse(error instanceof Error ? error : new Error("Something else was thrown"));
}

function ending(reply: Response): Response {
  reply.headers.set("Connection", "close");
  return reply;
}

function malformed(fault: string): AppError {
  return new AppError("malformed", `Cannot read the request: ${fault}`);
}

/** Answers what `node:http` itself gives up on. */
export function answerUnreadable(
  server: Server,
  connections: Connections,
  mostHeadBytes: number,
  refuse: Refuse,
): void {
  const givenUp = new WeakSet<Duplex>();
  server.on("connect", (_, socket) => say(socket, refuse(malformed("there is no tunnel here"))));
  server.on("clientError", (error, socket) => {
    if (givenUp.has(socket)) return;
    givenUp.add(socket);
    // What still comes is thrown away; each piece of it would be one more error.
    socket.removeAllListeners("data").resume();
    const [reply, ...more] = connections.running(socket);
    const isItsBody = more.length === 0 && reply?.req.complete === false && !reply.headersSent;
    // An error must not be taken for the answer to a write that came before it, and was whole.
    if (reply !== undefined && !isItsBody) connections.endAfter(socket);
    else say(socket, refuse(reasonOf(error, mostHeadBytes)));
  });
}

function reasonOf(error: Error, mostHeadBytes: number): AppError {
  switch ("code" in error ? error.code : undefined) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new AppError("request_timeout", "Cannot read the request: it took too long to come");
    case "HPE_HEADER_OVERFLOW":
      return new AppError(
        "head_too_large",
        `Cannot read the request: its head is larger than ${mostHeadBytes} bytes`,
      );
    default:
      return malformed("it is not well-formed HTTP");
  }
}

/** Writes the reply by hand, where there is no request for it to belong to. */
export async function say(socket: Duplex, reply: Response): Promise<void> {
  socket.on("error", () => {}); // The client may be gone already.
  if (!socket.writable) return void socket.destroy();
  const body = await reply.text();
  const { status, headers } = ending(reply);
  const head = [...headers].map(([name, value]) => `${name}: ${value}`).join("\r\n");
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n` +
      `Content-Length: ${new TextEncoder().encode(body).length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
