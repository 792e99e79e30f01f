/** What has to be so before anything is asked of a user's brain. */
import { ManagerError } from "../errors.ts";
import type { UserRecord } from "../record.ts";

/** Throws `deleted` where he is. */
export function requireThere({ state, purgeAt }: UserRecord, work: string): void {
  if (state !== "deleted") return;
  throw new ManagerError(
    "deleted",
    `Cannot ${work} the user: he is deleted; bring him back with "undelete"`,
    purgeAt === null ? {} : { purgeAt },
  );
}
