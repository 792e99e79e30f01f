/** What went wrong, as a reply: the manager's own codes beside those of every service of ours. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { internalProblem, problem, problemReply, problemSchema } from "../../http/problem.ts";
import { asManagerError } from "../brain_manager.ts";
import { MANAGER_STATUS, ManagerError, type ManagerErrorCode } from "../errors.ts";

export const managerProblemSchema = problemSchema.extend({
  purge_at: z.iso.datetime().optional().meta({
    description: "With `deleted`: until then the user can be brought back.",
  }),
}).meta({ id: "Problem" });

const TITLES: Readonly<Record<ManagerErrorCode, string>> = {
  deleted: "The user was deleted",
  no_such_user: "There is no such user",
  no_such_backup: "There is no such backup",
  invalid_user_id: "The user's id is not valid",
  tier_conflict: "The user has another tier",
  user_deleting: "The user is being deleted",
  name_collision: "The name is another user's",
  operation_under_way: "Something else is under way",
  storage_exceeds_tier: "More is stored than the tier lets",
  restart_needed: "It needs a restart",
  wrong_state: "The user is not in a state for this",
  rolled_back: "It failed, and was put back as it was",
  idempotency_conflict: "The Idempotency-Key was used for something else",
  record_unreadable: "The user's record cannot be read",
  snapshots_unavailable: "The cluster makes no snapshots",
  cluster_refused: "The cluster refused it",
  brain_refused: "The user's brain refused it",
  backup_failed: "The backup failed",
  cluster_unavailable: "The cluster does not answer",
  timed_out: "It took too long",
  internal: "Something went wrong",
};

/** For the document: these, with the status of each. */
export function own(
  ...codes: readonly ManagerErrorCode[]
): Readonly<Record<string, number>> {
  return Object.fromEntries(codes.map((code) => [code, MANAGER_STATUS[code]]));
}

export interface Answered {
  readonly reply: Response;
  /** For the audit line. */
  readonly code: string;
  /** False for what nobody foresaw. */
  readonly isKnown: boolean;
}

export function answerError(thrown: unknown): Answered {
  const error = asManagerError(thrown);
  if (error instanceof AppError) return { reply: problem(error), code: error.code, isKnown: true };
  if (!(error instanceof ManagerError)) {
    return { reply: internalProblem(), code: "internal", isKnown: false };
  }
  const { code, message: detail, purgeAt, retryAfterS } = error;
  const status = MANAGER_STATUS[code];
  const reply = problemReply({
    ...{ code, status, title: TITLES[code], detail, retryAfterS },
    ...(purgeAt !== undefined && { more: { purge_at: purgeAt } }),
  });
  return { reply, code, isKnown: true };
}
