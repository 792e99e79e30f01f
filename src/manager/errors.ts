/**
 * The closed set of things that can go wrong in the management service, and the HTTP status of each.
 *
 * A message reads "Cannot <do>: <state>" and names the way out. It never carries a key, a path or
 * what a user stores; the user's id only where the caller sent it himself.
 */
export const MANAGER_STATUS = {
  /** The user was deleted; his volume is kept until he is purged. */
  deleted: 410,
  no_such_user: 404,
  no_such_backup: 404,
  invalid_user_id: 422,
  /** Another tier than he has: that is what upgrading is for. */
  tier_conflict: 409,
  user_deleting: 409,
  /** Another id has the same slug, or the namespace is somebody else's. */
  name_collision: 409,
  operation_under_way: 409,
  storage_exceeds_tier: 409,
  restart_needed: 409,
  wrong_state: 409,
  /** What was asked for cannot be carried out, and was put back as it was. */
  rolled_back: 409,
  idempotency_conflict: 409,
  snapshots_unavailable: 501,
  /** His record is damaged, or of a newer version of the manager; it is left alone. */
  record_unreadable: 500,
  cluster_refused: 502,
  brain_refused: 502,
  backup_failed: 502,
  cluster_unavailable: 503,
  /** It did not come about in the time that it was given. */
  timed_out: 504,
  /** A mistake of the manager's own. */
  internal: 500,
} as const;

export type ManagerErrorCode = keyof typeof MANAGER_STATUS;

export interface ManagerErrorOptions {
  /** Seconds after which the same request may succeed. */
  readonly retryAfterS?: number;
  readonly cause?: unknown;
  /** RFC 3339: when a deleted user's volume goes, for `deleted`. */
  readonly purgeAt?: string;
}

export class ManagerError extends Error {
  override readonly name = "ManagerError";
  readonly code: ManagerErrorCode;
  readonly retryAfterS: number | undefined;
  readonly purgeAt: string | undefined;

  constructor(code: ManagerErrorCode, message: string, options: ManagerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterS = options.retryAfterS;
    this.purgeAt = options.purgeAt;
  }
}
