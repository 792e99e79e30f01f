/** What is compared: our service, two things that people use in its place, and a control. */
import { fileURLToPath } from "node:url";
import type { Place, Program } from "../e2e/program.ts";
import { type Answer, LineProcess } from "./line_process.ts";

/** Installed for the time of a run, from the registry that npm is set to; never ours to ship. */
const PACKAGES = {
  memory: ["@modelcontextprotocol/server-memory", "2026.8.31"],
  atomic: ["write-file-atomic", "7.0.1"],
} as const;

/** A store of items, in a process of its own over a folder. */
export interface Running {
  /** True where it was acknowledged. */
  write(item: string): Promise<boolean>;
  /** Undefined where what it holds cannot be read. */
  readAll(): Promise<ReadonlySet<string> | undefined>;
  /** No answer counts any more. */
  hangUp(): void;
  kill(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  /** Undefined where it does not come up over what lies there. */
  start(folder: string): Promise<Running | undefined>;
}

export async function install(folder: string): Promise<void> {
  const wanted = Object.values(PACKAGES).map(([name, version]) => `${name}@${version}`);
  const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts"];
  const { success, stderr } = await new Deno.Command("npm", { args: [...args, ...wanted] })
    .output();
  if (!success) throw new Error(`Cannot compare: ${new TextDecoder().decode(stderr)}`);
}

export function subjects(place: Place, packages: string): readonly Subject[] {
  return [
    { name: "Second Brain", start: (folder) => Brain.start(place, folder) },
    { name: nameOf(PACKAGES.memory), start: (folder) => MemoryServer.start(folder, packages) },
    {
      name: `a JSON file by ${nameOf(PACKAGES.atomic)}`,
      start: (folder) => PlainStore.start("atomic", folder, packages),
    },
    {
      name: "a file appended to, without fsync",
      start: (folder) => PlainStore.start("append", folder, packages),
    },
  ];
}

function nameOf([name, version]: readonly [string, string]): string {
  return `${name} ${version}`;
}

class Brain implements Running {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(place: Place, folder: string): Promise<Running | undefined> {
    const program = place.launch({ MEMORY_PERSIST_PATH: `${folder}/memories.json` });
    try {
      await program.ready();
      return new Brain(program);
    } catch {
      return undefined; // It has said why on stderr: the round counts as unreadable.
    }
  }

  async write(item: string): Promise<boolean> {
    try {
      return (await this.#program.ask("POST", "/memories", { content: item })).status === 201;
    } catch (error) {
      if (error instanceof TypeError) return false; // As `fetch` says that the connection broke.
      throw error;
    }
  }

  async readAll(): Promise<ReadonlySet<string> | undefined> {
    const { status, text } = await this.#program.ask("POST", "/export", { format: "ndjson" });
    if (status !== 200) return undefined;
    const lines = text.split("\n").filter((line) => line !== "");
    return new Set(lines.map((line) => JSON.parse(line).content));
  }

  hangUp(): void {
    this.#program.hangUp();
  }

  async kill(): Promise<void> {
    await this.#program.exitCode(0).catch(() => this.#program.crash());
  }
}

class PlainStore implements Running {
  readonly #process: LineProcess;

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  static async start(
    kind: "atomic" | "append",
    folder: string,
    packages: string,
  ): Promise<Running | undefined> {
    const program = fileURLToPath(new URL("plain_store.mjs", import.meta.url));
    const process = new LineProcess("node", [program, kind, `${folder}/items.json`, packages]);
    const store = new PlainStore(process);
    if (await store.readAll() !== undefined) return store;
    await store.kill();
    return undefined;
  }

  async write(item: string): Promise<boolean> {
    return await this.#process.ask({ item }) !== undefined;
  }

  async readAll(): Promise<ReadonlySet<string> | undefined> {
    const items = (await this.#process.ask({}))?.["items"];
    return Array.isArray(items) ? new Set(items.map(String)) : undefined;
  }

  hangUp(): void {
    this.#process.hangUp();
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }
}

/** Over MCP on its standard input and output, as an assistant talks to it. */
class MemoryServer implements Running {
  readonly #process: LineProcess;

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  static async start(folder: string, packages: string): Promise<Running | undefined> {
    const program = `${packages}/node_modules/${PACKAGES.memory[0]}/dist/index.js`;
    const process = new LineProcess("node", [program], {
      MEMORY_FILE_PATH: `${folder}/memory.jsonl`,
    });
    const server = new MemoryServer(process);
    const answer = await server.#call("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "torture", version: "1" },
    });
    await process.tell({ jsonrpc: "2.0", method: "notifications/initialized" });
    if (answer !== undefined) return server;
    await server.kill();
    return undefined;
  }

  async #call(method: string, params: Answer): Promise<Answer | undefined> {
    const result = (await this.#process.ask({ jsonrpc: "2.0", method, params }))?.["result"];
    return typeof result === "object" && result !== null ? { ...result } : undefined;
  }

  /** Undefined where the tool says that it failed. */
  async #tool(name: string, args: Answer): Promise<Answer | undefined> {
    const result = await this.#call("tools/call", { name, arguments: args });
    return result?.["isError"] === true ? undefined : result;
  }

  async write(item: string): Promise<boolean> {
    const entity = { name: item, entityType: "memory", observations: [item] };
    return await this.#tool("create_entities", { entities: [entity] }) !== undefined;
  }

  async readAll(): Promise<ReadonlySet<string> | undefined> {
    const content = (await this.#tool("read_graph", {}))?.["content"];
    if (!Array.isArray(content)) return undefined;
    const { entities } = JSON.parse(content[0].text);
    return new Set(entities.map(({ name }: { name: string }) => name));
  }

  hangUp(): void {
    this.#process.hangUp();
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }
}
