/**
 * Command lines in general: which command of a set, with which options, and the pages of help. Pure:
 * what is wrong comes back as words.
 */
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

export interface CommandDoc {
  readonly summary: string;
  readonly detail?: string;
  readonly operand?: string;
  readonly operandIsOptional?: boolean;
  /** What follows is another program's to understand. */
  readonly isProgram?: boolean;
  readonly options: Readonly<Record<string, OptionDoc>>;
}

export interface CommandSet<Name extends string> {
  /** As it is called. */
  readonly program: string;
  /** What it is, in one line. */
  readonly about: string;
  readonly commands: Readonly<Record<Name, CommandDoc>>;
  /** Where none is named. */
  readonly unnamed: Name;
}

export type CommandOptions = Readonly<Record<string, string | boolean | undefined>>;

export interface ParsedLine<Name extends string> {
  readonly command: Name;
  readonly operand: string | undefined;
  readonly options: CommandOptions;
  readonly wantsHelp: boolean;
}

/** Throws `UsageError`. */
export function parseLine<Name extends string>(
  { commands, unnamed }: CommandSet<Name | "help" | "version">,
  args: readonly string[],
): ParsedLine<Name | "help" | "version"> {
  const [first, ...others] = args;
  if (first === "--help" || first === "-h") return plain("help");
  if (first === "--version" || first === "-V") return plain("version");
  const isNamed = first !== undefined && !first.startsWith("-");
  const command = isNamed ? first : unnamed;
  if (!isCommand(commands, command)) {
    throw new UsageError(`Cannot run "${printable(command)}": there is no such command; try help`);
  }
  const doc: CommandDoc = commands[command];
  if (doc.isProgram === true && others[0] !== "--help") return plain(command);
  return { command, ...parseOptions(command, doc, isNamed ? others : args) };
}

function plain<Name extends string>(command: Name): ParsedLine<Name> {
  return { command, operand: undefined, options: {}, wantsHelp: false };
}

function isCommand<Name extends string>(
  commands: Readonly<Record<Name, CommandDoc>>,
  name: string,
): name is Name {
  return Object.hasOwn(commands, name);
}

function parseOptions(
  command: string,
  doc: CommandDoc,
  args: readonly string[],
): Omit<ParsedLine<string>, "command"> {
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
  return { operand: positionals[0], options: values, wantsHelp };
}

function parsed(command: string, doc: CommandDoc, args: readonly string[]) {
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

function plainValues(values: object): CommandOptions {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => typeof value === "string" || value === true),
  );
}

function usage(command: string, state: string): UsageError {
  return new UsageError(`Cannot run "${command}": ${state}; try ${command} --help`);
}

function printable(text: string): string {
  return text.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, "?");
}

export function pageOfAll({ program, about, commands }: CommandSet<string>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) =>
    `  ${name.padEnd(13)}${summary}`
  );
  return [
    about,
    "",
    `Usage: ${program} [COMMAND] [OPTIONS]`,
    "",
    ...lines,
    "",
    `${program} COMMAND --help tells more.`,
  ].join("\n");
}

export function pageOf<Name extends string>(
  { program, commands }: CommandSet<Name>,
  command: Name,
): string {
  const doc: CommandDoc = commands[command];
  const named = doc.operandIsOptional === true ? `[${doc.operand}]` : doc.operand;
  const operand = doc.isProgram === true ? " COMMAND" : named === undefined ? "" : ` ${named}`;
  const options = Object.entries(doc.options).map(([name, { value, description }]) =>
    `  ${`--${name}${value === undefined ? "" : ` ${value}`}`.padEnd(24)}${description}`
  );
  return [
    `Usage: ${program} ${command}${operand}${options.length > 0 ? " [OPTIONS]" : ""}`,
    "",
    doc.summary,
    ...(doc.detail === undefined ? [] : [doc.detail]),
    ...(options.length > 0 ? ["", ...options] : []),
  ].join("\n");
}
