/** How the program ends: what it says of a failure, and the code for whoever called it. */
import { UsageError } from "./command_line.ts";
import { CommandError } from "./terminal.ts";

/** As in sysexits.h, so that a supervisor can tell what will pass from what will not. */
export const EXIT = {
  failed: 1,
  usage: 2,
  data: 65,
  software: 70,
  access: 73,
  disk: 74,
  locked: 75,
  config: 78,
};

/** What went wrong, for the person at the terminal, and the code for the program that called. */
export function explain(error: unknown): { readonly message: string; readonly code: number } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return { message, code: EXIT.usage };
  if (error instanceof CommandError) return { message, code: error.exitCode };
  if (!(error instanceof Error)) return { message, code: EXIT.software };
  if (error.name === "ConfigError") return { message, code: EXIT.config };
  if (error.name === "StoreOpenError") return { message, code: openExit(error) };
  if (["AppError", "ListenError"].includes(error.name)) return { message, code: EXIT.failed };
  return { message: error.stack ?? message, code: EXIT.software };
}

/** The manager's code is in its own program, and in the sources. */
export function withoutManager(error: unknown): never {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) {
    throw error;
  }
  throw new CommandError(
    "Cannot run the manager: this program is a brain; run second-brain-manager",
    EXIT.usage,
  );
}

/** By its `fault`, which says why the data folder could not be opened. */
function openExit(error: Error): number {
  const fault = "fault" in error ? error.fault : undefined;
  if (fault === "locked") return EXIT.locked;
  if (fault === "failed") return EXIT.disk;
  return fault === "no_access" ? EXIT.access : EXIT.data;
}
