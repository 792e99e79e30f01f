/** What the tools that look for memories take. */
import { z } from "zod";
import type { JsonValue } from "../../json.ts";
import { IDEMPOTENCY_KEY } from "../../idempotency_key.ts";
import {
  MEMORY_TYPES,
  type MemoryFilter,
  MOST_QUERY_CHARACTERS,
  textSchema,
  timeSchema,
} from "../../memory.ts";
import { RESPONSE_FORMATS } from "../memory_text.ts";

export const querySchema = textSchema(MOST_QUERY_CHARACTERS);

export const idempotencyKeySchema = z.string().regex(
  IDEMPOTENCY_KEY,
  "must be 1 to 255 printable ASCII characters",
);

const DAY = /^\d{4}-\d\d-\d\d$/;

/** A day means its first moment, in UTC. */
const momentSchema = z.string().transform((text, context) => {
  const moment = timeSchema.safeParse(DAY.test(text) ? `${text}T00:00:00Z` : text);
  if (moment.success) return moment.data;
  context.addIssue({
    code: "custom",
    message: "must be a date or an RFC 3339 time, such as 2026-01-31 or 2026-01-31T12:00:00Z",
  });
  return z.NEVER;
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** Of a day, the moment after it; anything else is left as it is. */
export function endOf(value: JsonValue): JsonValue {
  if (typeof value !== "string" || !DAY.test(value)) return value;
  const day = timeSchema.safeParse(`${value}T00:00:00Z`);
  if (!day.success) return value;
  // No moment that can be told lies behind the last day.
  if (value === "9999-12-31") return `${value}T23:59:59.999Z`;
  return new Date(Date.parse(day.data) + DAY_MS).toISOString();
}

export const FILTERS = {
  tags: z.array(z.string().min(1).max(64)).max(50).optional().meta({
    description: "All of these.",
  }),
  memory_type: z.enum(MEMORY_TYPES).optional(),
  min_importance: z.number().min(0).max(1).optional(),
  created_after: momentSchema.optional().meta({ description: "Date or time." }),
  created_before: momentSchema.optional().meta({ description: "Exclusive." }),
} as const;

type Filters = z.output<z.ZodObject<typeof FILTERS>>;

export function filterOf(
  { tags, memory_type, min_importance, created_after, created_before }: Filters,
): Pick<MemoryFilter, "min_importance" | "created_after" | "created_before"> & {
  memory_type?: (typeof MEMORY_TYPES)[number][] | undefined;
  tags?: string[] | undefined;
} {
  return {
    tags,
    memory_type: memory_type && [memory_type],
    min_importance,
    created_after,
    created_before,
  };
}

export const responseFormatSchema = z.enum(RESPONSE_FORMATS).default("concise");

export function limitSchema(usual: number) {
  return z.int().min(1).max(100).default(usual);
}
