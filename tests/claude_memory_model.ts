/**
 * What Claude's memory tool must answer, by its documentation: a tree of Maps and strings that is
 * told the same and knows neither memories nor paths. A directory in which nothing is left is gone.
 */
import type { Json } from "./http_app.ts";

type Directory = Map<string, Directory | string>;

/** As the tool answers: `Error: …` or what else its documentation gives as a failure is one. */
export interface Answer {
  readonly text: string;
  readonly isError: boolean;
}

class Failure extends Error {}

export class FileTree {
  readonly #root: Directory = new Map();

  answer(args: Json): Answer {
    try {
      return { text: this.#run(args), isError: false };
    } catch (error) {
      if (error instanceof Failure) return { text: error.message, isError: true };
      throw error;
    }
  }

  /** Every file there is, by its path. */
  files(directory = this.#root, path = "/memories"): Map<string, string> {
    const found = new Map<string, string>();
    for (const [name, node] of directory) {
      if (typeof node === "string") found.set(`${path}/${name}`, node);
      else for (const [below, text] of this.files(node, `${path}/${name}`)) found.set(below, text);
    }
    return found;
  }

  #run(args: Json): string {
    switch (args.command) {
      case "view":
        return this.#view(args.path, args.view_range);
      case "create":
        return this.#create(args.path, args.file_text);
      case "str_replace":
        return this.#replace(args.path, args.old_str, args.new_str);
      case "insert":
        return this.#insert(args.path, args.insert_line, args.insert_text);
      case "delete":
        return this.#delete(args.path);
      default:
        return this.#rename(args.old_path, args.new_path);
    }
  }

  #view(path: string, range: [number, number] | undefined): string {
    const node = this.#at(path);
    if (node === undefined) {
      throw new Failure(`The path ${path} does not exist. Please provide a valid path.`);
    }
    if (typeof node === "string") {
      const lines = numberedLines(node);
      const [first, last] = range ?? [1, -1];
      const shown = lines.filter((_, at) => at + 1 >= first && (last === -1 || at + 1 <= last));
      return `Here's the content of ${path} with line numbers:\n${shown.join("\n")}`;
    }
    const lines = [`${sizeText(sizeOf(node))}\t${path}`];
    for (const [name, inner] of visible(node)) {
      lines.push(lineOf(inner, `${path}/${name}`));
      if (typeof inner === "string") continue;
      for (const [below, innermost] of visible(inner)) {
        lines.push(lineOf(innermost, `${path}/${name}/${below}`));
      }
    }
    return `Here're the files and directories up to 2 levels deep in ${path}, excluding hidden ` +
      `items and node_modules:\n${lines.join("\n")}`;
  }

  #create(path: string, text: string): string {
    if (this.#at(path) !== undefined) throw new Failure(`Error: File ${path} already exists`);
    this.#put(path, text);
    return `File created successfully at: ${path}`;
  }

  #replace(path: string, before: string, after: string): string {
    const text = this.#at(path);
    if (typeof text !== "string") {
      throw new Failure(`Error: The path ${path} does not exist. Please provide a valid path.`);
    }
    const parts = text.split(before);
    if (parts.length === 1) {
      throw new Failure(
        `No replacement was performed, old_str \`${before}\` did not appear verbatim in ${path}.`,
      );
    }
    const lines = parts.slice(0, -1)
      .map((_, at) => parts.slice(0, at + 1).join(before).split("\n").length);
    if (lines.length > 1) {
      throw new Failure(
        `No replacement was performed. Multiple occurrences of old_str \`${before}\` in lines: ` +
          `${[...new Set(lines)].join(", ")}. Please ensure it is unique`,
      );
    }
    const changed = parts.join(after);
    this.#put(path, changed);
    const [line = 0] = lines;
    const snippet = numberedLines(changed).filter((_, at) => Math.abs(at + 1 - line) <= 2);
    return "The memory file has been edited. Here is the snippet showing the change (with line " +
      `numbers):\n${snippet.join("\n")}`;
  }

  #insert(path: string, line: number, more: string): string {
    const text = this.#at(path);
    if (typeof text !== "string") throw new Failure(`Error: The path ${path} does not exist`);
    const lines = text.split("\n");
    if (line < 0 || line > lines.length) {
      throw new Failure(
        `Error: Invalid \`insert_line\` parameter: ${line}. It should be within the range of ` +
          `lines of the file: [0, ${lines.length}]`,
      );
    }
    const added = more.endsWith("\n") ? more.slice(0, -1) : more;
    this.#put(path, [...lines.slice(0, line), added, ...lines.slice(line)].join("\n"));
    return `The file ${path} has been edited.`;
  }

  #delete(path: string): string {
    if (path === "/memories") {
      throw new Failure("Error: Cannot delete the /memories directory itself");
    }
    if (this.#at(path) === undefined) throw new Failure(`Error: The path ${path} does not exist`);
    this.remove(path);
    return `Successfully deleted ${path}`;
  }

  #rename(from: string, to: string): string {
    const node = this.#at(from);
    if (from === "/memories") {
      throw new Failure("Error: Cannot rename the /memories directory itself");
    }
    if (this.#at(to) !== undefined) {
      throw new Failure(`Error: The destination ${to} already exists`);
    }
    if (node === undefined) throw new Failure(`Error: The path ${from} does not exist`);
    if (to.startsWith(`${from}/`)) throw new Failure(`Error: Cannot move ${from} into itself`);
    this.#put(to, node);
    this.remove(from);
    return `Successfully renamed ${from} to ${to}`;
  }

  #at(path: string): Directory | string | undefined {
    let node: Directory | string | undefined = this.#root;
    for (const name of namesOf(path)) {
      node = typeof node === "string" ? undefined : node?.get(name);
    }
    return node;
  }

  #put(path: string, node: Directory | string): void {
    let directory = this.#root;
    const names = namesOf(path);
    for (const [at, name] of names.slice(0, -1).entries()) {
      const next = directory.get(name) ?? new Map();
      if (typeof next === "string") {
        const above = ["/memories", ...names.slice(0, at + 1)].join("/");
        throw new Failure(`Error: The path ${above} is a file, not a directory`);
      }
      directory.set(name, next);
      directory = next;
    }
    directory.set(names.at(-1) ?? "", node);
  }

  /** With the directories that are empty then. */
  remove(path: string): void {
    const names = namesOf(path);
    const parent = `/memories/${names.slice(0, -1).join("/")}`;
    const directory = this.#at(parent);
    if (typeof directory !== "object") return;
    directory.delete(names.at(-1) ?? "");
    if (directory.size === 0 && directory !== this.#root) this.remove(parent);
  }

  /** What a person does by other means. */
  overwrite(path: string, text: string): void {
    this.#put(path, text);
  }
}

function namesOf(path: string): string[] {
  return path.split("/").slice(2).filter((name) => name !== "");
}

function numberedLines(text: string): string[] {
  return text.split("\n").map((line, at) => `${`      ${at + 1}`.slice(-6)}\t${line}`);
}

function visible(directory: Directory): [string, Directory | string][] {
  return [...directory].filter(([name]) => !name.startsWith(".") && name !== "node_modules")
    .toSorted(([a], [b]) => a < b ? -1 : 1);
}

function lineOf(node: Directory | string, path: string): string {
  return `${sizeText(sizeOf(node))}\t${path}${typeof node === "string" ? "" : "/"}`;
}

function sizeOf(node: Directory | string): number {
  if (typeof node === "string") return new TextEncoder().encode(node).length;
  return [...node.values()].reduce((sum, inner) => sum + sizeOf(inner), 0);
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const size = bytes < 1024 ** 2 ? bytes / 1024 : bytes / 1024 ** 2;
  const unit = bytes < 1024 ** 2 ? "K" : "M";
  return `${size % 1 === 0 ? size : size.toFixed(1)}${unit}`;
}
