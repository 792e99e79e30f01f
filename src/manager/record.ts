/**
 * One user in the register: what is wanted for him, and what is under way. Everything that the
 * manager must not forget over a crash, or over the loss of the user's namespace, is in here; what
 * can be seen in the cluster is not.
 */
import { z } from "zod";
import { TIER_NAMES } from "./tiers.ts";

const time = z.iso.datetime({ precision: 3 });

export const VERBS = [
  "create",
  "upgrade",
  "suspend",
  "resume",
  "restart",
  "rotate_key",
  "backup",
  "restore",
  "delete",
  "undelete",
  "purge",
] as const;
export type VerbName = (typeof VERBS)[number];

const volumeSchema = z.strictObject({
  name: z.string(),
  uid: z.string(),
  storageBytes: z.int().min(1),
});

/** Work on one user that is under way; there is at most one. */
const operationSchema = z.strictObject({
  id: z.string(),
  verb: z.enum(VERBS),
  /** What the verb was asked with, and what its steps have to remember. */
  args: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  /** The step that is to be run next, or again. */
  step: z.string(),
  /** Set once it failed: from here on, its steps lead back. */
  failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  startedAt: time,
  /** After this time it has failed. */
  deadlineAt: time,
  /** Of failures worth trying again, since the last step that was done. */
  attempts: z.int().min(0),
  /** What it waits for, for people. */
  waitingFor: z.string().nullable(),
  /** Who runs it; `until` is by his own clock, and changes whenever he renews it. */
  lease: z.strictObject({ holder: z.string(), until: time }).nullable(),
});
export type Operation = z.infer<typeof operationSchema>;

export const recordSchema = z.strictObject({
  version: z.literal(1),
  userId: z.string(),
  slug: z.string(),
  /** Of this life of the user, and on all that is his: not that of a former user of the same name. */
  life: z.string(),
  /** Counts every change of what is wanted. */
  generation: z.int().min(1),
  createdAt: time,
  tier: z.enum(TIER_NAMES),
  /** What is wanted. A purged user's record is gone. */
  state: z.enum(["active", "suspended", "deleted"]),
  /** The claim in use is `data-<number>`. */
  claim: z.strictObject({ number: z.int().min(1), storageBytes: z.int().min(1) }),
  /** Claims that a restore replaced, each until its time. */
  keptClaims: z.array(z.strictObject({ number: z.int().min(1), dropAt: time })).max(8),
  /** Volumes of such claims that had to go before their time, with their namespace. */
  keptVolumes: z.array(volumeSchema.extend({ dropAt: time })).max(8).default([]),
  /** The volume that holds the data while there is no claim for it: he is deleted, or somebody
   * deleted his namespace. */
  volume: volumeSchema.nullable(),
  deletedAt: time.nullable(),
  purgeAt: time.nullable(),
  /** Changes when a restart was asked for; part of the pod's template. */
  restartedAt: time.nullable(),
  /** The key before the last rotation is let in until then. */
  previousKeyUntil: time.nullable(),
  lastBackup: z.strictObject({
    id: z.string(),
    at: time,
    bytes: z.int(),
    memories: z.int(),
  }).nullable(),
  operation: operationSchema.nullable(),
  lastOperation: z.strictObject({
    id: z.string(),
    verb: z.enum(VERBS),
    outcome: z.enum(["succeeded", "failed"]),
    /** What failed, in words that may be shown; null where it succeeded. */
    failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    endedAt: time,
  }).nullable(),
  /** By Idempotency-Key, newest last: the operation that it began. */
  requests: z.array(z.strictObject({ key: z.string(), operation: z.string(), digest: z.string() }))
    .max(20),
});
export type UserRecord = z.infer<typeof recordSchema>;
