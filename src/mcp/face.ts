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
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { orAborted } from "../deadline.ts";
import { AppError } from "../errors.ts";
import { type JsonValue, parseJson } from "../json.ts";
import type { Scope } from "../scope.ts";
import { mcpServer, type McpServerOptions } from "./server.ts";

export interface McpFaceOptions extends Omit<McpServerOptions, "scope" | "isListenedTo"> {
  /** Reads a body within the limits that hold for others; throws `AppError`. */
  readonly readBody: (request: Request) => Promise<string>;
}

/** What a `Face` at `/mcp` answers with. */
export interface McpFace {
  answer(request: Request, scope: Scope): Promise<Response>;
}

/** A batch counts as one request, so it must not be many. */
const MOST_IN_BATCH = 20;

/** In JSON-RPC's words. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

export function mcpFace({ readBody, ...options }: McpFaceOptions): McpFace {
  const { log } = options;
  const onerror = ({ name }: Error) => log("debug", "mcp_refused", { name });
  const newer = (scope: Scope) =>
    createMcpHandler(() => mcpServer({ ...options, scope }), { legacy: "reject", onerror });
  const handlers = { read: newer("read"), write: newer("write") };
  return {
    async answer(request, scope) {
      const { method, headers } = request;
      const hasBody = method === "POST" && isJsonContentType(headers.get("content-type"));
      // It says what is wrong with these, and reads no body.
      if (!hasBody) return await handlers[scope].fetch(withoutBody(request));
      const body = parsed(await readBody(request));
      if ("fault" in body) return refused(PARSE_ERROR, body.fault);
      const { parsedBody } = body;
      if (!await isLegacyRequest(request, parsedBody)) {
        return await handlers[scope].fetch(request, { parsedBody });
      }
      if (Array.isArray(parsedBody) && parsedBody.length > MOST_IN_BATCH) {
        return refused(INVALID_REQUEST, `Cannot take more than ${MOST_IN_BATCH} in a batch`);
      }
      return await answerLegacy(request, parsedBody, { ...options, scope });
    },
  };
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

function refused(code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status: 400 });
}

async function answerLegacy(
  request: Request,
  parsedBody: JsonValue,
  options: McpServerOptions,
): Promise<Response> {
  const server = mcpServer(options);
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    const answer = () => transport.handleRequest(request, { parsedBody });
    return await orAborted(request.signal, answer);
  } finally {
    await server.close();
  }
}
