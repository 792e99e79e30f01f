/**
 * The whole service in process: the app over a brain on a simulated disk, with a clock turned by
 * hand and ids that count. Every reply that goes through `call` is held against the OpenAPI
 * document, and every test ends with a look at the log: no key and no content may be in it.
 */
import assert from "node:assert/strict";
import { Brain, type BrainOptions } from "../src/brain.ts";
import type { Embedder } from "../src/embedder.ts";
import { type App, createApp } from "../src/http/app.ts";
import type { Face } from "../src/http/face.ts";
import { logger } from "../src/log.ts";
import type { QuotaLimits } from "../src/quota.ts";
import { ExportFiles } from "../src/store/export_files.ts";
import type { FileStore } from "../src/store/file.ts";
import type { FileStoreOptions } from "../src/store/file_options.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import type { VectorIndex } from "../src/vector_index.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { SimulatedDisk, SimulatedFileSystem, type SimulatedOptions } from "./fakes/file_system.ts";
import { leaks } from "./canary.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { fileStoreOn, idOf, PATH } from "./fakes/store_kit.ts";
import { replyFaults } from "./http_contract.ts";

/** In the key, and in what tests write: it must never be in a line of the log. */
export const CANARY = "canary7Qx";
export const KEY = `${CANARY}-key-0123456789abcdef`;
export const NOW = "2026-01-31T12:00:00.000Z";
export const VERSION = "0.0.0-test";

export interface Setup {
  readonly disk?: SimulatedDisk;
  readonly clock?: FakeClock;
  readonly limits?: QuotaLimits;
  readonly store?: Partial<FileStoreOptions>;
  readonly simulated?: SimulatedOptions;
  readonly embedder?: Embedder;
  readonly vectorIndex?: VectorIndex;
  readonly requestsPerMinute?: number;
  readonly readKeys?: readonly string[];
  readonly faces?: (brain: Brain) => readonly Face[];
  readonly host?: string;
  /** The address that is really listened on; without it, the host. */
  readonly bound?: string;
  readonly allowedHosts?: readonly string[];
  readonly corsOrigins?: readonly string[];
  readonly bodyBytes?: number;
  readonly bodyMs?: number;
  readonly importBytes?: number;
  readonly heap?: { readonly isShort: boolean; readonly isFull: boolean };
  /** False: the data is not loaded yet. */
  readonly opened?: boolean;
  /** From which number on ids are made. */
  readonly firstId?: number;
}

export interface Asked {
  /** Left out: the right key. Null: none at all. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `application/json`. */
  readonly json?: unknown;
  /** Sent as it is, with the type given. */
  readonly body?: BodyInit;
  readonly type?: string;
}

/** Whatever JSON says: tests compare whole values. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; undefined where it is not said to be JSON. */
  readonly body: Json;
}

export class HttpApp {
  readonly clock: FakeClock;
  readonly disk: SimulatedDisk;
  readonly fs: SimulatedFileSystem;
  readonly store: FileStore;
  readonly brain: Brain;
  readonly app: App;
  /** Lines as they would be written. */
  readonly logged: string[] = [];
  #ids: number;
  #requests = 0;

  constructor(setup: Setup = {}) {
    this.clock = setup.clock ?? new FakeClock();
    this.disk = setup.disk ?? new SimulatedDisk();
    this.fs = new SimulatedFileSystem(this.disk, setup.simulated);
    this.#ids = setup.firstId ?? 0;
    const log = logger("debug", () => NOW, (line) => this.logged.push(line));
    this.store = fileStoreOn(this.fs, PATH, this.clock, [], setup.store);
    this.brain = new Brain(this.#brainOptions(setup));
    this.app = createApp({
      brain: this.brain,
      keys: () => [KEY],
      readKeys: () => setup.readKeys ?? [],
      faces: setup.faces?.(this.brain) ?? [],
      clock: this.clock,
      newId: () => `request-${++this.#requests}`,
      version: VERSION,
      bodyLimits: { bytes: setup.bodyBytes ?? 8 << 20, ms: setup.bodyMs ?? 30_000 },
      importLimits: { bytes: setup.importBytes ?? 64 << 20, ms: setup.bodyMs ?? 30_000 },
      requestsPerMinute: () => setup.requestsPerMinute ?? 0,
      host: setup.host ?? "0.0.0.0",
      allowedHosts: setup.allowedHosts ?? [],
      corsOrigins: setup.corsOrigins ?? [],
      log,
    });
    this.app.bound(setup.bound ?? setup.host ?? "0.0.0.0");
  }

  #brainOptions(setup: Setup): BrainOptions {
    return {
      store: this.store,
      textIndex: new Bm25Index(),
      newVectorIndex: () => setup.vectorIndex ?? new FloatScan(),
      exportFolder: new ExportFiles(
        this.fs,
        "/data/exports",
        0,
        (grows) => this.store.requireFolder(grows),
      ),
      embedder: setup.embedder,
      embeddingsBytes: () => 0,
      limits: setup.limits ?? { memories: 0, bytes: 0 },
      heap: setup.heap ?? { isShort: false, isFull: false },
      clock: this.clock,
      newId: () => idOf(++this.#ids),
      run: `run-${setup.firstId ?? 0}`,
      random: () => 0.5,
      version: VERSION,
      log: (event, detail) => void this.logged.push(JSON.stringify({ event, detail })),
    };
  }

  /** Sends a request, and holds the reply against the document. */
  async call(method: string, path: string, asked: Asked = {}): Promise<Reply> {
    const request = requestOf(method, path, asked);
    const response = await this.app.fetch(request);
    const text = await textOf(response);
    const isJson = /json/.test(response.headers.get("content-type") ?? "") &&
      !/ndjson/.test(response.headers.get("content-type") ?? "");
    const body = isJson && text !== "" ? JSON.parse(text) : undefined;
    const reply = { status: response.status, headers: response.headers, text, body };
    assert.deepEqual(replyFaults(this.app.routes, method, request.url, reply), []);
    assert.deepEqual(replyLeaks(request.url, reply), []);
    return reply;
  }

  /** As `call`, where the status is certain; gives the body. */
  async done(status: number, method: string, path: string, asked: Asked = {}): Promise<Json> {
    const reply = await this.call(method, path, asked);
    assert.equal(reply.status, status, `${method} ${path}: ${reply.text}`);
    return reply.body;
  }

  /** The ids of all memories, in the order of a listing by what is asked. */
  async ids(query = ""): Promise<string[]> {
    const { memories } = await this.done(200, "GET", `/memories?limit=100${query}`);
    return memories.map(({ id }: { id: string }) => id);
  }
}

/** Of a stream that ends with its listener, what comes first. */
async function textOf(response: Response): Promise<string> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (!isStream || response.body === null) return await response.text();
  const reader = response.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

/** Writes a memory; gives its id. */
export async function put(app: HttpApp, fields: Json): Promise<string> {
  return (await app.done(201, "POST", "/memories", { json: fields })).id;
}

/** Until what was written is found by its meaning, too. */
export async function indexed(app: HttpApp): Promise<void> {
  await app.clock.until(app.brain.indexer.idle());
}

export async function search(app: HttpApp, json: Json): Promise<Json> {
  return await app.done(200, "POST", "/search", { json });
}

/** Of a page of results, in their order. */
export function idsIn({ results }: Json): string[] {
  return results.map(({ memory }: Json) => memory.id);
}

/**
 * The key is in no reply whatever. What memories say is in no error, but where the address itself
 * said it, and in nothing that tells how the service is doing.
 */
export function replyLeaks(url: string, { status, headers, text }: Reply): string[] {
  const all = `${text}\n${[...headers].join("\n")}`;
  const isOfNoMemory = status >= 400 || /\/(metrics|health|docs|openapi)/.test(url);
  const mustNotShow = isOfNoMemory && !url.includes(CANARY);
  return leaks(all, mustNotShow ? [KEY, CANARY] : [KEY]);
}

function requestOf(method: string, path: string, asked: Asked): Request {
  const headers = new Headers(asked.headers);
  const key = asked.key === undefined ? KEY : asked.key;
  if (key !== null) headers.set("Authorization", `Bearer ${key}`);
  const body = "json" in asked ? JSON.stringify(asked.json) : asked.body;
  const init = { method, headers, ...(body !== undefined && { body, duplex: "half" as const }) };
  const request = new Request(`http://brain${path}`, init);
  // As a real sender announces its body.
  if (headers.has("content-length")) {
    request.headers.set("Content-Length", headers.get("content-length") ?? "");
  } else if (typeof body === "string") {
    request.headers.set("Content-Length", String(new TextEncoder().encode(body).length));
  } else if (body !== undefined) request.headers.set("Transfer-Encoding", "chunked");
  // Deno would name a type for a string by itself.
  if (asked.type !== undefined) request.headers.set("Content-Type", asked.type);
  else if ("json" in asked && !headers.has("content-type")) {
    request.headers.set("Content-Type", "application/json");
  } else if (!headers.has("content-type")) request.headers.delete("Content-Type");
  return request;
}

/** Runs a test against an app of its own, then closes it and looks at what it left. */
export async function withApp(
  test: (app: HttpApp) => Promise<void>,
  setup: Setup = {},
): Promise<void> {
  const clock = setup.clock ?? new FakeClock();
  if (setup.clock === undefined) await clock.advance(Date.parse(NOW));
  const app = new HttpApp({ ...setup, clock });
  if (setup.opened !== false) await app.brain.open();
  try {
    await test(app);
  } finally {
    await app.brain.close();
  }
  const { logged } = app;
  assert.deepEqual(logged.filter((line) => leaks(line, [KEY, CANARY]).length > 0), []);
  assert.deepEqual(logged.filter((line) => /\n./.test(line)), [], "one line an event");
  assert.deepEqual(Object.keys(Object.prototype), []);
}

/** What an error's body must be, as a whole. */
export function problemOf(code: string, status: number, detail: string, errors?: Json): Json {
  const type = `urn:second-brain:error:${code}`;
  return { type, title: TITLES[code], status, detail, ...(errors && { errors }) };
}

const TITLES: Readonly<Record<string, string>> = {
  malformed: "The request cannot be read",
  unauthorized: "The key is missing or wrong",
  forbidden: "This is not allowed",
  not_found: "There is no such thing",
  method_not_allowed: "The method is not allowed here",
  request_timeout: "The request took too long to arrive",
  conflict: "It conflicts with what is there",
  precondition_failed: "The memory is not as expected",
  too_large: "The request is too large",
  unsupported_media_type: "The content type is not supported",
  misdirected: "The request is for somebody else",
  invalid: "The request is not valid",
  rate_limited: "Too many requests",
  not_ready: "The service is not ready",
  overloaded: "The service is overloaded",
  read_only: "The service is read-only",
  storage_failed: "The storage failed",
  insufficient_storage: "The storage is full",
};
