/** `/users/{id}/…`: what is done with a user who is there. */
import { z } from "zod";
import { route } from "../../http/route.ts";
import type { Outcome, RequestOptions } from "../brain_manager.ts";
import { TIER_NAMES } from "../tiers.ts";
import type { Scope } from "./access_keys.ts";
import {
  answer,
  requestOf,
  userParams,
  VERB_ERRORS,
  VERB_HEADERS,
  VERB_REPLIES,
  verbQuery,
} from "./asked.ts";
import { type Callers, guarded, type GuardedRoute, type Manager } from "./guarded.ts";
import { own } from "./problems.ts";

const JSON_ONLY = ["application/json"] as const;
const MOST_GRACE_S = 7 * 24 * 3_600;

/** What every such route takes and gives. */
const VERB = {
  method: "POST",
  tag: "Users",
  params: userParams,
  query: z.strictObject(verbQuery),
  headers: VERB_HEADERS,
  replies: VERB_REPLIES,
  ownErrors: VERB_ERRORS,
} as const;

export function verbRoutes(manager: Manager, callers: Callers): readonly GuardedRoute[] {
  const plain = plainVerbs(manager).map(({ scopes, name, summary, description, run }) =>
    guarded(
      scopes,
      route(
        { ...VERB, path: `/users/{id}/${name}`, operationId: `${name}User`, summary, description },
        async (asked) => answer(callers, asked, await run(asked.params.id, requestOf(asked))),
      ),
    )
  );
  return [tierRoute(manager, callers), ...plain, keyRoute(manager, callers)];
}

interface PlainVerb {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly summary: string;
  readonly description: string;
  readonly run: (id: string, request: RequestOptions) => Promise<Outcome>;
}

/** Those that are asked with nothing but the user. */
function plainVerbs(manager: Manager): readonly PlainVerb[] {
  const scopes = ["users:write"] as const;
  return [
    {
      name: "suspend",
      scopes,
      summary: "Stop a user's brain",
      description: "Gracefully; his volume and all that he has stays.",
      run: (id, request) => manager.suspendUser(id, request),
    },
    {
      name: "resume",
      scopes,
      summary: "Start a suspended brain again",
      description: "As it was.",
      run: (id, request) => manager.resumeUser(id, request),
    },
    {
      name: "restart",
      scopes,
      summary: "Restart a user's brain",
      description: "Gracefully: what is under way in it is ended first.",
      run: (id, request) => manager.restartUser(id, request),
    },
    {
      name: "undelete",
      scopes,
      summary: "Bring a deleted user back",
      description: "With the volume that was kept for him; not after its purge date.",
      run: (id, request) => manager.undeleteUser(id, request),
    },
    {
      name: "purge",
      scopes: ["admin"],
      summary: "Destroy what is kept of a deleted user",
      description: "His volume, his backups and his record, now and for good.",
      run: (id, request) => manager.purgeUser(id, request),
    },
  ];
}

const tierSchema = z.strictObject({
  tier: z.enum(TIER_NAMES),
  allow_restart: z.boolean().default(true).meta({
    description: "`false`: refused with `restart_needed` where it cannot be done without one.",
  }),
}).meta({ id: "NewTier" });

function tierRoute(manager: Manager, callers: Callers): GuardedRoute {
  return guarded(
    ["users:write"],
    route({
      ...VERB,
      path: "/users/{id}/tier",
      operationId: "upgradeUser",
      summary: "Give a user another tier",
      description: "In the running pod where the cluster can, else with a graceful restart. " +
        "Storage grows and never shrinks. What fails is put back as it was.",
      body: { schema: tierSchema, contentTypes: JSON_ONLY },
      ownErrors: { ...VERB_ERRORS, ...own("storage_exceeds_tier", "restart_needed") },
    }, async (asked) => {
      const { tier, allow_restart: allowRestart } = asked.body;
      const request = { ...requestOf(asked), tier, allowRestart };
      return answer(callers, asked, await manager.upgradeUser(asked.params.id, request));
    }),
  );
}

const keySchema = z.strictObject({
  grace_seconds: z.int().min(0).max(MOST_GRACE_S).optional().meta({
    description: "How long the key before this one is still let in; default an hour.",
  }),
}).meta({ id: "NewKey" });

function keyRoute(manager: Manager, callers: Callers): GuardedRoute {
  return guarded(
    ["keys"],
    route({
      ...VERB,
      path: "/users/{id}/key",
      operationId: "rotateKey",
      summary: "Give a user's brain a new key",
      description:
        "Without a restart. The reply has the new key where it is made by then (`wait`); " +
        "else the same request with the same Idempotency-Key has it later, or `PUT /users/{id}`.",
      body: { schema: keySchema, contentTypes: JSON_ONLY, optional: true },
    }, async (asked) => {
      const request = { ...requestOf(asked), graceSeconds: asked.body.grace_seconds };
      return answer(callers, asked, await manager.rotateKey(asked.params.id, request));
    }),
  );
}
