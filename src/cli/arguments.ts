/** The command line: which command, with which options. Pure: what is wrong comes back as words. */
import { parseArgs } from "node:util";

/** A command line that cannot be carried out; the message is one line for its writer. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface OptionDoc {
  readonly type: "string" | "boolean";
  readonly value?: string;
  readonly description: string;
  readonly choices?: readonly string[];
}

interface CommandDoc {
  readonly summary: string;
  readonly detail?: string;
  readonly operand?: string;
  readonly operandIsOptional?: boolean;
  readonly options: Readonly<Record<string, OptionDoc>>;
}

const REMOTE = {
  url: {
    type: "string",
    value: "URL",
    description: "a running brain, such as http://127.0.0.1:8000",
  },
  key: { type: "string", value: "KEY", description: "its key (default: CONTAINER_API_KEY)" },
} as const;

export const COMMANDS = {
  serve: {
    summary: "Run the service (the default).",
    detail: "Everything is set by environment variables; the README has the table.",
    options: {},
  },
  export: {
    summary: "Write all memories to a file or to standard output.",
    detail:
      "Without --url it reads the folder of MEMORY_PERSIST_PATH, which no service may be using.",
    options: {
      output: { type: "string", value: "FILE", description: "where to (default: standard output)" },
      format: {
        type: "string",
        value: "FORMAT",
        description: "json (default) or ndjson",
        choices: ["json", "ndjson"],
      },
      "include-embeddings": { type: "boolean", description: "write the vectors too" },
      ...REMOTE,
    },
  },
  import: {
    summary: "Bring memories in from a file, or from standard input with -.",
    detail:
      "Without --url it writes to the folder of MEMORY_PERSIST_PATH, which no service may be using.",
    operand: "FILE",
    options: {
      format: {
        type: "string",
        value: "FORMAT",
        description: "json or ndjson (default: by the file's name)",
        choices: ["json", "ndjson"],
      },
      "on-conflict": {
        type: "string",
        value: "HOW",
        description: "skip (default), overwrite, newest or error, where an id is taken",
        choices: ["skip", "overwrite", "newest", "error"],
      },
      "on-error": {
        type: "string",
        value: "HOW",
        description: "abort (default) or skip, where a record is bad",
        choices: ["abort", "skip"],
      },
      "dry-run": { type: "boolean", description: "judge everything, change nothing" },
      "user-id": { type: "string", value: "ID", description: "take only this user's records" },
      ...REMOTE,
    },
  },
  verify: {
    summary: "Check a data folder, or one backup or export, and change nothing.",
    detail:
      "Without FILE it checks the folder of MEMORY_PERSIST_PATH, which no service may be using.\n" +
      "Exit 0 where all of it can be read; 65 with a report where something is damaged.",
    operand: "FILE",
    operandIsOptional: true,
    options: { json: { type: "boolean", description: "print the report as JSON" } },
  },
  restore: {
    summary: "Put a backup in place of the memories that are there, and keep those.",
    detail:
      "FILE is a backup, an export (json or ndjson), or a copy of memories.json; or a folder that\n" +
      "an earlier restore put aside, to undo it. It works on the folder of MEMORY_PERSIST_PATH,\n" +
      "which no service may be using. Vectors that a provider made are made again.",
    operand: "FILE",
    options: {},
  },
  reindex: {
    summary: "Bring the vectors in line with the memories.",
    detail:
      "Texts without a vector are embedded, also those that were given up; where QDRANT_URL is set,\n" +
      "what Qdrant has is compared with the memories and put right. All of that happens by itself\n" +
      "while the service runs. Without --url it works on the folder of MEMORY_PERSIST_PATH, which\n" +
      "no service may be using, and ends when all is done, or nothing gets done for two minutes.",
    options: REMOTE,
  },
  healthcheck: {
    summary: "Ask the service on this machine whether it is ready; exit 0 if so, else 1.",
    options: {
      url: {
        type: "string",
        value: "URL",
        description: "default: HOST and PORT of this environment",
      },
    },
  },
  version: { summary: "Print the version.", options: {} },
  help: { summary: "Print this page.", options: {} },
} as const satisfies Record<string, CommandDoc>;

export type CommandName = keyof typeof COMMANDS;

export interface CommandLine {
  readonly command: CommandName;
  readonly operand: string | undefined;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly wantsHelp: boolean;
}

/** Throws `UsageError`. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [first, ...others] = args;
  if (first === "--help" || first === "-h") return plain("help");
  if (first === "--version" || first === "-V") return plain("version");
  const named = first !== undefined && !first.startsWith("-");
  const command = named ? first : "serve";
  if (!isCommand(command)) {
    throw new UsageError(`Cannot run "${printable(command)}": there is no such command; try help`);
  }
  return parseOptions(command, named ? others : args);
}

function plain(command: CommandName): CommandLine {
  return { command, operand: undefined, options: {}, wantsHelp: false };
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function parseOptions(command: CommandName, args: readonly string[]): CommandLine {
  const doc: CommandDoc = COMMANDS[command];
  const { values, positionals } = parsed(command, doc, args);
  const wantsHelp = values["help"] === true;
  const most = doc.operand === undefined ? 0 : 1;
  const least = doc.operandIsOptional === true || wantsHelp ? 0 : most;
  if (positionals.length > most && !wantsHelp) {
    throw usage(command, `takes no "${printable(positionals[most] ?? "")}"`);
  }
  if (positionals.length < least) throw usage(command, `needs a ${doc.operand}`);
  for (const [name, { choices }] of Object.entries(doc.options)) {
    const value = values[name];
    if (typeof value === "string" && choices !== undefined && !choices.includes(value)) {
      throw usage(command, `--${name} must be one of ${choices.join(", ")}`);
    }
  }
  return { command, operand: positionals[0], options: values, wantsHelp };
}

function parsed(command: CommandName, doc: CommandDoc, args: readonly string[]) {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
  };
  for (const [name, { type }] of Object.entries(doc.options)) options[name] = { type };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    return { values: plainValues(values), positionals };
  } catch (error) {
    const said = error instanceof Error ? error.message.split(/[.\n]/)[0] : "is not understood";
    throw usage(command, printable(said ?? ""));
  }
}

function plainValues(values: object): Record<string, string | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => typeof value === "string" || value === true),
  );
}

function usage(command: CommandName, state: string): UsageError {
  return new UsageError(`Cannot run "${command}": ${state}; try ${command} --help`);
}

function printable(text: string): string {
  return text.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, "?");
}

export function helpPage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) =>
    `  ${name.padEnd(13)}${summary}`
  );
  return [
    "Second Brain: a personal memory for a person and their assistants.",
    "",
    "Usage: second-brain [COMMAND] [OPTIONS]",
    "",
    ...lines,
    "",
    "second-brain COMMAND --help tells more.",
  ].join("\n");
}

export function commandPage(command: CommandName): string {
  const doc: CommandDoc = COMMANDS[command];
  const named = doc.operandIsOptional === true ? `[${doc.operand}]` : doc.operand;
  const operand = named === undefined ? "" : ` ${named}`;
  const options = Object.entries(doc.options).map(([name, { value, description }]) =>
    `  ${`--${name}${value === undefined ? "" : ` ${value}`}`.padEnd(24)}${description}`
  );
  return [
    `Usage: second-brain ${command}${operand}${options.length > 0 ? " [OPTIONS]" : ""}`,
    "",
    doc.summary,
    ...(doc.detail === undefined ? [] : [doc.detail]),
    ...(options.length > 0 ? ["", ...options] : []),
  ].join("\n");
}
