/** `second-brain restore`: puts a backup in place, and says how to go back. */
import { amountOfMemories } from "../amount.ts";
import { AppError } from "../errors.ts";
import type { CommandLine } from "./arguments.ts";
import { EXIT } from "./exit.ts";
import { CommandError, type Terminal } from "./terminal.ts";
import { cannotLook } from "./verify.ts";

/** `restore` reads the whole file first; it throws `AppError` where that is not good. */
export async function runRestore(
  { operand = "" }: CommandLine,
  { say }: Pick<Terminal, "say">,
  restore: (
    file: string,
  ) => Promise<{ readonly memories: number; readonly kept: string | undefined }>,
): Promise<void> {
  try {
    const { memories, kept } = await restore(operand);
    say(`Restored ${amountOfMemories(memories)}.`);
    if (kept === undefined) return;
    say(`What was there is kept in ${kept}; remove it once you are sure.`);
    say("To undo it, restore that folder.");
  } catch (error) {
    if (!(error instanceof AppError)) cannotLook("restore", error);
    const code = error.code === "not_found" ? EXIT.failed : EXIT.data;
    throw new CommandError(`${error.message}; nothing was changed`, code);
  }
}
