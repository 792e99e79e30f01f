/** The manager's command line: its commands, and their options. */
import {
  type CommandOptions,
  type CommandSet,
  pageOf,
  pageOfAll,
  type ParsedLine,
  parseLine,
  UsageError,
} from "../../cli/command_line.ts";
import { TIER_NAMES, type TierName } from "../tiers.ts";

const JSON_OPTION = { json: { type: "boolean", description: "print JSON" } } as const;

const TIER = {
  type: "string",
  value: "TIER",
  description: TIER_NAMES.join(", "),
  choices: TIER_NAMES,
} as const;

/** Of everything that is done with one user. */
const VERB = {
  wait: {
    type: "string",
    value: "SECONDS",
    description: "how long to wait for the end (default: 900; 0: not at all)",
  },
  "dry-run": { type: "boolean", description: "say what would be done, change nothing" },
  ...JSON_OPTION,
} as const;

const plain = (summary: string, detail?: string) => ({
  summary,
  ...(detail !== undefined && { detail }),
  operand: "USER",
  options: VERB,
});

export const COMMANDS = {
  serve: {
    summary: "Run the service (the default).",
    detail: "Everything is set by environment variables; the README has the table.",
    options: {},
  },
  create: {
    summary: "Have a user: a namespace, a volume and a brain of his own.",
    detail: "May be repeated until it ends well.",
    operand: "USER",
    options: {
      tier: TIER,
      "show-key": { type: "boolean", description: "print the key of his brain" },
      ...VERB,
    },
  },
  upgrade: {
    summary: "Give a user another tier, larger or smaller.",
    detail: "Storage never shrinks. What fails is put back as it was.",
    operand: "USER",
    options: {
      tier: TIER,
      "no-restart": { type: "boolean", description: "refuse where it needs a restart" },
      ...VERB,
    },
  },
  suspend: plain("Stop a user's brain and keep all that he has."),
  resume: plain("Start a suspended brain again."),
  restart: plain("Restart a user's brain gracefully."),
  "rotate-key": {
    summary: "Give a user's brain a new key, and print it.",
    operand: "USER",
    options: {
      grace: {
        type: "string",
        value: "SECONDS",
        description: "how long the key before it is let in (default: 3600)",
      },
      ...VERB,
    },
  },
  backup: {
    summary: "Make a backup of a user's brain.",
    operand: "USER",
    options: {
      method: {
        type: "string",
        value: "METHOD",
        description: "export (default), or snapshot of the volume",
        choices: ["export", "snapshot"],
      },
      ...VERB,
    },
  },
  backups: { summary: "List a user's backups.", operand: "USER", options: JSON_OPTION },
  restore: {
    summary: "Put a backup in place of what a user has.",
    detail: "What he had is kept for 7 days.",
    operand: "USER",
    options: {
      backup: { type: "string", value: "BACKUP", description: "its id; backups lists them" },
      ...VERB,
    },
  },
  delete: {
    summary: "Delete a user; his volume is kept for a while.",
    operand: "USER",
    options: {
      "no-backup": { type: "boolean", description: "make no last backup" },
      "retain-days": {
        type: "string",
        value: "DAYS",
        description: "how long the volume is kept, 1 to 365 (default: 30)",
      },
      ...VERB,
    },
  },
  undelete: plain("Bring a deleted user back, with the volume that was kept."),
  purge: {
    summary: "Destroy what is kept of a deleted user, now and for good.",
    operand: "USER",
    options: { yes: { type: "boolean", description: "it is really meant" }, ...VERB },
  },
  list: {
    summary: "List users.",
    options: {
      tier: TIER,
      state: {
        type: "string",
        value: "STATE",
        description: "active, suspended or deleted: what is wanted for them",
        choices: ["active", "suspended", "deleted"],
      },
      ...JSON_OPTION,
    },
  },
  show: { summary: "Look at one user.", operand: "USER", options: JSON_OPTION },
  render: {
    summary: "Print what a user would get, for kubectl apply -f. Needs no cluster.",
    options: {
      user: { type: "string", value: "ID", description: "the user's id" },
      tier: TIER,
    },
  },
  migrate: {
    summary: "Bring in users with their memories, from an export of many.",
    detail:
      "May be broken off and repeated: what was brought in is not brought in twice. FILE is\n" +
      "JSON, or NDJSON by its name; - is standard input, kept in the folder meanwhile, which it\n" +
      "needs. Exit 65 where not all of it came in.",
    operand: "FILE",
    options: {
      tier: { ...TIER, description: "of new users (default: free)" },
      folder: {
        type: "string",
        value: "FOLDER",
        description: "to work in (default: FILE.migration)",
      },
      ndjson: { type: "boolean", description: "it is NDJSON, whatever its name" },
      "at-once": { type: "string", value: "USERS", description: "default: 4" },
      "dry-run": { type: "boolean", description: "only look who is in it" },
      ...JSON_OPTION,
    },
  },
  doctor: {
    summary: "Look for what is wrong with an installation, and say what to do.",
    detail: "Exit 0 where all is well, else 1.",
    options: JSON_OPTION,
  },
  tiers: { summary: "What each tier gets.", options: JSON_OPTION },
  version: { summary: "Print the version.", options: {} },
  help: { summary: "Print this page.", options: {} },
} as const;

type CommandName = keyof typeof COMMANDS;

const SET: CommandSet<CommandName> = {
  program: "second-brain manager",
  about: "Second Brain manager: thousands of brains on Kubernetes.",
  commands: COMMANDS,
  unnamed: "serve",
};

export type CommandLine = ParsedLine<CommandName>;

/** Throws `UsageError`. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  return parseLine(SET, args);
}

export function helpPage(): string {
  return pageOfAll(SET);
}

export function commandPage(command: CommandName): string {
  return pageOf(SET, command);
}

/** Throws `UsageError` where it was not given, or is too small or too large. */
export function numberOption(
  { command, options }: CommandLine,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = typeof text === "string" && /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(
    `Cannot run "${command}": --${name} must be a whole number from ${least} to ${most}`,
  );
}

/** Throws `UsageError` where there is none. */
export function requiredOption({ command, options }: CommandLine, name: string): string {
  const value = options[name];
  if (typeof value === "string" && value !== "") return value;
  throw new UsageError(`Cannot run "${command}": it needs --${name}; try ${command} --help`);
}

/** Throws `UsageError`. */
export function tierOption(line: CommandLine): TierName {
  const given = requiredOption(line, "tier");
  const tier = TIER_NAMES.find((name) => name === given);
  if (tier === undefined) throw new UsageError(`Cannot run "${line.command}": no such tier`);
  return tier;
}

export function isSet(options: CommandOptions, name: string): boolean {
  return options[name] === true;
}
