/**
 * What a tool is called with: names that models guess are understood, a null is nothing, and what
 * is not known is refused with the name that was probably meant.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { Scope } from "../../scope.ts";
import type { Annotations, Tool, ToolResult } from "../tool.ts";
import { nearest } from "./nearest_name.ts";
import { endOf } from "./question.ts";

/** What else an argument is called; each only where a tool has that argument, and none of its own
 * of that name. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  content: ["text", "information", "memory", "fact", "note", "body", "value", "data", "message"],
  query: ["q", "text", "question", "queries", "search", "search_query", "keywords", "information"],
  id: ["memory_id", "uuid"],
  limit: ["top_k", "k", "n", "count", "max_results", "num_results", "page_size", "size", "top_n"],
  offset: ["skip"],
  cursor: ["next_cursor", "page_token", "next_page_token"],
  max_tokens: ["token_budget", "budget", "tokens", "token_limit"],
  memory_type: ["type", "kind", "category", "memory_types"],
  importance_score: ["importance", "priority"],
  min_importance: ["minimum_importance", "importance", "importance_score"],
  tags: ["tag", "labels", "label", "keywords"],
  metadata: ["meta", "attributes", "properties"],
  created_after: ["since", "after", "from", "start", "start_date", "from_date", "date_from"],
  created_before: ["until", "before", "to", "end", "end_date", "to_date", "date_to"],
  sort: ["sort_by", "order_by"],
  order: ["direction", "sort_order"],
  mode: ["search_mode", "search_type"],
  response_format: ["format", "verbosity"],
  idempotency_key: ["idempotency", "request_id"],
  expected_revision: ["revision", "version", "etag", "if_match"],
  on_duplicate: ["if_exists", "duplicates"],
};

/** Whoever says so means the whole of a day. */
const INCLUSIVE = new Set(["until", "to", "end", "end_date", "to_date", "date_to"]);

/** Nobody reads more of them at once. */
const MOST_FAULTS = 8;
/** What is longer is no name, and is not gone through. */
const MOST_NAME_CHARACTERS = 64;

export interface ToolDefinition<Args extends z.ZodObject> {
  readonly name: string;
  readonly description: string;
  readonly scope: Scope;
  readonly hints: Omit<Annotations, "readOnlyHint" | "openWorldHint">;
  readonly args: Args;
  run(args: z.output<Args>): Promise<ToolResult>;
}

/** A tool whose `run` gets its arguments checked. It touches nothing outside this brain. */
export function defineTool<Args extends z.ZodObject>(
  { name, description, scope, hints, args: schema, run }: ToolDefinition<Args>,
): Tool {
  const names = Object.keys(schema.shape);
  return {
    name,
    description,
    scope,
    inputSchema: leanSchema(schema),
    annotations: { readOnlyHint: scope === "read", ...hints, openWorldHint: false },
    async call(args) {
      const parsed = schema.safeParse(named(name, args, names));
      if (!parsed.success) throw wrong(name, faultsOf(parsed.error));
      try {
        return await run(parsed.data);
      } catch (error) {
        throw error instanceof AppError ? advised(error) : error;
      }
    },
  };
}

/** In the words of these tools, where those of HTTP would not help. */
function advised(error: AppError): AppError {
  if (error.code === "precondition_failed") {
    return new AppError(
      "precondition_failed",
      "Cannot change the memory: it was changed since; call memory_get and repeat with its " +
        "new revision as expected_revision",
    );
  }
  if (error.code === "not_found") {
    return new AppError("not_found", `${error.message}; find it by memory_search or memory_list`);
  }
  if (error.code !== "invalid") return error;
  return new AppError("invalid", error.message.replace("Idempotency-Key", "idempotency_key"));
}

/** The arguments by their own names. Throws `invalid` for what is none, or is there twice. */
function named(tool: string, args: JsonObject, names: readonly string[]): JsonObject {
  const given = new Map<string, JsonValue>();
  const faults: string[] = [];
  for (const [sent, value] of Object.entries(args)) {
    if (faults.length === MOST_FAULTS) break;
    const plain = sent.length > MOST_NAME_CHARACTERS ? "" : inSnakeCase(sent);
    const name = nameOf(plain, names);
    if (name === undefined) faults.push(unknownName(sent, plain, names));
    else if (value !== null && given.has(name)) faults.push(`"${name}" is there twice`);
    // Some clients send a null for each argument that they leave out.
    else if (value !== null) given.set(name, INCLUSIVE.has(plain) ? endOf(value) : value);
  }
  if (faults.length > 0) throw wrong(tool, [...faults, `its arguments are ${names.join(", ")}`]);
  return Object.fromEntries(given);
}

function nameOf(plain: string, names: readonly string[]): string | undefined {
  if (names.includes(plain)) return plain;
  return names.find((name) => OTHER_NAMES[name]?.includes(plain));
}

function inSnakeCase(name: string): string {
  return name.replaceAll(/([a-z\d])([A-Z])/g, "$1_$2").replaceAll(/[-\s]/g, "_").toLowerCase();
}

/** What is quoted back is cut, and of one line. */
function unknownName(sent: string, plain: string, names: readonly string[]): string {
  const close = nearest(plain, names);
  const hint = close === undefined ? "" : `; did you mean "${close}"?`;
  return `${JSON.stringify(sent.slice(0, MOST_NAME_CHARACTERS))} is not an argument${hint}`;
}

function wrong(tool: string, faults: readonly string[]): AppError {
  return new AppError("invalid", `Cannot call ${tool}: ${faults.join("; ")}`);
}

function faultsOf(error: z.ZodError): string[] {
  return error.issues.slice(0, MOST_FAULTS).map((issue) => {
    const isMissing = issue.code === "invalid_type" && issue.path.length === 1 &&
      /received undefined$/.test(issue.message);
    const message = isMissing ? "is required" : issue.message;
    return issue.path.length === 0 ? message : `"${issue.path.join(".")}" ${message}`;
  });
}

/** Limits that a message tells of when it comes to that need not stand in every list of tools. */
const UNSAID = [
  "$schema",
  "examples",
  "additionalProperties",
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "maxItems",
  "minItems",
];

/** As a model needs it. */
function leanSchema(schema: z.ZodObject): JsonObject {
  // It is plain JSON: what zod gives may hold what JSON cannot, which this leaves out.
  const full = JSON.parse(
    JSON.stringify(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })),
  );
  return leanObject(full);
}

function leanObject(full: JsonObject): JsonObject {
  const kept = Object.entries(full).filter(([key]) => !UNSAID.includes(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [key, isJsonObject(value) ? leanObject(value) : value]),
  );
}
