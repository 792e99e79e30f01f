/** Who asks: what is known of a request beside what it says, from the door to the audit line. */
import { AppError } from "../../errors.ts";
import type { AccessKey, Scope } from "./access_keys.ts";

export class Caller {
  readonly key: AccessKey;
  /** For the audit line: the operation that it began, or was told of. */
  operation: string | null = null;
  /** For the audit line: the backup that it deleted. */
  backup: string | undefined;
  /** For the audit line: the reply has a brain's key. */
  isKeyGiven = false;

  constructor(key: AccessKey) {
    this.key = key;
  }

  may(scope: Scope): boolean {
    return this.key.scopes.has(scope);
  }

  /** Throws `forbidden`. */
  require(scopes: readonly Scope[]): void {
    const lacking = scopes.filter((scope) => !this.may(scope));
    if (lacking.length === 0) return;
    throw new AppError(
      "forbidden",
      `Cannot do this: the key "${this.key.name}" lacks the scope ${lacking.join(" and ")}`,
    );
  }
}
