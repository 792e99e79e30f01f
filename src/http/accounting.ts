/** What every reply gets, and what is counted and logged of it. */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type Face, faceAt } from "./face.ts";
import type { Metrics } from "./metrics.ts";
import type { Route } from "./route.ts";

interface Accounts {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly faces?: readonly Face[];
}

type Head = Pick<Response, "status" | "headers">;

/** Every reply passes here once. */
export function accounting(
  { clock, newId, log, faces = [] }: Accounts,
  routes: readonly Route[],
  metrics: Metrics,
) {
  return <Reply extends Head>(
    response: Reply,
    began: number,
    asked: string,
    path: string,
    givenId: string | null,
  ): Reply => {
    const requestId = saneId(givenId) ?? newId();
    setCommonHeaders(response, requestId);
    const route = routes.find((known) => matches(known, path))?.path ??
      faceAt(faces, path)?.path ?? "none";
    const ms = clock.now() - began;
    const method = knownMethod(asked);
    const { status } = response;
    metrics.served({ method, route, status, seconds: ms / 1000 });
    const level = status >= 500 ? "warn" : route.startsWith("/health") ? "debug" : "info";
    log(level, "request", { method, route, status, ms, request_id: requestId });
    return response;
  };
}

/** A method that a client made up must not become a new series of numbers, or a word of the log. */
function knownMethod(method: string): string {
  return ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].includes(method)
    ? method
    : "OTHER";
}

function saneId(id: string | null): string | undefined {
  return id !== null && /^[A-Za-z0-9._:-]{1,128}$/.test(id) ? id : undefined;
}

/** The replies are all our own, so their headers can still be changed. */
function setCommonHeaders({ headers }: Head, requestId: string): void {
  headers.set("X-Request-ID", requestId);
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cache-Control", "no-store");
  if (!headers.has("Content-Security-Policy")) {
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
}

/** Whether a path is one of this route. */
export function matches({ path }: Route, pathname: string): boolean {
  const given = pathname.replace(/(.)\/$/, "$1").split("/");
  const parts = path.split("/");
  return parts.length === given.length &&
    parts.every((part, i) => part.startsWith("{") ? given[i] !== "" : part === given[i]);
}
