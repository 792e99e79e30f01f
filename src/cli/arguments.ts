/** The command line: the commands of the brain, and their options. */
import { type CommandSet, pageOf, pageOfAll, type ParsedLine, parseLine } from "./command_line.ts";

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
      "Without --url it reads the folder of MEMORY_PERSIST_PATH, which no service may be using.\n" +
      "--to markdown writes a new folder, a file for each memory, and import --from markdown takes\n" +
      "it back with nothing lost; --to server-memory keeps the texts alone.",
    options: {
      output: { type: "string", value: "FILE", description: "where to (default: standard output)" },
      to: {
        type: "string",
        value: "PROGRAM",
        description: "in the form of markdown or server-memory",
        choices: ["markdown", "server-memory"],
      },
      format: {
        type: "string",
        value: "FORMAT",
        description: "json (default) or ndjson",
        choices: ["json", "ndjson"],
      },
      "dry-run": { type: "boolean", description: "read everything, write nothing" },
      "include-embeddings": { type: "boolean", description: "write the vectors too" },
      ...REMOTE,
    },
  },
  import: {
    summary: "Bring memories in from a file, or from standard input with -.",
    detail:
      "Without --url it writes to the folder of MEMORY_PERSIST_PATH, which no service may be using.\n" +
      "With --from, FILE may be a folder too, or the .zip that the program gave you; what comes in\n" +
      "that way has ids of its own, so that a second time changes nothing. Notes are told apart by\n" +
      "the name of their folder and their place in it; edited ones come with --on-conflict overwrite.\n" +
      "What begins with a dot is passed over.",
    operand: "FILE",
    options: {
      from: {
        type: "string",
        value: "PROGRAM",
        description: "mem0, server-memory, chatgpt, claude, obsidian or markdown",
        choices: ["mem0", "server-memory", "chatgpt", "claude", "obsidian", "markdown"],
      },
      collection: {
        type: "string",
        value: "NAME",
        description: "for notes of a folder that is called as another one was",
      },
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
  mcp: {
    summary: "Serve an assistant over standard input and output (Model Context Protocol).",
    detail:
      "Without --url it serves the folder of MEMORY_PERSIST_PATH, which no service may be using.\n" +
      "With --url it is a bridge to a brain that runs somewhere. The client starts it, and ends it.",
    options: {
      "read-only": { type: "boolean", description: "offer only what changes nothing" },
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
  manager: {
    summary: "The management service of many brains, and its commands.",
    detail:
      "It is a program of its own, second-brain-manager; a brain's binary has nothing of it.\n" +
      "Its page: second-brain manager help.",
    isProgram: true,
    options: {},
  },
  version: { summary: "Print the version.", options: {} },
  help: { summary: "Print this page.", options: {} },
} as const;

export type CommandName = keyof typeof COMMANDS;

const SET: CommandSet<CommandName> = {
  program: "second-brain",
  about: "Second Brain: a personal memory for a person and their assistants.",
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
