/** Commands that only look: list, show, backups, tiers, render. */
import type { Terminal } from "../../cli/terminal.ts";
import type { UserList } from "../brain_manager.ts";
import { render } from "../manifests.ts";
import type { Settings } from "../settings.ts";
import { TIERS } from "../tiers.ts";
import { type CommandLine, isSet, requiredOption, tierOption } from "./arguments.ts";
import { backupLines, listLines, tierLines, userLines } from "./shown.ts";
import type { Manager } from "./verbs.ts";

const PAGE = 500;
/** A register with more than this is not for a terminal. */
const MOST_PAGES = 200;

export interface ReadingOptions {
  readonly manager: () => Promise<Manager>;
  readonly settings: () => Settings;
  readonly out: Terminal["out"];
  readonly signal: AbortSignal;
}

/** False where the command is about something else. Throws `UsageError`, `ManagerError`. */
export async function runReading(line: CommandLine, options: ReadingOptions): Promise<boolean> {
  const text = await read(line, options);
  if (text !== undefined) await options.out(new TextEncoder().encode(`${text.trimEnd()}\n`));
  return text !== undefined;
}

async function read(
  line: CommandLine,
  { manager, settings, signal }: ReadingOptions,
): Promise<string | undefined> {
  const { command, operand: id = "", options } = line;
  const either = (value: unknown, lines: () => string) =>
    isSet(options, "json") ? JSON.stringify(value, null, 2) : lines();
  switch (command) {
    case "list": {
      const pages = await allPages(line, await manager());
      return either(
        { users: pages.flatMap(({ users }) => users), unreadable: pages[0]?.unreadable ?? [] },
        () => listLines(pages),
      );
    }
    case "show": {
      const user = await (await manager()).getUser(id);
      return either(user, () => userLines(user).join("\n"));
    }
    case "backups": {
      const list = await (await manager()).listBackups(id, signal);
      return either(list, () => backupLines(list));
    }
    case "tiers":
      return either(TIERS, tierLines);
    case "render": {
      const userId = requiredOption(line, "user");
      return render({ userId, tier: tierOption(line), settings: settings() });
    }
    default:
      return undefined;
  }
}

async function allPages(line: CommandLine, manager: Manager): Promise<UserList[]> {
  const { options } = line;
  const tier = options["tier"] === undefined ? undefined : tierOption(line);
  const state = (["active", "suspended", "deleted"] as const)
    .find((one) => one === options["state"]);
  const pages: UserList[] = [];
  let cursor: string | undefined;
  do {
    const page = await manager.listUsers({ tier, state, limit: PAGE, cursor });
    pages.push(page);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && pages.length < MOST_PAGES);
  return pages;
}
