/** `/users`: create, look at, list, delete. */
import { z } from "zod";
import { numberParameter } from "../../http/parameters.ts";
import { json, route } from "../../http/route.ts";
import { userListSchema, userViewSchema } from "../brain_manager.ts";
import { TIER_NAMES } from "../tiers.ts";
import {
  answer,
  requestOf,
  USER_ERRORS,
  userParams,
  VERB_ERRORS,
  VERB_HEADERS,
  VERB_REPLIES,
  verbQuery,
} from "./asked.ts";
import { type Callers, guarded, type GuardedRoute, type Manager } from "./guarded.ts";
import { own } from "./problems.ts";

const JSON_ONLY = ["application/json"] as const;
const MOST_LISTED = 500, LISTED = 100;
const MOST_RETAIN_DAYS = 365;

const tier = z.enum(TIER_NAMES);

const listQuery = z.strictObject({
  tier: tier.optional(),
  state: z.enum(["active", "suspended", "deleted"]).optional().meta({
    description: "What is wanted for them, which is not always what is there yet.",
  }),
  limit: numberParameter({
    integer: true,
    min: 1,
    max: MOST_LISTED,
    description: `Default ${LISTED}.`,
  }).optional(),
  cursor: z.string().min(1).max(500).optional().meta({
    description: "`next_cursor` of the page before, with the same filters.",
  }),
});

const deleteQuery = z.strictObject({
  ...verbQuery,
  backup: z.enum(["true", "false"]).optional().transform((text) =>
    text === undefined ? undefined : text === "true"
  ).meta({
    type: "boolean",
    description: "Default `true`: a last backup is made first; where that fails, he stays.",
  }),
  retain_days: numberParameter({
    integer: true,
    min: 1,
    max: MOST_RETAIN_DAYS,
    description: "How long his volume is kept, and he can be brought back; default 30.",
  }).optional(),
});

export function userRoutes(manager: Manager, callers: Callers): readonly GuardedRoute[] {
  return [
    createRoute(manager, callers),
    readRoute(manager),
    listRoute(manager),
    deleteRoute(manager, callers),
  ];
}

function createRoute(manager: Manager, callers: Callers): GuardedRoute {
  return guarded(
    ["users:write"],
    route({
      method: "PUT",
      path: "/users/{id}",
      operationId: "createUser",
      summary: "Have a user",
      description: "Declarative: may be repeated until it answers 200 or 201. A user who was " +
        "deleted is brought back by undeleting him, and another tier is given by `tier`. The " +
        "reply has the brain's key where the asking key has the scope `keys`.",
      tag: "Users",
      params: userParams,
      query: z.strictObject(verbQuery),
      headers: VERB_HEADERS,
      body: {
        schema: z.strictObject({ tier }).meta({ id: "NewUser" }),
        contentTypes: JSON_ONLY,
      },
      replies: {
        ...VERB_REPLIES,
        201: {
          ...VERB_REPLIES[202],
          description: "His brain is there, and answers.",
        },
      },
      ownErrors: { ...VERB_ERRORS, ...own("tier_conflict") },
    }, async (asked) => {
      const { tier } = asked.body;
      const withKey = callers.of(asked.request).may("keys");
      const request = { ...requestOf(asked), tier, withKey };
      return answer(callers, asked, await manager.createUser(asked.params.id, request));
    }),
  );
}

function readRoute(manager: Manager): GuardedRoute {
  return guarded(
    ["users:read"],
    route({
      method: "GET",
      path: "/users/{id}",
      operationId: "readUser",
      summary: "Look at a user",
      description: "How he is in the cluster now, what is under way, and what was last.",
      tag: "Users",
      params: userParams,
      replies: {
        200: { description: "The user.", schema: userViewSchema.meta({ id: "User" }) },
      },
      ownErrors: { ...USER_ERRORS, ...own("no_such_user", "deleted") },
    }, async ({ params }) => json(200, await manager.getUser(params.id))),
  );
}

function listRoute(manager: Manager): GuardedRoute {
  return guarded(
    ["users:read"],
    route({
      method: "GET",
      path: "/users",
      operationId: "listUsers",
      summary: "List users",
      description: "By slug, out of the register; `conditions` are for those who look at one.",
      tag: "Users",
      query: listQuery,
      replies: {
        200: {
          description: "A page.",
          schema: userListSchema.meta({ id: "UserList" }),
          links: {
            nextPage: {
              operationId: "listUsers",
              parameters: { "query.cursor": "$response.body#/next_cursor" },
            },
          },
        },
      },
      ownErrors: own("cluster_refused", "cluster_unavailable"),
    }, async ({ query }) => json(200, await manager.listUsers({ limit: LISTED, ...query }))),
  );
}

function deleteRoute(manager: Manager, callers: Callers): GuardedRoute {
  return guarded(
    ["users:write"],
    route({
      method: "DELETE",
      path: "/users/{id}",
      operationId: "deleteUser",
      summary: "Delete a user",
      description: "A last backup, then his pod, claim and namespace. His volume is kept for the " +
        "retention, and with it he can be brought back.",
      tag: "Users",
      params: userParams,
      query: deleteQuery,
      headers: VERB_HEADERS,
      replies: {
        ...VERB_REPLIES,
        200: { ...VERB_REPLIES[200], description: "What would be done (`planned`)." },
        204: { description: "He is gone; his volume is kept." },
      },
      ownErrors: VERB_ERRORS,
    }, async (asked) => {
      const { backup, retain_days: retainDays } = asked.query;
      const request = { ...requestOf(asked), backup, retainDays };
      const outcome = await manager.deleteUser(asked.params.id, request);
      const reply = answer(callers, asked, outcome);
      return reply.status === 200 && outcome.outcome !== "planned"
        ? new Response(null, { status: 204 })
        : reply;
    }),
  );
}
