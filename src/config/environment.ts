/** What configurations of both programs are made of. */
import { z } from "zod";

/** As text, within bounds; what is not set is the fallback. */
export function wholeNumber(fallback: number, min: number, max: number) {
  return z.string().regex(/^\d{1,15}$/).transform(Number).pipe(z.int().min(min).max(max))
    .or(z.undefined().transform(() => fallback));
}

/** All that is wrong, at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.map((line) => `Cannot start: ${line}`).join("\n"));
    this.problems = problems;
  }
}
