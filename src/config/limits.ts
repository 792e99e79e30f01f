/**
 * Limits that somebody else may change while the service runs: a file of JSON, such as
 * `{"requests_per_minute": 300, "max_memories": 10000, "storage_quota_bytes": 268435456}`.
 * What it names goes before the environment; 0 is no limit.
 */
import { z } from "zod";
import { parseJson } from "../json.ts";
import type { Told } from "./keys.ts";

export interface Limits {
  readonly requestsPerMinute: number;
  readonly maxMemories: number;
  readonly quotaBytes: number;
}

/** Names that it does not know are passed over: a newer manager may have more to say. But a file
 * that says nothing it knows is a slip, not a wish for no limits. */
const limitsSchema = z.object({
  requests_per_minute: z.int().min(0).max(10_000_000),
  max_memories: z.int().min(0).max(1e12),
  storage_quota_bytes: z.int().min(0).max(1e15),
}).partial().refine((limits) => Object.values(limits).some((limit) => limit !== undefined));

const MOST_CHARACTERS = 65_536;

export function readLimits(
  file: string | undefined,
  { readFile, problems }: Pick<Told, "readFile" | "problems">,
): Partial<Limits> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = readFile(file);
  } catch {
    problems.push("the file that LIMITS_FILE names cannot be read");
    return {};
  }
  const limits = limitsOf(text);
  if (limits !== undefined) return limits;
  problems.push(
    "the file that LIMITS_FILE names must hold JSON with whole numbers under " +
      "requests_per_minute, max_memories and storage_quota_bytes",
  );
  return {};
}

function limitsOf(text: string): Partial<Limits> | undefined {
  let value: unknown;
  try {
    if (text.length > MOST_CHARACTERS) return undefined;
    value = parseJson(text);
  } catch {
    // Half-written, or no JSON: the caller says what it must be.
    return undefined;
  }
  const { success, data } = limitsSchema.safeParse(value);
  if (!success) return undefined;
  const { requests_per_minute, max_memories, storage_quota_bytes } = data;
  return {
    ...(requests_per_minute !== undefined && { requestsPerMinute: requests_per_minute }),
    ...(max_memories !== undefined && { maxMemories: max_memories }),
    ...(storage_quota_bytes !== undefined && { quotaBytes: storage_quota_bytes }),
  };
}
