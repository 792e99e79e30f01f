/** What goes wrong, as clients of the protocol are told it. */
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import type { Clock } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";

/** Longer than anything takes that is still going to end. */
export const CALL_MS = 60_000;

interface Handled {
  readonly method: string;
  /** Aborted: the client has gone. */
  readonly signal: AbortSignal;
}

/**
 * Runs a handler, for so long: what it throws becomes what may be shown, and the rest is logged by
 * its name.
 */
export function shownErrors(clock: Clock, log: Log) {
  return async <T>({ method, signal }: Handled, work: () => T | Promise<T>): Promise<T> => {
    try {
      return await withDeadline({ clock, ms: CALL_MS, late, signal }, async () => await work());
    } catch (error) {
      if (signal.aborted) throw new ProtocolError(ProtocolErrorCode.InternalError, CANCELLED);
      if (error instanceof ProtocolError) throw error;
      if (error instanceof AppError) throw new ProtocolError(codeOf(error), told(error));
      logUnexpected(log, method, error);
      throw new ProtocolError(ProtocolErrorCode.InternalError, UNEXPECTED);
    }
  };
}

/** Nobody reads it. */
export const CANCELLED = "Cannot go on: the call was cancelled";
export const UNEXPECTED = "Cannot answer: something unexpected happened, which was logged";

export function late(): AppError {
  return new AppError(
    "overloaded",
    `Cannot wait for it any longer: it took ${CALL_MS / 1000} s and may still be carried out; ` +
      "look before you try again",
  );
}

/** All of a list comes at once: there is nothing behind the first page. */
export function requireFirstPage(cursor: string | undefined): void {
  if (cursor === undefined) return;
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    "Cannot go on with the list: there is no further page; ask without a cursor",
  );
}

/** A defect, without its message: that could quote what a client sent. */
export function logUnexpected(log: Log, where: string, error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  log("error", "unexpected", { name, at: `mcp ${where}` });
}

/** The message, and when to try again where that is known. */
export function told({ message, retryAfterS }: AppError): string {
  return retryAfterS === undefined ? message : `${message}; try again in ${retryAfterS} s`;
}

function codeOf({ code }: AppError): ProtocolErrorCode {
  const isCallers = code === "invalid" || code === "malformed" || code === "not_found";
  return isCallers ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
}
