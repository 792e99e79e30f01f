/**
 * What is done with one user, from the command line. It begins the work and waits for its end; who
 * gives up waiting has not given up the work: it is in the register, and the service goes on with it.
 */
import { UsageError } from "../../cli/command_line.ts";
import { CommandError, type Terminal } from "../../cli/terminal.ts";
import type { BrainManager, Outcome, RequestOptions } from "../brain_manager.ts";
import { type CommandLine, isSet, numberOption, requiredOption, tierOption } from "./arguments.ts";
import { linesOf } from "./shown.ts";

/** What the command line is thin over. */
export type Manager = Pick<BrainManager, keyof BrainManager>;

export interface VerbOptions {
  readonly manager: Manager;
  readonly terminal: Pick<Terminal, "out" | "progress">;
  readonly newId: () => string;
  /** Milliseconds of a steady clock. */
  readonly now: () => number;
}

const WAIT_S = 900, MOST_WAIT_S = 86_400;
/** So often the person at the terminal is told how it stands. */
const LOOK_MS = 2_000;
/** As in sysexits.h: it may well end by itself. */
const EXIT_UNFINISHED = 75;

type Begin = (manager: Manager, id: string, request: RequestOptions) => Promise<Outcome>;

/** The verb of a command; undefined where it is about something else. Throws `UsageError`. */
function verbOf(line: CommandLine): Begin | undefined {
  const { command, options } = line;
  switch (command) {
    case "create": {
      const [tier, withKey] = [tierOption(line), isSet(options, "show-key")];
      return (manager, id, request) => manager.createUser(id, { ...request, tier, withKey });
    }
    case "upgrade": {
      const [tier, allowRestart] = [tierOption(line), !isSet(options, "no-restart")];
      return (manager, id, request) => manager.upgradeUser(id, { ...request, tier, allowRestart });
    }
    case "suspend":
      return (manager, id, request) => manager.suspendUser(id, request);
    case "resume":
      return (manager, id, request) => manager.resumeUser(id, request);
    case "restart":
      return (manager, id, request) => manager.restartUser(id, request);
    case "undelete":
      return (manager, id, request) => manager.undeleteUser(id, request);
    case "rotate-key": {
      const graceSeconds = numberOption(line, "grace", { least: 0, most: 604_800 });
      return (manager, id, request) => manager.rotateKey(id, { ...request, graceSeconds });
    }
    default:
      return keepingVerbOf(line);
  }
}

/** Of those that are about what is kept of a user. */
function keepingVerbOf(line: CommandLine): Begin | undefined {
  const { command, options } = line;
  switch (command) {
    case "backup": {
      const method = options["method"] === "snapshot" ? "snapshot" : "export";
      return (manager, id, request) => manager.backupUser(id, { ...request, method });
    }
    case "restore": {
      const backup = requiredOption(line, "backup");
      return (manager, id, request) => manager.restoreUser(id, { ...request, backup });
    }
    case "delete": {
      const backup = !isSet(options, "no-backup");
      const retainDays = numberOption(line, "retain-days", { least: 1, most: 365 });
      return (manager, id, request) => manager.deleteUser(id, { ...request, backup, retainDays });
    }
    case "purge":
      if (!isSet(options, "yes") && !isSet(options, "dry-run")) {
        throw new UsageError(
          'Cannot run "purge": it destroys all that is kept of him, for good; add --yes',
        );
      }
      return (manager, id, request) => manager.purgeUser(id, request);
    default:
      return undefined;
  }
}

/** False where the command is about something else. Throws `UsageError`, `ManagerError`. */
export async function runVerb(
  line: CommandLine,
  open: () => Promise<VerbOptions>,
): Promise<boolean> {
  const begin = verbOf(line);
  if (begin === undefined) return false;
  const waitS = numberOption(line, "wait", { least: 0, most: MOST_WAIT_S }) ?? WAIT_S;
  const { operand: id = "", options } = line;
  const { manager, terminal, newId, now } = await open();
  // The same request each time: what was begun is asked after, and not begun again.
  const request = { dryRun: isSet(options, "dry-run"), idempotencyKey: newId() };
  const until = now() + waitS * 1000;
  let shown = "";
  while (true) {
    const waitMs = Math.max(0, Math.min(LOOK_MS, until - now()));
    const outcome = await begin(manager, id, { ...request, waitMs });
    const isUnderWay = outcome.outcome === "under_way";
    const stands = standing(outcome);
    if (isUnderWay && stands !== shown) terminal.progress?.(`${stands}\n`);
    shown = stands;
    if (isUnderWay && now() < until) continue;
    const text = isSet(options, "json") ? JSON.stringify(outcome, null, 2) : linesOf(outcome);
    await terminal.out(new TextEncoder().encode(`${text}\n`));
    if (isUnderWay && waitS > 0) throw unfinished(waitS);
    return true;
  }
}

function standing({ operation }: Outcome): string {
  if (operation === null) return "under way";
  const { verb, step, waiting_for } = operation;
  const at = step === null ? verb : `${verb}: ${step}`;
  return waiting_for === null ? at : `${at}, waiting for ${waiting_for}`;
}

function unfinished(waitS: number): CommandError {
  return new CommandError(
    `Cannot say how it ends: after ${waitS} s it is still under way, and goes on; ask with show`,
    EXIT_UNFINISHED,
  );
}
