/** What the disk's errors mean, in our words. */
import { constants } from "node:os";
import { AppError } from "../errors.ts";
import { type DiskCondition, StoreOpenError } from "../store.ts";
import { HEAL_FIRST_MS } from "./healing.ts";

/** How often it is looked whether there is room, and whether the folder is still ours. */
export const LOOK_MS = 10_000;

/** Why nothing at all is written now. */
export type Refusal = "closed" | "failed" | "lost" | "damaged";

export function refusal(why: Refusal): AppError {
  switch (why) {
    case "closed":
      return new AppError("not_ready", "Cannot write: the service is stopping", { retryAfterS: 5 });
    case "failed":
      return new AppError("read_only", "Cannot write: the disk failed and is being recovered", {
        retryAfterS: HEAL_FIRST_MS / 1000,
      });
    case "lost":
      return new AppError(
        "read_only",
        "Cannot write: the data folder was removed or replaced while the service ran; export what " +
          "is here, put the folder in order, and start the service again",
      );
    case "damaged":
      return new AppError(
        "read_only",
        "Cannot write: something in the data is damaged; see /stats, then acknowledge it with " +
          "POST /admin/integrity/ack",
      );
  }
}

/** Whatever forbids writing comes first, then room, then time. */
export function diskCondition(
  mode: "ok" | Refusal,
  room: "ok" | "low" | "full",
  isSlow: boolean,
): DiskCondition {
  if (mode === "failed" || mode === "lost") return mode;
  if (room !== "ok") return room;
  return isSlow ? "slow" : "ok";
}

/** Nothing happened: what was written is cut off again. */
export function diskFull(): AppError {
  return new AppError(
    "insufficient_storage",
    "Cannot store the change: the disk is full; make room on it or enlarge the volume",
    { retryAfterS: LOOK_MS / 1000 },
  );
}

/** Nothing happened: it was not tried. */
export function diskLow(minFreeBytes: number): AppError {
  return new AppError(
    "insufficient_storage",
    `Cannot store the change: less than ${minFreeBytes} bytes are free on the disk; make room on ` +
      "it, enlarge the volume, or lower MIN_FREE_BYTES",
    { retryAfterS: LOOK_MS / 1000 },
  );
}

/** Whether it happened shows after the next start only. */
export function outcomeUnknown(): AppError {
  return new AppError(
    "storage_failed",
    "Cannot tell whether the change was stored: the disk failed; ask again with the same " +
      "Idempotency-Key",
    { retryAfterS: HEAL_FIRST_MS / 1000 },
  );
}

/** Asking again does no harm. */
export function notAcknowledged(cause: unknown): AppError {
  return new AppError(
    "storage_failed",
    "Cannot acknowledge the damage: the disk failed; ask again later",
    { retryAfterS: HEAL_FIRST_MS / 1000, cause },
  );
}

export function locked(): StoreOpenError {
  return new StoreOpenError(
    "locked",
    "Cannot open the data folder: another process holds it; stop that one first",
  );
}

/** What bears a name of ours and is not what it should be: to follow it would be to write elsewhere. */
export function notOurs(name: string): StoreOpenError {
  return new StoreOpenError(
    "no_access",
    `Cannot use the data folder: "${name}" in it is a link, or not of the kind that it must be; ` +
      "move it away, or mount the other place there",
  );
}

/** True where the disk or a quota is full: a definite no. */
export function isNoSpace(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errorWord(error));
}

const WORDS: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([word, number]) => [number, word]),
);

/** The system's own word for an error, such as `EIO`: a message could hold a path. */
export function errorWord(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if ("code" in error && typeof error.code === "string") return error.code;
  // The runtime has no code for some errors, EDQUOT among them: it tells their number alone.
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  return WORDS.get(Number(number)) ?? error.name;
}

/** What a failure to open means to the operator; anything unknown is passed on as it is. */
export function openError(error: unknown): unknown {
  if (isNoSpace(error)) {
    return new StoreOpenError(
      "no_access",
      "Cannot open the data folder: the disk is full, and a start needs a little room; make some",
      error,
    );
  }
  const closed = ["EACCES", "EROFS", "EPERM", "ENOTDIR"].includes(errorWord(error)) ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
  const word = errorWord(error);
  if (!closed && /^E[A-Z0-9]+$/.test(word)) {
    return new StoreOpenError(
      "failed",
      `Cannot open the data folder (${word}): the system failed to read or write it; see to what ` +
        "that word names, such as the disk or a limit on open files, and start again",
      error,
    );
  }
  if (!closed) return error;
  return new StoreOpenError(
    "no_access",
    `Cannot use the data folder (${errorWord(error)}): it must be a folder that this user ` +
      `(uid ${Deno.uid() ?? "unknown"}) can write; in Kubernetes, set fsGroup to that id`,
    error,
  );
}
