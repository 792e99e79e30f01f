/** What has become due for a user: a look at his record and the clock, nothing else. */
import type { UserRecord, VerbName } from "../record.ts";
import { TIERS } from "../tiers.ts";

const HOUR_MS = 3_600_000;
/** After a backup or a purge that failed; no backup is tried more often than its plan says. */
const AFTER_FAILURE_MS = 30 * 60_000;

/**
 * Every user has a minute of his own in the interval of his tier, so that not all are backed up at
 * once. Those that were missed are made up for by one.
 */
export function isBackupDue(record: UserRecord, now: number): boolean {
  if (record.state !== "active" || record.operation !== null) return false;
  const everyMs = TIERS[record.tier].backups.everyHours * HOUR_MS;
  const offsetMs = Math.floor(shareOf(record.slug) * everyMs);
  const slot = Math.floor((now - offsetMs) / everyMs) * everyMs + offsetMs;
  const last = record.lastBackup?.at ?? record.createdAt;
  // One of the future was made by a clock that is set right since.
  if (Date.parse(last) >= slot && Date.parse(last) <= now) return false;
  return !hasJustFailed(record, "backup", now, Math.min(AFTER_FAILURE_MS, everyMs));
}

function hasJustFailed(
  { lastOperation }: UserRecord,
  verb: VerbName,
  now: number,
  pauseMs: number,
): boolean {
  if (lastOperation?.verb !== verb || lastOperation.outcome !== "failed") return false;
  const sinceMs = now - Date.parse(lastOperation.endedAt);
  // One of the future was noted by a clock that is set right since.
  return sinceMs >= 0 && sinceMs < pauseMs;
}

export function isPurgeDue(record: UserRecord, now: number): boolean {
  return record.state === "deleted" && record.operation === null && record.purgeAt !== null &&
    Date.parse(record.purgeAt) <= now && !hasJustFailed(record, "purge", now, AFTER_FAILURE_MS);
}

export function dueClaims({ keptClaims }: UserRecord, now: number): number[] {
  return keptClaims.filter(({ dropAt }) => Date.parse(dropAt) <= now).map(({ number }) => number);
}

export function dueVolumes({ keptVolumes }: UserRecord, now: number): UserRecord["keptVolumes"] {
  return keptVolumes.filter(({ dropAt }) => Date.parse(dropAt) <= now);
}

export function isPreviousKeyOver({ previousKeyUntil }: UserRecord, now: number): boolean {
  return previousKeyUntil !== null && Date.parse(previousKeyUntil) <= now;
}

/** From 0 up to 1, always the same for a slug (FNV-1a, its bits mixed once more). */
export function shareOf(slug: string): number {
  let hash = 0x811c9dc5;
  for (const character of slug) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) / 2 ** 32;
}
