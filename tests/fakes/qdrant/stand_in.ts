/**
 * A Qdrant server for tests, on loopback: it implements the part of the REST interface that is
 * used, with real filters and real scores, answers as the real one does, and goes wrong where a
 * test says so. Every request is held against Qdrant's own OpenAPI document, where that is there.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Collection } from "./collection.ts";
import { type Fault, Faults, type Route, WRITES } from "./faults.ts";
import { openApiCheck } from "./openapi_check.ts";
import { type Answer, plain, Refusal, REFUSALS, refused, resultOf } from "./replies.ts";
import { Service } from "./service.ts";

const MOST_LOGGED = 1_000;
const MOST_BODY_BYTES = 32 << 20;
const LATEST = "1.19.0";

export interface StandInOptions {
  readonly port?: number | undefined;
  readonly apiKey?: string | undefined;
  /** Good for reading. */
  readonly readOnlyApiKey?: string | undefined;
  /** Whose ways it has, where they differ. */
  readonly version?: string | undefined;
  /** False: no request is checked or remembered, for many large ones. */
  readonly isChecked?: boolean | undefined;
  /** Another clock than the real one. */
  readonly after?: ((ms: number, run: () => void) => unknown) | undefined;
}

/** A request as it came. */
export interface Asked {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  /** Undefined for what the stand-in does not know. */
  readonly route: Route | undefined;
  /** As JSON; the text where it is none. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export class StandIn {
  readonly faults = new Faults();
  /** The last of them. */
  readonly requests: Asked[] = [];
  /** What came that Qdrant's OpenAPI document does not allow, or that this stand-in cannot do. */
  readonly violations: string[] = [];
  readonly #options: StandInOptions;
  readonly #service: Service;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #server: Server | undefined;
  #port: number;
  #stuck = 0;

  private constructor(options: StandInOptions) {
    this.#options = options;
    this.#service = new Service(options.version ?? LATEST);
    this.#port = options.port ?? 0;
  }

  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const standIn = new StandIn(options);
    await standIn.resume();
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many requests get no answer, or no whole one. */
  get stuck(): number {
    return this.#stuck;
  }

  /** What it holds, by name. */
  get collections(): Map<string, Collection> {
    return this.#service.collections;
  }

  /** As a backup has it; `restore` goes back to it. */
  backup(): Map<string, Collection> {
    return new Map([...this.collections].map(([name, one]) => [name, one.copy()]));
  }

  restore(backup: ReadonlyMap<string, Collection>): void {
    this.#service.collections = new Map([...backup].map(([name, one]) => [name, one.copy()]));
  }

  /** Takes no more connections and cuts those there are. */
  async pause(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** On the same port, with the same data. */
  async resume(): Promise<void> {
    const server = createServer((request, response) => void this.#take(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
  }

  close(): Promise<void> {
    return this.pause();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return;
    const url = new URL(request.url ?? "/", this.url);
    const asked = this.#asked(request, url, body);
    if (!this.#mayAsk(asked, response)) return;
    const fault = asked.route && this.faults.take(asked.route);
    if (fault?.kind === "hang") return this.#holdUp(response);
    const answer = this.#answer(asked, body, fault);
    if (fault?.kind === "cut") return void request.socket.destroy();
    if (fault?.kind === "slow") {
      return this.#after(fault.ms ?? 1_000, () => send(response, answer));
    }
    if (fault?.kind === "drip") return this.#drip(response, answer, fault.ms ?? 20);
    send(response, answer);
  }

  #asked(request: IncomingMessage, url: URL, text: string): Asked {
    const { method = "GET" } = request;
    const asked: Asked = {
      method,
      path: url.pathname,
      query: url.search,
      route: this.#service.routeOf(method, url.pathname),
      body: text === "" ? undefined : parsed(text),
      headers: headersOf(request),
    };
    if (this.#options.isChecked === false) return asked;
    this.requests.push(asked);
    if (this.requests.length > MOST_LOGGED) this.requests.shift();
    const violations = openApiCheck()?.violations({
      ...asked,
      query: url.searchParams,
      contentType: asked.headers["content-type"],
    });
    this.violations.push(...violations ?? []);
    if (asked.route === undefined) {
      this.violations.push(`${method} ${url.pathname}: the stand-in does not know it`);
    }
    return asked;
  }

  /** Answers for itself where the key does not fit. */
  #mayAsk({ route, path, headers, method }: Asked, response: ServerResponse): boolean {
    const { apiKey, readOnlyApiKey } = this.#options;
    if (apiKey === undefined || path === "/" || route === "health") return true;
    const key = headers["api-key"] ?? headers["authorization"]?.replace(/^Bearer /, "");
    if (key === apiKey) return true;
    const reads = method === "GET" || route === "query" || route === "scroll" || route === "count";
    if (key !== undefined && key === readOnlyApiKey) {
      if (!reads) send(response, refused(new Refusal(403, "Forbidden: Write access is required")));
      return reads;
    }
    const why = key === undefined
      ? "Must provide an API key or an Authorization bearer token"
      : "Invalid API key or JWT";
    send(response, plain(401, why));
    return false;
  }

  #answer(asked: Asked, text: string, fault: Fault | undefined): Answer {
    const refusal = fault && refusalOf(fault);
    if (refusal !== undefined) return refused(refusal);
    if (fault?.kind === "not_json") {
      return { status: 200, body: "<!doctype html>", headers: { "content-type": "text/html" } };
    }
    if (fault?.kind === "lost" && asked.route !== undefined && WRITES.includes(asked.route)) {
      return resultOf(saidToBeDone(asked));
    }
    if (text.length > MOST_BODY_BYTES) return refused(REFUSALS.tooLarge());
    const answer = this.#service.answer(asked.method, asked.path, asked.body);
    if (fault?.kind !== "cut_json") return answer;
    return { ...answer, body: answer.body.slice(0, answer.body.length / 2) };
  }

  #holdUp(response: ServerResponse): void {
    this.#stuck++;
    response.once("close", () => this.#stuck--);
  }

  #drip(response: ServerResponse, { status, headers, body }: Answer, ms: number): void {
    this.#holdUp(response);
    response.writeHead(status, { ...headers });
    let at = 0;
    const drop = () => {
      if (response.destroyed) return;
      if (at === body.length) return void response.end();
      response.write(body[at++]);
      this.#after(ms, drop);
    };
    drop();
  }

  #after(ms: number, run: () => void): void {
    if (this.#options.after !== undefined) return void this.#options.after(ms, run);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}

/** Undefined where the client went before all of it was there. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
  } catch {
    return undefined; // Nobody waits for an answer.
  }
  return new TextDecoder().decode(concatenated(chunks));
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // Which is no object, and so refused by whatever reads it.
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value)]),
  );
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    ...headers,
    "content-length": new TextEncoder().encode(body).length,
  });
  response.end(body);
}

function refusalOf({ kind, retryAfterSeconds }: Fault): Refusal | undefined {
  switch (kind) {
    case "disk_full":
      return REFUSALS.diskFull();
    case "storage_limit":
      return REFUSALS.storageLimit();
    case "out_of_memory":
      return REFUSALS.outOfMemory();
    case "panicked":
      return REFUSALS.panicked();
    case "unavailable":
      return REFUSALS.unavailable();
    case "too_many":
      return REFUSALS.tooMany(retryAfterSeconds ?? 1);
    default:
      return undefined;
  }
}

function saidToBeDone({ route, body }: Asked): object {
  const done = { operation_id: 0, status: "completed" };
  if (route !== "batch") return done;
  const operations = typeof body === "object" && body !== null && "operations" in body &&
    body.operations;
  return Array.isArray(operations) ? operations.map(() => done) : [];
}
