/**
 * The face of the manager: which request goes where, and what holds for all of them. The order is
 * the security argument: see that the request is meant for us and comes from no foreign page, let in
 * who has a key, mind that key's rate and scopes, and only then look at what is asked.
 *
 * It speaks plain HTTP: encryption is the ingress's or the mesh's.
 */
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { BodyLimits } from "../../http/body.ts";
import { FailedAttempts } from "../../http/failed_attempts.ts";
import { OurHosts } from "../../http/hosts.ts";
import { openApiDocument } from "../../http/openapi.ts";
import { Origins } from "../../http/origins.ts";
import type { Log } from "../../log.ts";
import type { AccessKeys } from "./access_keys.ts";
import { Accounting, type Handled } from "./accounting.ts";
import { backupRoutes } from "./backups.ts";
import { Caller } from "./caller.ts";
import { Door } from "./door.ts";
import { Callers, type GuardedRoute, type Manager } from "./guarded.ts";
import { Metrics, type Watched } from "./metrics.ts";
import { decoded, findRoute } from "./paths.ts";
import { answerError, managerProblemSchema } from "./problems.ts";
import { serviceRoutes, type ServiceState } from "./service.ts";
import type { Documents } from "../../http/documents.ts";
import { userRoutes } from "./users.ts";
import { verbRoutes } from "./verbs.ts";

export interface AppOptions {
  readonly manager: Manager;
  readonly keys: AccessKeys;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly state: ServiceState;
  readonly stats: Watched["stats"];
  readonly bodyLimits: BodyLimits;
  /** Of each key; 0 is no limit. */
  readonly requestsPerMinute: number;
  /** What was asked to be listened on, and the names that lead to it. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly log: Log;
}

export interface App {
  readonly fetch: (request: Request) => Promise<Response>;
  /** The reply to what never became a request, counted and logged like any other. */
  readonly refuse: (error: Error) => Response;
  /** What is listened on: on loopback it is looked at more closely whom a request is for. */
  readonly bound: (address: string) => void;
  /** How many connections there may be, of which wrong keys hold a part. */
  readonly room: (connections: number) => void;
  readonly routes: readonly GuardedRoute[];
}

const SERVICE = {
  title: "Second Brain management",
  summary: "Thousands of brains: who has one, and how large.",
  description: "One user is one pod, one volume, one namespace. Every request for work may be " +
    "repeated: it is written down before it is answered, and goes on whatever happens to this " +
    "service. Errors are RFC 9457 problems.",
  tags: ["Users", "Backups", "Service"],
  key: "One of the manager's keys; what it may is said by its scopes.",
  problem: managerProblemSchema,
} as const;

export function createApp(options: AppOptions): App {
  const { manager, state, stats, clock, log, newId } = options;
  const callers = new Callers();
  const metrics = new Metrics({ ...state, stats });
  const routes: readonly GuardedRoute[] = [
    ...userRoutes(manager, callers),
    ...verbRoutes(manager, callers),
    ...backupRoutes(manager, callers),
    ...serviceRoutes(manager, state, metrics, documents(() => routes, state.version)),
  ];
  const hosts = new OurHosts(options.host, options.allowedHosts);
  const attempts = new FailedAttempts(clock);
  const handle = handling(options, {
    routes,
    hosts,
    callers,
    door: new Door({ ...options, attempts }),
  });
  const accounting = new Accounting({ clock, log, metrics, routes });
  return {
    routes,
    bound: (address) => hosts.boundTo(address),
    room: (connections) => attempts.leaveRoom(connections),
    fetch: async (request) => {
      const began = clock.now();
      const requestId = saneId(request.headers.get("x-request-id")) ?? newId();
      const handled = await handle(request).catch((error) => refused(error, log));
      const { method, url } = request;
      const caller = callers.find(request);
      const { pathname } = new URL(url);
      return accounting.answered({ began, requestId, method, pathname, caller }, handled);
    },
    refuse: (error) => {
      const [began, requestId] = [clock.now(), newId()];
      const nothing = { method: "", pathname: "", caller: undefined };
      return accounting.answered({ began, requestId, ...nothing }, refused(error, log));
    },
  };
}

interface Means {
  readonly routes: readonly GuardedRoute[];
  readonly hosts: OurHosts;
  readonly callers: Callers;
  readonly door: Door;
}

/** From a request to what it comes to; throws what goes wrong. */
function handling({ state, bodyLimits }: AppOptions, { routes, hosts, callers, door }: Means) {
  const origins = new Origins([]);
  return async (request: Request): Promise<Handled> => {
    const { hostname, pathname } = new URL(request.url);
    hosts.require(hostname);
    origins.admit(request);
    const found = findRoute(routes, request.method, pathname);
    const isOpen = !(found instanceof AppError) && found.route.open === true;
    if (!isOpen) callers.enter(request, new Caller(await door.letIn(request)));
    if (found instanceof AppError) throw found;
    const { route, parts } = found;
    if (!isOpen) {
      callers.of(request).require(route.scopes);
      if (state.phase() !== "ready") throw stopping();
    }
    const reply = await route.respond(request, decoded(parts), bodyLimits, "write");
    return { reply: request.method === "HEAD" ? headOf(reply) : reply, code: "ok" };
  };
}

function stopping(): AppError {
  const message = "Cannot answer now: the service is stopping";
  return new AppError("not_ready", message, { retryAfterS: 1 });
}

function headOf({ status, headers }: Response): Response {
  return new Response(null, { status, headers });
}

function saneId(id: string | null): string | undefined {
  return id !== null && /^[A-Za-z0-9._:-]{1,128}$/.test(id) ? id : undefined;
}

function refused(error: unknown, log: Log): Handled {
  const { reply, code, isKnown } = answerError(error);
  if (!isKnown) {
    const name = error instanceof Error ? error.name : "unknown";
    log("error", "unexpected", { name, at: whereThrown(error) });
  } else if (reply.status >= 500) log("warn", "refused", { code });
  return { reply, code };
}

/** The place in our code, without the message: that could quote what a client sent. */
function whereThrown(error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const lines = stack.split("\n").filter((line) => line.startsWith("    at "));
  return lines.slice(0, 3).map((line) => line.trim().replaceAll(/\(?(file|https?):\/\/\S*\//g, ""))
    .join(" < ");
}

function documents(routes: () => readonly GuardedRoute[], version: string): Documents {
  let openApi: object | undefined;
  let page: ReturnType<Documents["docs"]> | undefined;
  const document = () => openApi ??= openApiDocument(routes(), version, SERVICE);
  const title = SERVICE.title;
  return {
    openApi: document,
    docs: () =>
      page ??= import("../../http/docs.ts").then(({ docsPage }) => docsPage(document(), title)),
  };
}
