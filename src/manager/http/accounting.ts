/**
 * What is counted and logged of each reply. Who changed what is a line of its own, `audit`: the
 * key's name, the verb, the user's slug, what came of it, and whether a brain's key was given away.
 * Ids of users and keys are in no line.
 */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { ManagerError } from "../errors.ts";
import { slugOf } from "../user_id.ts";
import type { Caller } from "./caller.ts";
import type { GuardedRoute } from "./guarded.ts";
import type { Metrics } from "./metrics.ts";
import { findRoute, partsOf } from "./paths.ts";

export interface Handled {
  readonly reply: Response;
  /** `ok`, or the code of what went wrong. */
  readonly code: string;
}

export interface Received {
  readonly began: number;
  readonly requestId: string;
  readonly method: string;
  readonly pathname: string;
  /** Undefined where nobody was let in. */
  readonly caller: Caller | undefined;
}

interface AccountingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly routes: readonly GuardedRoute[];
}

export class Accounting {
  readonly #options: AccountingOptions;

  constructor(options: AccountingOptions) {
    this.#options = options;
  }

  /** The same reply, with what every one has; the replies are all our own. */
  answered(received: Received, { reply, code }: Handled): Response {
    const { clock, log, metrics, routes } = this.#options;
    const { began, requestId, pathname } = received;
    setCommonHeaders(reply, requestId);
    const route = routes.find(({ path }) => partsOf(path, pathname))?.path ?? "none";
    const method = knownMethod(received.method);
    const ms = clock.now() - began;
    const { status } = reply;
    metrics.served({ method, route, status, seconds: ms / 1000 });
    const level = status >= 500 ? "warn" : route.startsWith("/health") ? "debug" : "info";
    log(level, "request", { method, route, status, ms, request_id: requestId });
    if (!["GET", "HEAD"].includes(method)) this.#audit(received, code);
    return reply;
  }

  #audit({ caller, method, pathname, requestId }: Received, code: string): void {
    if (caller === undefined) return;
    const { log, routes } = this.#options;
    const found = findRoute(routes, method, pathname);
    if (found instanceof Error) return;
    log("info", "audit", {
      key: caller.key.name,
      verb: found.route.operationId,
      user: slugIn(found.parts),
      outcome: code,
      operation: caller.operation,
      ...(caller.backup !== undefined && { backup: caller.backup }),
      ...(caller.isKeyGiven && { key_given: true }),
      request_id: requestId,
    });
  }
}

/** Null for what is no user's id: it is not ours to repeat. */
function slugIn(parts: Readonly<Record<string, string>>): string | null {
  const { id } = parts;
  if (id === undefined) return null;
  try {
    return slugOf(decodeURIComponent(id));
  } catch (error) {
    if (error instanceof ManagerError || error instanceof URIError) return null;
    throw error;
  }
}

/** A method that a client made up must not become a new series of numbers, or a word of the log. */
function knownMethod(method: string): string {
  return ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].includes(method)
    ? method
    : "OTHER";
}

function setCommonHeaders({ headers }: Response, requestId: string): void {
  headers.set("X-Request-ID", requestId);
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cache-Control", "no-store");
  if (!headers.has("Content-Security-Policy")) {
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
}
