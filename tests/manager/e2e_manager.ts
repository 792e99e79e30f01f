/**
 * The management service as its own process, under the rights that it is given, with its keys, its
 * kubeconfig and its backups in one folder. It can be killed, and started again over what it left.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { managerProgramArguments } from "../../.build/permissions.ts";
import { outcomeSchema } from "../../src/manager/brain_manager/user_view.ts";
import { eventually, within } from "../e2e/conditions.ts";
import type { ApiServer } from "../kubernetes/api_server.ts";
import { ServerProcess } from "../kubernetes/server_process.ts";
import { type Json, KEYS, keysFile } from "./http_kit.ts";

export type KeyName = keyof typeof KEYS;

export interface ManagerReply {
  readonly status: number;
  readonly body: Json;
  /** Of a problem. */
  readonly code: string | undefined;
}

export interface CommandReply {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export interface RealManagerOptions {
  readonly folder: string;
  readonly server: ApiServer;
  /** Its own, at the API server. */
  readonly token: string;
  /** Through which it reaches brains. */
  readonly proxy: string;
}

/** All that it says in a test. */
const LOG_CHARACTERS = 1 << 22;
const LIMIT_MS = 30_000;
const PROBLEM = "urn:second-brain:error:";
const listening = z.looseObject({ event: z.literal("listening"), port: z.int() });

export class RealManager implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #past: string[] = [];
  #process: ServerProcess | undefined;
  #url = "";

  private constructor({ folder, proxy }: RealManagerOptions) {
    this.#folder = folder;
    this.#env = {
      ...runtimeEnvironment(),
      HTTP_PROXY: proxy,
      PORT: "0",
      MANAGER_KEYS_FILE: `${folder}/keys.json`,
      BACKUP_KEYS_FILE: `${folder}/backup-keys`,
      BACKUP_FOLDER: this.backups,
      KUBECONFIG: `${folder}/kubeconfig`,
      RATE_LIMIT_PER_MINUTE: "0",
    };
  }

  static async start(options: RealManagerOptions): Promise<RealManager> {
    const manager = new RealManager(options);
    const { folder } = options;
    await mkdir(manager.backups);
    await writeFile(`${folder}/keys.json`, keysFile());
    await writeFile(`${folder}/backup-keys`, `${randomBytes(32).toString("base64")}\n`);
    await writeFile(`${folder}/kubeconfig`, JSON.stringify(kubeconfig(options)));
    await manager.begin();
    return manager;
  }

  /** The folder of the backups. */
  get backups(): string {
    return `${this.#folder}/backups`;
  }

  /** All that it said, of every process so far. */
  get log(): string {
    return [...this.#past, this.#process?.log ?? ""].join("\n");
  }

  /** The last of what went wrong for it, for a message. */
  get warnings(): string {
    const lines = this.log.split("\n").filter((line) => /"level":"(warn|error)"/.test(line));
    return lines.slice(-20).join("\n");
  }

  async begin(): Promise<void> {
    const started = this.#process = this.#spawn(["serve"]);
    const port = await eventually(LIMIT_MS, "the manager listens", () => {
      if (started.isOver) throw new Error(`The manager ended: ${started.log}`);
      const line = started.log.split("\n").find((one) => one.includes('"event":"listening"'));
      return line === undefined ? undefined : listening.parse(JSON.parse(line)).port;
    });
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** As when its machine is gone. */
  async kill(): Promise<void> {
    await this.#process?.end();
    this.#past.push(this.#process?.log ?? "");
    this.#process = undefined;
  }

  #spawn(args: readonly string[]): ServerProcess {
    return new ServerProcess({
      path: Deno.execPath(),
      args: [...managerProgramArguments(this.#folder), ...args],
      folder: this.#folder,
      env: this.#env,
      logCharacters: LOG_CHARACTERS,
    });
  }

  async ask(
    method: string,
    path: string,
    { key = KEYS.keeper, body }: { readonly key?: string; readonly body?: object } = {},
  ): Promise<ManagerReply> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    const said: Json = isJson ? JSON.parse(text) : {};
    return { status: response.status, body: said, code: said.type?.replace(PROBLEM, "") };
  }

  /** Work on a user that is waited for. */
  async done(method: string, path: string, body?: object, key: string = KEYS.keeper) {
    const { status, body: reply } = await this.ask(
      method,
      `${path}${path.includes("?") ? "&" : "?"}wait=60`,
      { key, ...(body === undefined ? {} : { body }) },
    );
    if (![200, 201].includes(status)) {
      throw new Error(`${method} ${path}: ${status} ${JSON.stringify(reply)}`);
    }
    return { status, ...outcomeSchema.parse(reply) };
  }

  /** A command of the same program, beside the service, over the same cluster. */
  async command(...args: readonly string[]): Promise<CommandReply> {
    const command = new Deno.Command(Deno.execPath(), {
      args: [...managerProgramArguments(this.#folder), "manager", ...args],
      cwd: this.#folder,
      clearEnv: true,
      env: { ...this.#env },
    });
    const run = within(LIMIT_MS, command.output(), () => `${args[0]} ends`);
    const { code, stdout, stderr } = await run;
    const [out = "", error = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, error };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function kubeconfig({ server: { url, caCert }, token }: RealManagerOptions): unknown {
  const cluster = { server: url, "certificate-authority-data": btoa(caCert) };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "manager", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "manager" } }],
    "current-context": "test",
  };
}

/** Only what the runtime itself needs. */
function runtimeEnvironment(): Record<string, string> {
  const kept = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...Object.fromEntries(kept) };
}
