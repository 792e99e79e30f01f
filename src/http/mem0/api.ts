/** mem0's hosted API on its own router. */
import { type Context, Hono } from "hono";
import { AppError } from "../../errors.ts";
import type { Scope } from "../../scope.ts";
import type { Face } from "../face.ts";
import { json, requireScope } from "../route.ts";
import { addingRoutes } from "./adding.ts";
import type { Mem0Route } from "./asked.ts";
import { deletingRoutes } from "./deleting.ts";
import { entityRoutes } from "./entities.ts";
import { notHere } from "./not_here.ts";
import type { Mem0ApiOptions } from "./options.ts";
import { mem0Problem } from "./problem.ts";
import { readingRoutes } from "./reading.ts";
import { searchingRoutes } from "./searching.ts";
import { updatingRoutes } from "./updating.ts";

interface Passed {
  readonly Bindings: { readonly scope: Scope };
}

/** Clients ask for it first; they go on with both, where they are there. */
const PING: Mem0Route = {
  method: "GET",
  path: "/v1/ping",
  scope: "read",
  answer: () =>
    json(200, {
      status: "ok",
      org_id: "second-brain",
      project_id: "second-brain",
      // Nobody's: clients send one to those who count their users.
      user_email: null,
    }),
};

export function mem0Api(options: Mem0ApiOptions): Face["answer"] {
  const routes: readonly Mem0Route[] = [
    PING,
    ...addingRoutes(options),
    ...searchingRoutes(options),
    ...readingRoutes(options),
    ...updatingRoutes(options),
    ...deletingRoutes(options),
    ...entityRoutes(options),
  ];
  const app = new Hono<Passed>({ strict: false });
  for (const { method, path, scope, answer } of routes) {
    app.on(method, path, (context: Context<Passed>) => {
      requireScope(scope, context.env.scope);
      const { raw: request } = context.req;
      const query = new URL(request.url).searchParams;
      return answer({ request, params: context.req.param(), query });
    });
  }
  app.notFound(({ req }) => notHere(new URL(req.url).pathname) ?? mem0Problem(noSuchPath()));
  app.onError((error) => {
    if (error instanceof AppError) return mem0Problem(error);
    throw error;
  });
  return async (request, scope) => await app.fetch(request, { scope });
}

function noSuchPath(): AppError {
  return new AppError("not_found", "Cannot answer: there is no such path, or not with this method");
}
