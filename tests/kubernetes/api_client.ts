/** Plain requests to a test's API server, as whoever holds the token; a reply is read to its end. */
import { z } from "zod";
import type { ApiServer } from "./api_server.ts";

export type Json = { readonly [name: string]: unknown };

export interface ApiReply {
  readonly status: number;
  readonly body: Json;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: Json;
}

export const APPLY = "application/apply-patch+yaml";
export const MERGE = "application/merge-patch+json";

/** A status that makes no sense here. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(request: string, { status, body }: ApiReply) {
    super(`${request}: ${status} ${JSON.stringify(body)}`);
    this.status = status;
  }
}

export class ApiClient implements Disposable {
  readonly #url: string;
  readonly #token: string;
  readonly #client: Deno.HttpClient;

  constructor(server: ApiServer, token: string = server.token) {
    this.#url = server.url;
    this.#token = token;
    this.#client = Deno.createHttpClient({ caCerts: [server.caCert] });
  }

  async ask(
    method: string,
    path: string,
    body?: unknown,
    contentType = "application/json",
  ): Promise<ApiReply> {
    const response = await this.#fetch(path, {
      method,
      ...(body === undefined ? {} : {
        body: JSON.stringify(body),
        headers: { "Content-Type": contentType },
      }),
    });
    return { status: response.status, body: objectOf(await response.text()) };
  }

  /** Server-side apply; JSON is YAML too. */
  async apply(
    path: string,
    body: unknown,
    query = "fieldManager=brain-manager",
  ): Promise<ApiReply> {
    return await this.ask("PATCH", `${path}?${query}`, body, APPLY);
  }

  /** All of them; there are few in a test. */
  async list<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
    const body = await this.want([200], "GET", path);
    return z.array(schema).parse(body["items"]);
  }

  /** As `ask`, where another status than these would make no sense. */
  async want(
    statuses: readonly number[],
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<Json> {
    const reply = await this.ask(method, path, body, contentType);
    if (statuses.includes(reply.status)) return reply.body;
    throw new ApiError(`${method} ${path}`, reply);
  }

  /** What happens from now on, until the server ends it or the reader goes away. */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const response = await this.#fetch(path, { signal });
    if (!response.ok || response.body === null) {
      throw new Error(`Cannot watch ${path}: ${response.status} ${await response.text()}`);
    }
    let rest = "";
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { type, object } = objectOf(line);
        yield { type: `${type}`, object: asObject(object) };
      }
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      ...init,
      client: this.#client,
      headers: { ...init.headers, Authorization: `Bearer ${this.#token}` },
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** Text that is not an object, as `/readyz` answers, becomes one with this text. */
function objectOf(text: string): Json {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return { text };
  }
}

export function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The value at a path such as `metadata.uid`; undefined where there is none. */
export function at(value: unknown, path: string): unknown {
  return path.split(".").reduce((found, name) => asObject(found)[name], value);
}
