/**
 * The tools of a server: told to those who may call them, and called. Whatever goes wrong in a tool
 * is told as its result, so that a model reads it and can do better.
 */
import {
  type CallToolResult,
  type ListToolsResult,
  ProtocolError,
  ProtocolErrorCode,
} from "@modelcontextprotocol/server";
import type { Clock } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { AppError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { Scope } from "../scope.ts";
import {
  CALL_MS,
  CANCELLED,
  late,
  logUnexpected,
  requireFirstPage,
  told,
  UNEXPECTED,
} from "./faults.ts";
import type { Tool, ToolResult } from "./tool.ts";

interface CallOptions {
  readonly tools: readonly Tool[];
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
}

export function listTools({ tools, scope }: CallOptions, cursor?: string): ListToolsResult {
  requireFirstPage(cursor);
  const seen = tools.filter((tool) => isFor(tool, scope));
  return {
    tools: seen.map(({ name, description, inputSchema, outputSchema, annotations }) => ({
      name,
      description,
      inputSchema: { ...inputSchema, type: "object" },
      ...(outputSchema && { outputSchema: { ...outputSchema, type: "object" } }),
      annotations,
    })),
  };
}

function isFor(tool: Tool, scope: Scope): boolean {
  return scope === "write" || tool.scope === "read";
}

export async function callTool(
  options: CallOptions,
  { name, arguments: args = {} }: { name: string; arguments?: unknown },
  signal: AbortSignal,
): Promise<CallToolResult> {
  const tool = options.tools.find((tool) => tool.name === name);
  if (tool === undefined) {
    const names = options.tools.filter((tool) => isFor(tool, options.scope)).map(({ name }) =>
      name
    );
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      `Cannot call the tool: there is none of this name; there are ${names.join(", ")}`,
    );
  }
  return shown(await resultOf(tool, options, args, signal));
}

async function resultOf(
  tool: Tool,
  { scope, clock, log }: CallOptions,
  args: unknown,
  signal: AbortSignal,
): Promise<ToolResult> {
  try {
    if (!isFor(tool, scope)) {
      throw new AppError(
        "forbidden",
        `Cannot call ${tool.name} with a key for reading: it changes something`,
      );
    }
    const call = (inner: AbortSignal) => tool.call(soundArguments(args), inner);
    return await withDeadline({ clock, ms: CALL_MS, late, signal }, call);
  } catch (error) {
    if (error instanceof AppError) return toolError(tool, error);
    if (signal.aborted) return { text: CANCELLED, isError: true };
    logUnexpected(log, tool.name, error);
    return { text: UNEXPECTED, isError: true };
  }
}

/** How deep they are, and what would not survive, was looked at when the message was parsed. */
function soundArguments(args: unknown): JsonObject {
  if (isJsonObject(args)) return args;
  throw new AppError("invalid", "Cannot read the arguments: they must be a JSON object");
}

/** Clients hold what is structured against the schema of what a tool gives, errors too. */
function toolError({ outputSchema }: Tool, error: AppError): ToolResult {
  const text = told(error);
  if (outputSchema !== undefined) return { text, isError: true };
  return { text, structured: { error: { code: error.code, message: text } }, isError: true };
}

function shown({ text, structured, isError }: ToolResult): CallToolResult {
  return {
    content: [{ type: "text", text }],
    ...(structured && { structuredContent: structured }),
    ...(isError && { isError }),
  };
}
