/** What goes wrong, as clients of the protocol are told it. */
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";

/** Longer than anything takes that is still going to end. */
export const CALL_MS = 60_000;

/** Runs a handler: what it throws becomes what may be shown, and the rest is logged by its name. */
export function shownErrors(log: Log) {
  return async <T>(method: string, work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      if (error instanceof AppError) throw new ProtocolError(codeOf(error), told(error));
      logUnexpected(log, method, error);
      throw new ProtocolError(ProtocolErrorCode.InternalError, UNEXPECTED);
    }
  };
}

export const UNEXPECTED = "Cannot answer: something unexpected happened, which was logged";

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
