/** A user as callers see him, over HTTP and on the command line alike. */
import { z } from "zod";
import { VERBS } from "../record.ts";
import { TIER_NAMES } from "../tiers.ts";

const time = z.iso.datetime({ precision: 3 });

const USER_STATES = [
  "creating",
  "running",
  /** Wanted, but his brain does not answer; `conditions` say why. */
  "degraded",
  "suspended",
  "restoring",
  "deleting",
  "deleted",
  "purging",
] as const;
export type UserState = (typeof USER_STATES)[number];

const failureSchema = z.strictObject({ code: z.string(), message: z.string() });

const conditionSchema = z.strictObject({
  type: z.enum(["Ready", "VolumeBound", "Resized", "BackupFresh", "OperationSucceeded"]),
  status: z.enum(["true", "false", "unknown"]),
  /** One word of UpperCamelCase, for programs. */
  reason: z.string(),
  /** For people. */
  message: z.string(),
});
export type Condition = z.infer<typeof conditionSchema>;

const operationViewSchema = z.strictObject({
  id: z.string(),
  verb: z.enum(VERBS),
  status: z.enum(["under_way", "going_back", "succeeded", "failed"]),
  /** Where it is; null once it has ended. */
  step: z.string().nullable(),
  waiting_for: z.string().nullable(),
  started_at: time.nullable(),
  deadline_at: time.nullable(),
  ended_at: time.nullable(),
  failure: failureSchema.nullable(),
});
export type OperationView = z.infer<typeof operationViewSchema>;

export const userViewSchema = z.strictObject({
  id: z.string(),
  slug: z.string(),
  namespace: z.string(),
  state: z.enum(USER_STATES),
  tier: z.enum(TIER_NAMES),
  /** Where his brain is reached. */
  address: z.string(),
  created_at: time,
  storage_bytes: z.int(),
  /** Empty in lists: they are read from the register alone. */
  conditions: z.array(conditionSchema),
  last_backup: z.strictObject({ id: z.string(), at: time, bytes: z.int(), memories: z.int() })
    .nullable(),
  operation: operationViewSchema.nullable(),
  last_operation: operationViewSchema.nullable(),
  deleted_at: time.nullable(),
  purge_at: time.nullable(),
});
export type UserView = z.infer<typeof userViewSchema>;

export const userListSchema = z.strictObject({
  users: z.array(userViewSchema),
  /** For the next page; null on the last. */
  next_cursor: z.string().nullable(),
  total: z.int(),
  /** Records that cannot be read, by name; they are left alone. */
  unreadable: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
});
export type UserList = z.infer<typeof userListSchema>;

/** What became of a request for work on a user. */
export const outcomeSchema = z.strictObject({
  /** `planned`: it was a dry run. */
  outcome: z.enum(["created", "same", "under_way", "done", "planned"]),
  /** Null: he is gone for good, or would be new. */
  user: userViewSchema.nullable(),
  /** Null where nothing was begun. */
  operation: operationViewSchema.nullable(),
  /** The brain's key; given where it was asked for, by creation and rotation alone. */
  key: z.string().nullable(),
  /** Of a dry run: what would be done, a line each. */
  plan: z.array(z.string()),
});
export type Outcome = z.infer<typeof outcomeSchema>;
