/**
 * What a client of the Model Context Protocol talks to: tools, resources and a prompt of one brain.
 *
 * One is made for each request over HTTP, and one for each connection over stdio; the SDK's entries
 * speak both eras of the protocol and ask for one where they need it:
 * `createMcpHandler(() => mcpServer(options))`, `serveStdio(() => mcpServer(options))`. It holds
 * nothing between two requests.
 */
import { Server } from "@modelcontextprotocol/server";
import type { Brain } from "../brain.ts";
import type { Log } from "../log.ts";
import type { Scope } from "../scope.ts";
import type { Tool } from "./tool.ts";

export interface McpServerOptions {
  readonly brain: Brain;
  /** Of all sets that were chosen; those beyond the scope are neither told nor called. */
  readonly tools: readonly Tool[];
  /** Over stdio: "write", or with `--read-only` "read". */
  readonly scope: Scope;
  readonly version: string;
  readonly log: Log;
}

export function mcpServer({ version }: McpServerOptions): Server {
  return new Server({ name: "second-brain", title: "Second Brain", version }, {
    capabilities: { tools: {} },
  });
}
