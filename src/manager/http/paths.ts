/**
 * Which route a path belongs to. A user's id may hold slashes and anything else that UTF-8 can say,
 * so a path is taken apart while it is still percent-encoded, and each part decoded by itself. (The
 * ids `.` and `..` are none: clients take them for steps in the path, encoded or not.)
 */
import { AppError } from "../../errors.ts";
import type { Route } from "../../http/route.ts";

export interface Found<R extends Route> {
  readonly route: R;
  /** Still as it was sent. */
  readonly parts: Readonly<Record<string, string>>;
}

/** Comes back as `not_found` or `method_not_allowed` where there is none: not for strangers. */
export function findRoute<R extends Route>(
  routes: readonly R[],
  method: string,
  pathname: string,
): Found<R> | AppError {
  const asked = method === "HEAD" ? "GET" : method;
  const there = routes.flatMap((route) => {
    const parts = partsOf(route.path, pathname);
    return parts === undefined ? [] : [{ route, parts }];
  });
  const found = there.find(({ route }) => route.method === asked);
  if (found !== undefined) return found;
  const methods = there.map(({ route }) => route.method);
  if (methods.length === 0) {
    return new AppError("not_found", "Cannot answer: there is no such path");
  }
  const allow = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  return new AppError(
    "method_not_allowed",
    `Cannot answer: the path allows ${allow.join(", ")} only`,
    { allow },
  );
}

/** By the names in the route's path; undefined where it is another path. */
export function partsOf(pattern: string, pathname: string): Record<string, string> | undefined {
  const given = pathname.replace(/(.)\/$/, "$1").split("/");
  const wanted = pattern.split("/");
  if (wanted.length !== given.length) return undefined;
  const parts: [string, string][] = [];
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? "";
    if (part.startsWith("{") && value !== "") parts.push([part.slice(1, -1), value]);
    else if (part !== value) return undefined;
  }
  return Object.fromEntries(parts);
}

/** Throws `malformed` where the encoding is none, or not of UTF-8. */
export function decoded(parts: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(
      Object.entries(parts).map(([name, part]) => [name, decodeURIComponent(part)]),
    );
  } catch {
    throw new AppError(
      "malformed",
      "Cannot read the path: a part of it is not percent-encoded UTF-8",
    );
  }
}
