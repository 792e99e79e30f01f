/** What requests for work on a user have in common: parameters, replies, and what can go wrong. */
import { z } from "zod";
import { flagParameter, idempotencyKeyOf, numberParameter } from "../../http/parameters.ts";
import { json, type ReplyDoc } from "../../http/route.ts";
import { IDEMPOTENCY_KEY } from "../../idempotency_key.ts";
import { type Outcome, outcomeSchema, type RequestOptions } from "../brain_manager.ts";
import type { Callers } from "./guarded.ts";
import { own } from "./problems.ts";

const MOST_WAIT_S = 60;

export const userParams = z.strictObject({
  id: z.string().meta({
    description: "The user's id, percent-encoded: any UTF-8 of up to 256 bytes.",
    examples: ["ada@example.com"],
  }),
});

export const verbQuery = {
  wait: numberParameter({
    integer: true,
    min: 0,
    max: MOST_WAIT_S,
    description: "So many seconds to wait for the end of it; default 0. What takes longer is " +
      "answered with 202, and goes on.",
  }).optional(),
  dry_run: flagParameter.optional().meta({
    description: "`true`: checks what can be checked before it is begun, says what would be " +
      "done, and changes nothing.",
  }),
} as const;

export const VERB_HEADERS = {
  "Idempotency-Key": {
    description: "Any text of 1 to 255 printable ASCII characters: a repeated request with the " +
      "same key is the same operation, while it is among the user's last 20.",
    pattern: IDEMPOTENCY_KEY.source,
  },
} as const;

/** Of everything that asks the cluster about one user. */
export const USER_ERRORS = own(
  "invalid_user_id",
  "name_collision",
  "record_unreadable",
  "cluster_refused",
  "cluster_unavailable",
);

/** Of everything that works on one. */
export const VERB_ERRORS = {
  ...USER_ERRORS,
  ...own(
    "deleted",
    "no_such_user",
    "user_deleting",
    "operation_under_way",
    "wrong_state",
    "rolled_back",
    "idempotency_conflict",
    "brain_refused",
    "backup_failed",
    "timed_out",
  ),
};

const outcomeBody = outcomeSchema.meta({ id: "Outcome" });

export const VERB_REPLIES: Readonly<Record<200 | 202, ReplyDoc>> = {
  200: {
    description: "It is done, or was so before (`same`), or would be done so (`planned`).",
    schema: outcomeBody,
  },
  202: {
    description: "It is under way, and goes on whatever becomes of this service. " +
      "`GET /users/{id}` says how it stands.",
    schema: outcomeBody,
    headers: { Location: "Where the user is." },
  },
};

interface VerbQuery {
  readonly wait?: number | undefined;
  readonly dry_run?: boolean | undefined;
}

export function requestOf(
  { query, request }: { readonly query: VerbQuery; readonly request: Request },
): RequestOptions {
  return {
    dryRun: query.dry_run,
    waitMs: query.wait === undefined ? undefined : query.wait * 1000,
    idempotencyKey: idempotencyKeyOf(request),
    signal: request.signal,
  };
}

const STATUS_OF: Readonly<Record<Outcome["outcome"], number>> = {
  created: 201,
  same: 200,
  done: 200,
  planned: 200,
  under_way: 202,
};

function placeOf(id: string): string {
  return `/users/${encodeURIComponent(id)}`;
}

/** The reply, and what the audit line needs of it. */
export function answer(
  callers: Callers,
  { request, params }: { readonly request: Request; readonly params: { readonly id: string } },
  outcome: Outcome,
): Response {
  const caller = callers.of(request);
  caller.operation = outcome.operation?.id ?? null;
  caller.isKeyGiven = outcome.key !== null;
  const status = STATUS_OF[outcome.outcome];
  return json(status, outcome, status === 200 ? {} : { Location: placeOf(params.id) });
}
