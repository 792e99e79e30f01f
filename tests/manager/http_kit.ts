/**
 * The manager's HTTP in process, over users that a test scripts: what is asked of them is written
 * down, and what they answer is set. Every reply is held against the OpenAPI document, and at the
 * end no line of the log may have a key, or an id that is not its own slug.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { logger } from "../../src/log.ts";
import type { Outcome, UserView } from "../../src/manager/brain_manager.ts";
import { AccessKeys } from "../../src/manager/http/access_keys.ts";
import { type App, createApp } from "../../src/manager/http/app.ts";
import type { Manager } from "../../src/manager/http/guarded.ts";
import type { Phase } from "../../src/manager/http/service.ts";
import type { ReconcilerStats } from "../../src/manager/reconciler.ts";
import { TIERS } from "../../src/manager/tiers.ts";
import { FakeClock } from "../fakes/indexing.ts";
import { type Document, replyFaults } from "../http_contract.ts";

export const NOW = "2026-01-31T12:00:00.000Z";

/** Whatever JSON says: tests compare whole values. */
export type Json = ReturnType<typeof JSON.parse>;

/** By their names; no key, and no id of a user, may be in a line of the log. */
export const KEYS = {
  reader: "canary-reader-0123456789",
  writer: "canary-writer-0123456789",
  keeper: "canary-keeper-0123456789",
  saver: "canary-saver-01234567890",
  admin: "canary-admin-01234567890",
} as const;
export const SECRET_ID = "canary/Ada Lovelace@example.com";

const SCOPES: Readonly<Record<keyof typeof KEYS, readonly string[]>> = {
  reader: ["users:read"],
  writer: ["users:write"],
  keeper: ["users:write", "backups", "keys"],
  saver: ["backups"],
  admin: ["admin"],
};

export function keysFile(keys: Readonly<Record<string, string>> = KEYS): string {
  return JSON.stringify({
    keys: Object.entries(keys).map(([name, key]) => ({
      name,
      sha256: createHash("sha256").update(key).digest("hex"),
      scopes: Object.entries(SCOPES).find(([known]) => known === name)?.[1] ?? [],
    })),
  });
}

export const USER: UserView = {
  id: "ada",
  slug: "ada",
  namespace: "user-ada",
  state: "running",
  tier: "free",
  address: "http://brain.user-ada.svc:8000",
  created_at: NOW,
  storage_bytes: 1 << 30,
  conditions: [{ type: "Ready", status: "true", reason: "Answers", message: "It answers." }],
  last_backup: null,
  operation: null,
  last_operation: null,
  deleted_at: null,
  purge_at: null,
};

export function outcome(change: Partial<Outcome> = {}): Outcome {
  return { outcome: "done", user: USER, operation: null, key: null, plan: [], ...change };
}

export const UNDER_WAY: Outcome = outcome({
  outcome: "under_way",
  operation: {
    id: "op-1",
    verb: "create",
    status: "under_way",
    step: "apply",
    waiting_for: null,
    started_at: NOW,
    deadline_at: NOW,
    ended_at: null,
    failure: null,
  },
});

/** Each verb answers with `next`, or throws it. */
export class Scripted {
  readonly asked: Json[] = [];
  next: Outcome | Error = outcome();

  readonly #answer = (verb: string) => (...args: readonly unknown[]): Promise<Outcome> => {
    this.#note(verb, args);
    return this.next instanceof Error ? Promise.reject(this.next) : Promise.resolve(this.next);
  };

  #note(verb: string, args: readonly unknown[]): void {
    // What was left out and what is undefined is the same; a signal is no part of what is asked.
    const plain = args.filter((arg) => !(arg instanceof AbortSignal)).map((arg) =>
      typeof arg === "object" && arg !== null ? { ...arg, signal: undefined } : arg
    );
    this.asked.push(JSON.parse(JSON.stringify([verb, ...plain])));
  }

  async #of<T>(verb: string, args: readonly unknown[], value: T): Promise<T> {
    await this.#answer(verb)(...args);
    return value;
  }

  readonly manager: Manager = {
    createUser: this.#answer("create"),
    upgradeUser: this.#answer("upgrade"),
    suspendUser: this.#answer("suspend"),
    resumeUser: this.#answer("resume"),
    restartUser: this.#answer("restart"),
    rotateKey: this.#answer("rotate_key"),
    backupUser: this.#answer("backup"),
    restoreUser: this.#answer("restore"),
    deleteUser: this.#answer("delete"),
    undeleteUser: this.#answer("undelete"),
    purgeUser: this.#answer("purge"),
    getUser: (...args) => this.#of("get", args, USER),
    listUsers: (...args) => {
      const list = { users: [USER], next_cursor: "next", total: 2, unreadable: [] };
      return this.#of("list", args, list);
    },
    listBackups: (...args) => {
      const backup = { id: "b-1", at: NOW, bytes: 10, memories: 1 };
      const snapshot = { id: "snapshot-1", at: NOW, ready: true };
      const list = { backups: [backup], snapshots: [snapshot], damaged: 0, missing: null };
      return this.#of("backups", args, list);
    },
    deleteBackup: (...args) => this.#of("delete_backup", args, undefined),
    tiers: () => TIERS,
    capabilities: () =>
      this.#of("capabilities", [], {
        version: "1.33",
        resize: true,
        disruptionBudgets: "policy/v1",
        snapshots: false,
        readWriteOncePod: true,
        admissionPolicies: true,
      }),
  };
}

export const STATS: ReconcilerStats = {
  users: new Map([["free/active", 2]]),
  passes: 3,
  queued: 4,
  running: 5,
  repairs: 6,
  failures: 7,
  operations: new Map([["create/succeeded", 8]]),
  orphans: ["user-lost"],
  oldestBackupS: 9,
};

export interface Asked {
  /** Left out: the admin's. Null: none at all. */
  readonly key?: string | null;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Json;
}

export interface Setup {
  /** The file of keys at the start. */
  readonly file?: string;
  readonly requestsPerMinute?: number;
  readonly host?: string;
}

export class ManagerApp {
  readonly clock = new FakeClock();
  readonly scripted = new Scripted();
  readonly logged: string[] = [];
  readonly log = logger("debug", () => NOW, (line) => this.logged.push(line));
  /** The text of the file of keys; null where it cannot be read. */
  file: string | null = null;
  phase: Phase = "ready";
  clusterIsUp = true;
  readonly #manager: Manager;
  #app: App | undefined;
  #requests = 0;

  /** Left out: the scripted one. */
  constructor(manager?: Manager) {
    this.#manager = manager ?? this.scripted.manager;
  }

  async open({ requestsPerMinute = 0, host = "0.0.0.0", file = keysFile() }: Setup = {}) {
    this.file = file;
    const { clock, log } = this;
    const manager = this.#manager;
    const read = () =>
      this.file === null ? Promise.reject(new Error("gone")) : Promise.resolve(this.file);
    this.#app = createApp({
      manager,
      keys: await AccessKeys.open({ read, clock, log }),
      clock,
      newId: () => `request-${++this.#requests}`,
      state: {
        version: "0.0.0-test",
        phase: () => this.phase,
        clusterIsUp: () => Promise.resolve(this.clusterIsUp),
        uptimeSeconds: () => 1,
      },
      stats: () => STATS,
      bodyLimits: { bytes: 1_000, ms: 1_000 },
      requestsPerMinute,
      host,
      allowedHosts: [],
      log,
    });
    this.#app.bound(host);
  }

  get app(): App {
    return this.#app ?? assert.fail("it is not open");
  }

  async call(method: string, path: string, asked: Asked = {}): Promise<Reply> {
    const headers = new Headers(asked.headers);
    const key = asked.key === undefined ? KEYS.admin : asked.key;
    if (key !== null && !headers.has("x-api-key")) headers.set("Authorization", `Bearer ${key}`);
    const body = asked.json === undefined ? undefined : JSON.stringify(asked.json);
    if (body !== undefined) {
      headers.set("Content-Type", "application/json");
      headers.set("Content-Length", String(new TextEncoder().encode(body).length));
    }
    const url = `http://manager${path}`;
    const response = await this.app.fetch(
      new Request(url, { method, headers, ...(body !== undefined && { body }) }),
    );
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
    const reply = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
    const document = await documentServed();
    assert.deepEqual(replyFaults(this.app.routes, method, url, reply, document), []);
    return reply;
  }

  /** The lines of one event, without what every line has. */
  events(name: string): Json[] {
    return this.logged.map((line) => JSON.parse(line)).filter(({ event }) => event === name)
      .map(({ time: _, level: __, event: ___, ...rest }) => rest);
  }
}

let served: Promise<Document> | undefined;

/** The same for every app: asked for once. */
export function documentServed(): Promise<Document> {
  return served ??= (async () => {
    const manager = new ManagerApp();
    await manager.open();
    const headers = { "X-API-Key": KEYS.admin };
    const request = new Request("http://manager/openapi.json", { headers });
    return await (await manager.app.fetch(request)).json();
  })();
}

export async function withManager(
  test: (app: ManagerApp) => Promise<void>,
  setup: Setup = {},
): Promise<void> {
  const app = new ManagerApp();
  await app.open(setup);
  await test(app);
  const secrets = [...Object.values(KEYS), SECRET_ID, encodeURIComponent(SECRET_ID), "canary:"];
  const leaks = app.logged.filter((line) => secrets.some((secret) => line.includes(secret)));
  assert.deepEqual(leaks, []);
  assert.deepEqual(app.logged.filter((line) => /\n./.test(line)), [], "one line an event");
}
