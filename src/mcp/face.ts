/** The Model Context Protocol over streamable HTTP, in both of its eras. */
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { Scope } from "../scope.ts";
import { mcpServer, type McpServerOptions } from "./server.ts";

export interface McpFaceOptions extends Omit<McpServerOptions, "scope"> {
  /** Reads a body within the limits that hold for others; throws `AppError`. */
  readonly readBody: (request: Request) => Promise<string>;
}

/** What a `Face` at `/mcp` answers with. */
export interface McpFace {
  answer(request: Request, scope: Scope): Promise<Response>;
  /** Ends what is open: listening clients are told. */
  close(): Promise<void>;
}

export function mcpFace({ readBody: _, ...options }: McpFaceOptions): McpFace {
  const handlers = {
    read: createMcpHandler(() => mcpServer({ ...options, scope: "read" })),
    write: createMcpHandler(() => mcpServer({ ...options, scope: "write" })),
  };
  return {
    answer: (request, scope) => handlers[scope].fetch(request),
    close: async () => void await Promise.all(Object.values(handlers).map((one) => one.close())),
  };
}
