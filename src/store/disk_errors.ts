/** What the disk's errors mean, in our words. */
import { constants } from "node:os";
import { AppError } from "../errors.ts";
import { StoreOpenError } from "../store.ts";
import { HEAL_FIRST_MS } from "./healing.ts";

/** Why nothing is written now. */
export function refusal(mode: "read_only" | "closed"): AppError {
  return mode === "closed"
    ? new AppError("not_ready", "Cannot write: the service is stopping", { retryAfterS: 5 })
    : new AppError("read_only", "Cannot write: the disk failed and is being recovered", {
      retryAfterS: HEAL_FIRST_MS / 1000,
    });
}

/** Nothing happened: what was written is cut off again. */
export function diskFull(): AppError {
  return new AppError(
    "insufficient_storage",
    "Cannot store the change: the disk is full; make room on it or enlarge the volume",
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

export function locked(): StoreOpenError {
  return new StoreOpenError(
    "locked",
    "Cannot open the data folder: another process holds it; stop that one first",
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
  const closed = ["EACCES", "EROFS", "EPERM", "ENOTDIR"].includes(errorWord(error)) ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
  if (!closed) return error;
  return new StoreOpenError(
    "no_access",
    `Cannot use the data folder (${errorWord(error)}): it must be a folder that this user ` +
      `(uid ${Deno.uid() ?? "unknown"}) can write; in Kubernetes, set fsGroup to that id`,
    error,
  );
}
