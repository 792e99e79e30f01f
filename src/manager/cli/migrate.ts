/** `migrate`: users and their memories out of an export of many, and a line about each. */
import { CommandError, type Terminal } from "../../cli/terminal.ts";
import type { Clock } from "../../clock.ts";
import { ManagerError } from "../errors.ts";
import { migrate, type MigrationLine, type MigrationOptions } from "../migration.ts";
import type { Operations } from "../operations.ts";
import type { Register } from "../register.ts";
import type { TierName } from "../tiers.ts";
import { slugOf } from "../user_id.ts";
import { type CommandLine, isSet, numberOption, requiredOption, tierOption } from "./arguments.ts";
import type { Manager } from "./verbs.ts";

const AT_ONCE = 4, MOST_AT_ONCE = 32;
const MOST_USERS = 100_000;
/** A brain that is not there by then is somebody's to look at. */
const LOOK_MS = 10_000, MOST_LOOKS = 60;
/** As in sysexits.h: some of what was to be brought in is not. */
const EXIT_DATA = 65;
/** In the folder, for as long as the command runs; no name of the folder's own. */
const STANDARD_INPUT = "standard_input";

export interface MigrateParts {
  readonly manager: Pick<Manager, "createUser">;
  readonly register: Pick<Register, "get">;
  readonly operations: Pick<Operations, "addressOf">;
  readonly brains: MigrationOptions["brains"];
}

export interface MigrateOptions {
  readonly open: () => Promise<MigrateParts>;
  /** Makes it where there is none. */
  readonly openFolder: (path: string) => Promise<MigrationOptions["folder"]>;
  readonly terminal: Pick<Terminal, "out" | "readPieces" | "writeFile">;
  /** Of a file that this command has made. */
  readonly remove: (path: string) => Promise<void>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Throws `UsageError`; `CommandError` where not all came in. */
export async function runMigration(line: CommandLine, how: MigrateOptions): Promise<void> {
  const { operand: file = "", options } = line;
  const given = options["folder"];
  if (file !== "-") {
    return await runFrom(file, typeof given === "string" ? given : `${file}.migration`, line, how);
  }
  const path = requiredOption(line, "folder");
  await how.openFolder(path);
  // It is read twice.
  const kept = `${path}/${STANDARD_INPUT}`;
  try {
    await how.terminal.writeFile(kept, how.terminal.readPieces("-"));
    await runFrom(kept, path, line, how);
  } finally {
    await how.remove(kept);
  }
}

async function runFrom(
  file: string,
  folder: string,
  line: CommandLine,
  how: MigrateOptions,
): Promise<void> {
  const { options } = line;
  const tier = options["tier"] === undefined ? "free" : tierOption(line);
  const concurrency = numberOption(line, "at-once", { least: 1, most: MOST_AT_ONCE }) ?? AT_ONCE;
  const { terminal, clock, signal } = how;
  const parts = await how.open();
  const asJson = isSet(options, "json");
  let written = Promise.resolve();
  const write = (text: string) => {
    written = written.then(() => terminal.out(new TextEncoder().encode(`${text}\n`)));
    written.catch(() => {}); // It is waited for, and thrown, in the end.
  };
  const summary = await migrate({
    input: {
      open: () => terminal.readPieces(file),
      isLines: isSet(options, "ndjson") || /\.(ndjson|jsonl)$/i.test(file),
    },
    folder: await how.openFolder(folder),
    users: { provide: (id, signal) => provide(parts, id, tier, signal) },
    brains: parts.brains,
    clock,
    onConflict: "newest",
    concurrency,
    mostUsers: MOST_USERS,
    dryRun: isSet(options, "dry-run"),
    report: (found) => write(asJson ? JSON.stringify(found) : wordsOf(found)),
  }, signal).finally(() => written);
  write(
    asJson
      ? JSON.stringify(summary)
      : Object.entries(summary).map(([name, value]) => `${name} ${value}`).join(", "),
  );
  await written;
  if (summary.failed + summary.unassigned + summary.refused > 0) {
    throw new CommandError(
      "Not all of it came in; mend what is said above, and repeat it",
      EXIT_DATA,
    );
  }
}

/** Waits until his brain is there: what is asked again is the same request. */
async function provide(
  { manager, register, operations }: MigrateParts,
  id: string,
  tier: TierName,
  signal: AbortSignal,
) {
  const known = await register.get(slugOf(id));
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    signal.throwIfAborted();
    // Whoever is there already keeps the tier that he has.
    const wanted = { tier: known?.record.tier ?? tier, waitMs: LOOK_MS, signal };
    if ((await manager.createUser(id, wanted)).outcome === "under_way") continue;
    const found = await register.get(slugOf(id));
    if (found === undefined) break;
    return { created: known === undefined, address: await operations.addressOf(found.record) };
  }
  // One who fails holds no other up: no error of the command as a whole.
  throw new ManagerError(
    "wrong_state",
    "Cannot bring him in: his brain was not there within ten minutes",
  );
}

function wordsOf(line: MigrationLine): string {
  if (line.outcome === "unassigned") return `record ${line.index}: nobody's: ${line.reason}`;
  return Object.entries(line)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
