/**
 * The Model Context Protocol over streamable HTTP, in both of its eras, without sessions: each
 * request is answered by a server of its own.
 *
 * The SDK tells the eras apart, and holds requests of the newer one against its rules: the headers
 * must be there and say what the body says. Those of the older one, from 2025-03-26 on, are
 * answered with one JSON body each, which all of them allow. Whether the key, the host and the
 * origin are right was looked at before.
 */
import {
  createMcpHandler,
  isJsonContentType,
  isLegacyRequest,
  type McpHttpHandler,
  ProtocolErrorCode,
  type ServerEventBus,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { orAborted } from "../deadline.ts";
import { AppError } from "../errors.ts";
import { type JsonValue, parseJson } from "../json.ts";
import type { Admitted, Scope } from "../scope.ts";
import { answerBatch, batchFault } from "./batch.ts";
import { logUnexpected } from "./faults.ts";
import { idFault, idOf, listeningFault, refused } from "./refusals.ts";
import { ResourceChanges } from "./resource_changes.ts";
import { mcpServer, type McpServerOptions } from "./server.ts";
import { WatchedStreams } from "./watched_stream.ts";

export interface McpFaceOptions
  extends Omit<McpServerOptions, "scope" | "tellsChanges" | "takesLogLevel"> {
  /** Reads a body within the limits that hold for others; throws `AppError`. */
  readonly readBody: (request: Request) => Promise<string>;
}

/** What a `Face` at `/mcp` answers with. */
export interface McpFace {
  /** Each message of a batch counts as a request. */
  answer(request: Request, scope: Scope, admitted: Admitted): Promise<Response>;
}

/** Of either kind of key. */
const MOST_LISTENERS = 64;

/** Nobody reads it; the SDK says the same in the newer era. */
const CLIENT_GONE = 499;

export function mcpFace({ readBody, ...options }: McpFaceOptions): McpFace {
  const { clock } = options;
  const streams = new WatchedStreams(clock);
  const handlers = newerHandlers(options, streams);
  return {
    async answer(request, scope, admitted) {
      const { method, headers } = request;
      const hasBody = method === "POST" && isJsonContentType(headers.get("content-type"));
      // It says what is wrong with these, and reads no body.
      if (!hasBody) return await handlers[scope].fetch(withoutBody(request));
      const body = await parsed(readBody(request));
      if ("fault" in body) return refused(ProtocolErrorCode.ParseError, body.fault);
      const { parsedBody } = body;
      const longId = idFault(Array.isArray(parsedBody) ? parsedBody : [parsedBody]);
      if (longId !== null) return refused(ProtocolErrorCode.InvalidRequest, longId);
      if (await isLegacyRequest(request, parsedBody)) {
        return await answerOlder(request, parsedBody, { ...options, scope }, admitted);
      }
      const tooMuch = listeningFault(parsedBody);
      if (tooMuch !== null) {
        return refused(ProtocolErrorCode.InvalidParams, tooMuch, idOf(parsedBody));
      }
      const response = await handlers[scope].fetch(request, { parsedBody });
      return isStream(response) ? streams.watch(response, () => admitted.isLetIn()) : response;
    },
  };
}

type NewerOptions = Omit<McpServerOptions, "scope">;

function newerHandlers(
  options: NewerOptions,
  streams: WatchedStreams,
): Readonly<Record<Scope, McpHttpHandler>> {
  const { brain, clock, log } = options;
  const bus: ServerEventBus = new ResourceChanges({
    events: brain.events,
    clock,
    // Whoever listens is told that it is over, as the protocol has it.
    ended: () => void Promise.all([handlers.read.close(), handlers.write.close()]),
    interrupted: () => streams.endAll(),
    failed: (error) => logUnexpected(log, "subscriptions/listen", error),
  });
  const newer = (scope: Scope) =>
    createMcpHandler(() => mcpServer({ ...options, scope, tellsChanges: true }), {
      legacy: "reject",
      bus,
      maxSubscriptions: MOST_LISTENERS,
      onerror: ({ name }) => log("debug", "mcp_refused", { name }),
    });
  const handlers = { read: newer("read"), write: newer("write") };
  return handlers;
}

function withoutBody({ url, method, headers }: Request): Request {
  return new Request(url, { method, headers });
}

type Parsed = { readonly parsedBody: JsonValue } | { readonly fault: string };

async function parsed(text: Promise<string>): Promise<Parsed> {
  try {
    return { parsedBody: parseJson(await text) };
  } catch (error) {
    const isUnread = error instanceof AppError && ["malformed", "invalid"].includes(error.code);
    if (!isUnread) throw error;
    return { fault: error.message };
  }
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

async function answerOlder(
  request: Request,
  parsedBody: JsonValue,
  options: McpServerOptions,
  { admit }: Admitted,
): Promise<Response> {
  const answer = (message: JsonValue) => answerOne(request, message, options);
  if (!Array.isArray(parsedBody)) return await answer(parsedBody);
  const fault = batchFault(parsedBody, request.headers.get("mcp-protocol-version"));
  if (fault !== null) return refused(ProtocolErrorCode.InvalidRequest, fault);
  admit(parsedBody.length - 1);
  return await answerBatch(parsedBody, options.clock, answer);
}

async function answerOne(
  request: Request,
  parsedBody: JsonValue,
  options: McpServerOptions,
): Promise<Response> {
  const server = mcpServer({ ...options, takesLogLevel: true });
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    const answer = () => transport.handleRequest(request, { parsedBody });
    return await orAborted(request.signal, answer);
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: CLIENT_GONE });
    throw error;
  } finally {
    await server.close();
  }
}
