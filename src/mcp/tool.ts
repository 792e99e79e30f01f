/**
 * A tool as the Model Context Protocol knows it: a name, a schema, and what it does. Sets of tools
 * are made of these; which sets there are is the operator's choice.
 */
import type { JsonObject } from "../json.ts";
import type { Scope } from "../scope.ts";

/** Hints for the client, in the protocol's own words (`ToolAnnotations`). */
export interface Annotations {
  readonly title?: string;
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** What a call gives: text for the model, and the same as data; an error says what to do. */
export interface ToolResult {
  readonly text: string;
  readonly structured?: JsonObject;
  readonly isError?: true;
}

export interface Tool {
  readonly name: string;
  /** Made of no stored text. */
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly annotations: Annotations;
  /** What a caller needs to see and call it. */
  readonly scope: Scope;
  /** `args` as the client sent them. An `AppError` that is thrown becomes a tool error. */
  call(args: JsonObject, signal: AbortSignal): Promise<ToolResult>;
}

export const TOOL_SETS = ["default", "reference", "chatgpt", "claude-memory"] as const;
export type ToolSetName = (typeof TOOL_SETS)[number];
