/**
 * The management service: its composition root. Reads the command line and the environment, chooses
 * the adapters, and runs. A program of its own: a brain has none of this.
 */

/** Resolves with the exit code. `args` may begin with the word by which a brain's program leads here. */
export async function run(args: readonly string[]): Promise<number> {
  await Promise.resolve(args);
  throw new Error("not yet");
}
