/**
 * The face of a brain: which request goes where, and what holds for all of them. The order is the
 * security argument: name the request, see that it is meant for us and comes from no foreign page,
 * let in who has the key, mind the rate, and only then look at what is asked.
 */
import { type Context, Hono } from "hono";
import type { Brain } from "../brain.ts";
import type { Clock } from "../clock.ts";
import { AppError, STATUS } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Scope } from "../scope.ts";
import { accounting, matches } from "./accounting.ts";
import { byKey, type Door, door } from "./auth.ts";
import type { BodyLimits } from "./body.ts";
import { contextRoutes } from "./context.ts";
import { duplicateRoutes } from "./duplicates.ts";
import {
  type Conversation,
  conversation,
  eventSocketRoutes,
  SOCKET_PATH,
  socketCredentials,
  type Upgrade,
  VERSION,
} from "./event_sockets.ts";
import { eventRoutes, type ListeningTo } from "./events.ts";
import { type Face, faceAt } from "./face.ts";
import { FailedAttempts } from "./failed_attempts.ts";
import { OurHosts } from "./hosts.ts";
import { Listeners } from "./listeners.ts";
import { memoryRoutes } from "./memories.ts";
import { Metrics } from "./metrics.ts";
import { openApiDocument } from "./openapi.ts";
import { Origins } from "./origins.ts";
import { internalProblem, problem } from "./problem.ts";
import { RateLimit } from "./rate_limit.ts";
import { relatedRoutes } from "./related.ts";
import { requireScope, type Route, scopeOf } from "./route.ts";
import { searchRoutes } from "./search.ts";
import { serviceRoutes } from "./service.ts";
import { transferRoutes } from "./transfer.ts";

export interface AppOptions {
  readonly brain: Brain;
  /** Those that are let in now. */
  readonly keys: () => readonly string[];
  /** Those that are let in for reading only; none, left out. */
  readonly readKeys?: () => readonly string[];
  /** What speaks other protocols; nothing, left out. */
  readonly faces?: readonly Face[];
  readonly clock: Clock;
  readonly newId: () => string;
  readonly version: string;
  readonly bodyLimits: BodyLimits;
  readonly importLimits: BodyLimits;
  /** What holds now; 0 is no limit. */
  readonly requestsPerMinute: () => number;
  /** What was asked to be listened on, and the names that lead to it. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly log: Log;
}

export interface App {
  readonly fetch: (request: Request) => Promise<Response>;
  /** The reply to what never became a request, counted and logged like any other. */
  readonly refuse: (error: Error) => Response;
  /** What is listened on: on loopback it is looked at more closely whom a request is for. */
  readonly bound: (address: string) => void;
  /** What else a connection may become. */
  readonly upgrade: Upgrade;
  /** How many connections there may be, of which wrong keys hold a part, and how many that listen. */
  readonly room: (connections: number, listening: number) => void;
  readonly routes: readonly Route[];
}

export function createApp(options: AppOptions): App {
  const { brain, version, log, clock } = options;
  const listeners = new Listeners(clock, log);
  const metrics = new Metrics(brain, options.requestsPerMinute, listeners);
  const entrance = entranceOf(options);
  const { hosts, origins, attempts, recognise } = entrance;
  const listening = {
    brain,
    listeners,
    isLetIn: (given: Headers) => recognise(given) !== undefined,
  };
  const routes: readonly Route[] = [
    ...memoryRoutes(brain),
    ...searchRoutes(brain),
    ...relatedRoutes(brain),
    ...contextRoutes(brain),
    ...duplicateRoutes(brain),
    ...transferRoutes(brain, options.importLimits),
    ...eventRoutes(listening),
    ...eventSocketRoutes(),
    ...serviceRoutes(brain, metrics, documents(() => routes, version)),
  ];
  const app = router(options, routes, entrance);
  const upgraded = upgrading(listening, entrance, log);
  const account = accounting(options, routes, metrics);
  return {
    routes,
    bound: (address) => hosts.boundTo(address),
    room: (connections, listening) => {
      attempts.leaveRoom(connections);
      listeners.leaveRoom(listening);
    },
    fetch: async (request) => {
      const began = clock.now();
      const response = await app.fetch(request);
      origins.setHeaders(request, response.headers);
      const path = new URL(request.url).pathname;
      return account(response, began, request.method, path, request.headers.get("x-request-id"));
    },
    refuse: (error) => account(answerError(error, log), clock.now(), "", "", null),
    upgrade: {
      path: SOCKET_PATH,
      answer: async (request) => {
        const began = clock.now();
        const reply = await upgraded(request).catch((error) => answerError(error, log));
        const head = "talk" in reply ? { status: 101, headers: new Headers() } : reply;
        if (head === reply) head.headers.set("Sec-WebSocket-Version", VERSION);
        account(head, began, "GET", SOCKET_PATH, request.headers.get("x-request-id"));
        return reply;
      },
    },
  };
}

/** What stands between a request and what it asks for. */
type Entrance = ReturnType<typeof entranceOf>;

function entranceOf(options: AppOptions) {
  const { brain, clock, requestsPerMinute, keys, readKeys, host, allowedHosts } = options;
  const hosts = new OurHosts(host, allowedHosts);
  const origins = new Origins(options.corsOrigins);
  const attempts = new FailedAttempts(clock);
  const recognise = byKey(keys, readKeys);
  const letIn = door(recognise, attempts);
  const rate = new RateLimit(requestsPerMinute, clock);
  const requireForUs = (request: Request) => {
    hosts.require(new URL(request.url).hostname);
    origins.admit(request);
  };
  const admit = admission(brain, letIn, rate);
  return { hosts, origins, attempts, recognise, letIn, rate, requireForUs, admit };
}

function router(
  { faces = [], bodyLimits, log }: AppOptions,
  routes: readonly Route[],
  entrance: Entrance,
): Hono {
  const { origins, letIn, requireForUs, admit } = entrance;
  const app = new Hono({ strict: false });
  app.use(async ({ req: { raw } }, next) => {
    requireForUs(raw);
    const preflight = origins.preflight(raw);
    if (preflight !== undefined) return preflight;
    const found = faceAt(faces, new URL(raw.url).pathname);
    if (found !== undefined) return await answerAs(found.face, raw, entrance);
    await next();
    return undefined;
  });
  for (const route of routes) {
    const respond = ({ req }: Context, scope: Scope) =>
      route.respond(req.raw, req.param(), bodyLimits, scope);
    app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ":$1"), async (context) => {
      if (route.open) return await respond(context, "read");
      return await respond(context, await admit(context.req.raw.headers, scopeOf(route)));
    });
  }
  app.notFound(async (context) => {
    await letIn(context.req.raw.headers);
    throw noSuchRoute(routes, new URL(context.req.url).pathname);
  });
  app.onError((error) => answerError(error, log));
  return app;
}

/** As for any request; the key may come in another place. */
function upgrading(
  listening: ListeningTo,
  { requireForUs, admit, rate }: Entrance,
  log: Log,
): (request: Request) => Promise<Conversation> {
  const conversing = {
    ...listening,
    admit: () => rate.admit(),
    failed: (error: unknown) => void answerError(error, log),
  };
  return async (request) => {
    requireForUs(request);
    await admit(socketCredentials(request.headers), "read");
    return conversation(conversing, request);
  };
}

/** Resolves with what the caller may, once he is let in; throws why not. */
type Admit = (headers: Headers, wanted: Scope) => Promise<Scope>;

function admission(brain: Brain, letIn: Door, rate: RateLimit): Admit {
  return async (headers, wanted) => {
    const scope = await letIn(headers);
    requireScope(wanted, scope);
    rate.admit();
    requireReady(brain);
    return scope;
  };
}

async function answerAs(
  face: Face,
  request: Request,
  { recognise, rate, admit }: Entrance,
): Promise<Response> {
  try {
    const headers = face.credentials?.(request.headers) ?? request.headers;
    return await face.answer(request, await admit(headers, "read"), {
      isLetIn: () => recognise(headers) !== undefined,
      admit: (more) => rate.admit(more),
    });
  } catch (error) {
    if (error instanceof AppError && face.refuse) return face.refuse(error);
    throw error;
  }
}

function requireReady({ phase }: Brain): void {
  if (phase === "ready") return;
  const why = phase === "loading" ? "the data is still being loaded" : "the service is stopping";
  throw new AppError("not_ready", `Cannot answer now: ${why}`, { retryAfterS: 1 });
}

function noSuchRoute(routes: readonly Route[], path: string): AppError {
  const methods = routes.filter((route) => matches(route, path)).map(({ method }) => method);
  if (methods.length === 0) {
    return new AppError("not_found", "Cannot answer: there is no such path");
  }
  const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  return new AppError(
    "method_not_allowed",
    `Cannot answer: the path allows ${allowed.join(", ")} only`,
    { allow: allowed },
  );
}

function answerError(error: unknown, log: Log): Response {
  if (error instanceof AppError) {
    if (STATUS[error.code] >= 500) log("warn", "refused", { code: error.code });
    return problem(error);
  }
  const { name, at } = error instanceof Error
    ? { name: error.name, at: whereThrown(error) }
    : { name: "none", at: "" };
  log("error", "unexpected", { name, at });
  return internalProblem();
}

/** The place in our code, without the message: that could quote what a client sent. */
function whereThrown(error: Error): string {
  const lines = error.stack?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
  return lines.slice(0, 3).map((line) => line.trim().replaceAll(/\(?(file|https?):\/\/\S*\//g, ""))
    .join(" < ");
}

function documents(routes: () => readonly Route[], version: string) {
  let openApi: object | undefined;
  let page: Promise<{ html: string; contentSecurityPolicy: string }> | undefined;
  const document = () => openApi ??= openApiDocument(routes(), version);
  return {
    openApi: document,
    docs: () => page ??= import("./docs.ts").then(({ docsPage }) => docsPage(document())),
  };
}
