/** The register, whether it can be read, and the brains of those in it, whether they answer. */
import type { BrainAccess } from "../brain_access.ts";
import type { Operations } from "../operations.ts";
import type { UserRecord } from "../record.ts";
import type { Register } from "../register.ts";
import { bad, type Finding, ok, warn } from "./finding.ts";

/** Asked at a time, in all, and named. */
const AT_ONCE = 16, MOST_ASKED = 2_000, MOST_NAMED = 20;

export interface UsersOptions {
  readonly register: Pick<Register, "list">;
  readonly operations: Pick<Operations, "addressOf">;
  readonly brains: Pick<BrainAccess, "isReady">;
  readonly signal: AbortSignal;
}

export async function usersFindings(options: UsersOptions): Promise<Finding[]> {
  const { users, unreadable } = await options.register.list();
  const records = users.map(({ record }) => record);
  const failed = records.filter(({ lastOperation }) => lastOperation?.outcome === "failed");
  const wanted = records.filter(({ state, operation }) => state === "active" && operation === null);
  const silent = await silentOf(wanted.slice(0, MOST_ASKED), options);
  const asked = Math.min(wanted.length, MOST_ASKED);
  return [
    unreadable.length === 0 ? ok("register", `${users.length} users`) : bad(
      "register",
      `${unreadable.length} records cannot be read: ${named(unreadable.map(({ name }) => name))}`,
      "mend or restore these ConfigMaps; until then nothing is done for these users",
    ),
    silent.length === 0 ? ok("brains", `all of ${asked} answer`) : bad(
      "brains",
      `${silent.length} of ${asked} do not answer: ${named(silent)}`,
      "look at each with show; a pod that does not start says why in its events",
    ),
    ...(failed.length === 0 ? [] : [warn(
      "operations",
      `the last one failed of ${failed.length} users: ${named(failed.map(({ slug }) => slug))}`,
      "look at each with show, and repeat it once the cause is gone",
    )]),
  ];
}

/** Slugs of those whose brain does not answer. */
async function silentOf(
  records: readonly UserRecord[],
  { operations, brains, signal }: UsersOptions,
): Promise<string[]> {
  const silent: string[] = [];
  const rest = [...records];
  const ask = async (record: UserRecord) => {
    try {
      return await brains.isReady(await operations.addressOf(record), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      return false;
    }
  };
  const work = async () => {
    for (let record = rest.pop(); record !== undefined; record = rest.pop()) {
      if (!await ask(record)) silent.push(record.slug);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return silent.toSorted();
}

function named(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
