/** An API server of a few lines: it answers discovery, and everything else as the test says. */
import { fixedToken, type TokenSource } from "../../src/manager/cluster/access.ts";
import { KubernetesCluster } from "../../src/manager/cluster/kubernetes.ts";
import { FakeClock } from "../fakes/indexing.ts";

export interface ApiCall {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  readonly signal: AbortSignal | undefined;
}

export type Answer = (call: ApiCall, n: number) => Response | Promise<Response>;

export interface ScriptedApi {
  readonly cluster: KubernetesCluster;
  readonly clock: FakeClock;
  /** Beside those of discovery. */
  readonly calls: readonly ApiCall[];
  readonly discoveries: readonly string[];
}

const CORE = {
  kind: "APIResourceList",
  groupVersion: "v1",
  resources: [
    { name: "configmaps", kind: "ConfigMap", namespaced: true },
    { name: "secrets", kind: "Secret", namespaced: true },
    { name: "namespaces", kind: "Namespace", namespaced: false },
  ],
};

export function scriptedApi(
  answer: Answer,
  token: TokenSource = fixedToken("token-1"),
): ScriptedApi {
  const clock = new FakeClock();
  const calls: ApiCall[] = [];
  const discoveries: string[] = [];
  const fetch = async (address: string, init: RequestInit): Promise<Response> => {
    const { pathname, search } = new URL(address);
    const { method = "GET", body, signal } = init;
    signal?.throwIfAborted();
    if (/^\/(api|apis\/[^/]+)\/[^/]+$/.test(pathname)) {
      discoveries.push(pathname);
      return pathname === "/api/v1" ? Response.json(CORE) : noSuchPath();
    }
    const call = {
      method,
      path: `${pathname}${search}`,
      headers: new Headers(init.headers),
      body: typeof body === "string" ? body : "",
      signal: signal ?? undefined,
    };
    calls.push(call);
    return await answer(call, calls.length);
  };
  const access = { url: "https://api.test", token };
  const cluster = new KubernetesCluster({ access, fetch, clock, random: () => 0.5 });
  return { cluster, clock, calls, discoveries };
}

export function statusReply(
  code: number,
  reason: string,
  { message = reason, headers = {}, details = {} }: {
    readonly message?: string;
    readonly headers?: Record<string, string>;
    readonly details?: object;
  } = {},
): Response {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code,
    reason,
    message,
    details,
  };
  return Response.json(status, { status: code, headers });
}

export function mapReply(name: string, metadata: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "a", resourceVersion: "7", ...metadata },
  };
}

export function pageReply(names: readonly string[], next?: string): Response {
  return Response.json({
    kind: "ConfigMapList",
    apiVersion: "v1",
    metadata: { resourceVersion: "100", ...next === undefined ? {} : { continue: next } },
    items: names.map((name) => ({ metadata: { name, namespace: "a" } })),
  });
}

/** What the API server says of paths that it has never heard of. */
function noSuchPath(): Response {
  return new Response("404 page not found\n", { status: 404 });
}

/** Never answers, until it is given up. */
export function silentReply({ signal }: ApiCall): Promise<Response> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

/** A stream that the test writes lines to. */
export class Lines {
  readonly response: Response;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  isCancelled = false;

  constructor(signal?: AbortSignal) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.isCancelled = true;
      },
    });
    signal?.addEventListener("abort", () => {
      this.isCancelled = true;
      this.#controller?.error(signal.reason);
    });
    this.response = new Response(body);
  }

  send(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  tell(type: string, object: unknown): void {
    this.send(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.#controller?.close();
  }
}
