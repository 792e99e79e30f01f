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
  type ServerEventBus,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { orAborted } from "../deadline.ts";
import { AppError } from "../errors.ts";
import { isJsonObject, type JsonValue, parseJson } from "../json.ts";
import type { Scope } from "../scope.ts";
import { logUnexpected } from "./faults.ts";
import { ResourceChanges } from "./resource_changes.ts";
import { mcpServer, type McpServerOptions } from "./server.ts";
import { endedWhenStalled } from "./watched_stream.ts";

export interface McpFaceOptions
  extends Omit<McpServerOptions, "scope" | "tellsChanges" | "takesLogLevel"> {
  /** Reads a body within the limits that hold for others; throws `AppError`. */
  readonly readBody: (request: Request) => Promise<string>;
}

/** What a `Face` at `/mcp` answers with. */
export interface McpFace {
  answer(request: Request, scope: Scope): Promise<Response>;
}

/** A batch counts as one request, so it must not be many. */
const MOST_IN_BATCH = 20;

/** Of either kind of key. */
const MOST_LISTENERS = 64;
const MOST_LISTENED_TO = 100;

/** Nobody reads it; the SDK says the same in the newer era. */
const CLIENT_GONE = 499;

/** In JSON-RPC's words. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

export function mcpFace({ readBody, ...options }: McpFaceOptions): McpFace {
  const { clock } = options;
  const handlers = newerHandlers(options);
  return {
    async answer(request, scope) {
      const { method, headers } = request;
      const hasBody = method === "POST" && isJsonContentType(headers.get("content-type"));
      // It says what is wrong with these, and reads no body.
      if (!hasBody) return await handlers[scope].fetch(withoutBody(request));
      const body = parsed(await readBody(request));
      if ("fault" in body) return refused(PARSE_ERROR, body.fault);
      const { parsedBody } = body;
      if (await isLegacyRequest(request, parsedBody)) {
        return await answerOlder(request, parsedBody, { ...options, scope });
      }
      if (listensToMany(parsedBody)) {
        const message = `Cannot listen to more than ${MOST_LISTENED_TO} resources`;
        return refused(INVALID_PARAMS, message, idOf(parsedBody));
      }
      const response = await handlers[scope].fetch(request, { parsedBody });
      return isStream(response) ? endedWhenStalled(response, clock) : response;
    },
  };
}

type NewerOptions = Omit<McpServerOptions, "scope">;

function newerHandlers(options: NewerOptions): Readonly<Record<Scope, McpHttpHandler>> {
  const { brain, clock, log } = options;
  const bus: ServerEventBus = new ResourceChanges({
    events: brain.events,
    clock,
    // Whoever listens is told that it is over, as the protocol has it.
    ended: () => void Promise.all([handlers.read.close(), handlers.write.close()]),
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

function parsed(text: string): { readonly parsedBody: JsonValue } | { readonly fault: string } {
  try {
    return { parsedBody: parseJson(text) };
  } catch (error) {
    if (error instanceof AppError) return { fault: error.message };
    throw error;
  }
}

/** Without an id where it is of no single request. */
function refused(code: number, message: string, id: string | number | null = null): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id }, { status: 400 });
}

function idOf(body: JsonValue): string | number | null {
  const id = isJsonObject(body) ? body["id"] : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

function listensToMany(body: JsonValue): boolean {
  if (!isJsonObject(body) || body["method"] !== "subscriptions/listen") return false;
  const { params } = body;
  const notifications = isJsonObject(params) ? params["notifications"] : undefined;
  const uris = isJsonObject(notifications) ? notifications["resourceSubscriptions"] : undefined;
  return Array.isArray(uris) && uris.length > MOST_LISTENED_TO;
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

async function answerOlder(
  request: Request,
  parsedBody: JsonValue,
  options: McpServerOptions,
): Promise<Response> {
  if (Array.isArray(parsedBody) && parsedBody.length > MOST_IN_BATCH) {
    return refused(INVALID_REQUEST, `Cannot take more than ${MOST_IN_BATCH} in a batch`);
  }
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
