/** Routes behind the manager's door: each names the scopes that a key needs for it. */
import type { Route } from "../../http/route.ts";
import type { BrainManager } from "../brain_manager.ts";
import type { Scope } from "./access_keys.ts";
import type { Caller } from "./caller.ts";

/** What the routes are thin over. */
export type Manager = Pick<BrainManager, keyof BrainManager>;

export interface GuardedRoute extends Route {
  /** All of them; none for what is open, or for every key. */
  readonly scopes: readonly Scope[];
}

/** The same route, which says in its description what it needs. */
export function guarded(scopes: readonly Scope[], route: Route): GuardedRoute {
  const needs = scopes.map((scope) => `\`${scope}\``).join(" and ");
  const said = scopes.length === 0 ? [] : [`Needs the scope ${needs}.`];
  const description = [...route.description === undefined ? [] : [route.description], ...said];
  return {
    ...route,
    scopes,
    ...(description.length > 0 && { description: description.join(" ") }),
  };
}

/** Who asks, by the request; let go of with it. */
export class Callers {
  readonly #callers = new WeakMap<Request, Caller>();

  enter(request: Request, caller: Caller): void {
    this.#callers.set(request, caller);
  }

  find(request: Request): Caller | undefined {
    return this.#callers.get(request);
  }

  /** Behind the door there always is one. */
  of(request: Request): Caller {
    const caller = this.find(request);
    if (caller === undefined) throw new Error("Nobody was let in with this request");
    return caller;
  }
}
