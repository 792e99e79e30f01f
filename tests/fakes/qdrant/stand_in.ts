/**
 * A Qdrant server for tests, on loopback: it implements the part of the REST interface that is
 * used, with real filters and real scores, answers as the real one does, and goes wrong where a
 * test says so. Every request is held against Qdrant's own OpenAPI document, where that is there.
 */
import type { Collection } from "./collection.ts";
import { DirectFetch } from "./direct_fetch.ts";
import { type Fault, Faults, type Route, WRITES } from "./faults.ts";
import { HttpFront } from "./http_front.ts";
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

/** A request as it comes. */
export interface Raw {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

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

/** What comes of a request: an answer, at once or not; none at all; or an end of the connection. */
export type Outcome =
  | "hang"
  | "cut"
  | {
    readonly answer: Answer;
    readonly delayMs?: number | undefined;
    /** A byte of it at a time. */
    readonly dripMs?: number | undefined;
  };

export class StandIn {
  readonly faults = new Faults();
  /** The last of them. */
  readonly requests: Asked[] = [];
  /** What came that Qdrant's OpenAPI document does not allow, or that this stand-in cannot do. */
  readonly violations: string[] = [];
  readonly #options: StandInOptions;
  readonly #service: Service;
  readonly #front: HttpFront | undefined;
  readonly #direct: DirectFetch;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #port: number;
  #isUp = false;
  #stuck = 0;

  private constructor(options: StandInOptions, isOnNetwork: boolean) {
    this.#options = options;
    this.#service = new Service(options.version ?? LATEST);
    this.#port = options.port ?? 0;
    const shared = {
      after: (ms: number, run: () => void) => this.#after(ms, run),
      stuck: (by: 1 | -1) => this.#stuck += by,
    };
    const take = (raw: Raw) => this.#take(raw);
    this.#front = isOnNetwork ? new HttpFront({ ...shared, take }) : undefined;
    this.#direct = new DirectFetch({
      ...shared,
      take: (raw) => this.#isUp ? take(raw) : undefined,
    });
  }

  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const standIn = new StandIn(options, true);
    await standIn.resume();
    return standIn;
  }

  /** Reached by its `fetch` alone. */
  static async direct(options: StandInOptions = {}): Promise<StandIn> {
    const standIn = new StandIn(options, false);
    await standIn.resume();
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#front === undefined ? 6333 : this.#port}`;
  }

  get fetch(): typeof fetch {
    return this.#direct.fetch;
  }

  /** Nobody takes a connection. */
  get isDown(): boolean {
    return !this.#isUp;
  }

  /** How many requests wait for the clock, or for ever. */
  get stuck(): number {
    return this.#stuck;
  }

  /** What it holds, by name. */
  get collections(): Map<string, Collection> {
    return this.#service.collections;
  }

  /** As somebody else would make it. */
  make(name: string, size: number): void {
    this.#service.create(name, { vectors: { size, distance: "Cosine" } });
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
    this.#isUp = false;
    this.#direct.cutAll();
    await this.#front?.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** On the same port, with the same data. */
  async resume(): Promise<void> {
    this.#isUp = true;
    if (this.#front !== undefined) this.#port = await this.#front.open(this.#port);
  }

  close(): Promise<void> {
    return this.pause();
  }

  #take(raw: Raw): Outcome {
    const asked = this.#asked(raw);
    const refusal = this.#keyRefusal(asked);
    if (refusal !== undefined) return { answer: refusal };
    const fault = asked.route && this.faults.take(asked.route);
    if (fault?.kind === "hang") return "hang";
    if (fault?.kind === "late") {
      this.#after(fault.ms ?? 1_000, () => this.#answer(asked, raw.body, undefined));
      return "hang";
    }
    const answer = this.#answer(asked, raw.body, fault);
    if (fault?.kind === "cut") return "cut";
    if (fault?.kind === "slow") return { answer, delayMs: fault.ms ?? 1_000 };
    if (fault?.kind === "drip") return { answer, dripMs: fault.ms ?? 20 };
    return { answer };
  }

  #asked({ method, url, body: text, headers }: Raw): Asked {
    const { pathname: path, search, searchParams } = new URL(url, "http://127.0.0.1");
    const route = this.#service.routeOf(method, path);
    const body = text === "" ? undefined : parsed(text);
    const asked = { method, path, query: search, route, body, headers };
    if (this.#options.isChecked === false) return asked;
    this.requests.push(asked);
    if (this.requests.length > MOST_LOGGED) this.requests.shift();
    const contentType = headers["content-type"];
    const request = { method, path, query: searchParams, contentType, body };
    this.violations.push(...openApiCheck()?.violations(request) ?? []);
    if (route === undefined) {
      this.violations.push(`${method} ${path}: the stand-in does not know it`);
    }
    return asked;
  }

  /** Undefined where the key fits. */
  #keyRefusal({ path, route, headers, method }: Asked): Answer | undefined {
    const { apiKey, readOnlyApiKey } = this.#options;
    if (apiKey === undefined || path === "/" || route === "health") return undefined;
    const key = headers["api-key"] ?? headers["authorization"]?.replace(/^Bearer /, "");
    if (key === apiKey) return undefined;
    if (key !== undefined && key === readOnlyApiKey) {
      const reads = method === "GET" || route === "query" || route === "scroll" ||
        route === "count";
      return reads ? undefined : refused(new Refusal(403, "Forbidden: Write access is required"));
    }
    return plain(
      401,
      key === undefined
        ? "Must provide an API key or an Authorization bearer token"
        : "Invalid API key or JWT",
    );
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

  #after(ms: number, run: () => void): void {
    if (this.#options.after !== undefined) return void this.#options.after(ms, run);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // Which is no object, and so refused by whatever reads it.
  }
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
