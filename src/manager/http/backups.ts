/** `/users/{id}/backups` and `/users/{id}/restore`. */
import { z } from "zod";
import { json, route } from "../../http/route.ts";
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

const backupId = z.string().regex(/^[a-z0-9-]{1,64}$/);

const listSchema = z.strictObject({
  backups: z.array(z.strictObject({
    id: z.string(),
    at: z.iso.datetime().meta({ description: "What was stored before is in it." }),
    bytes: z.int().meta({ description: "As it lies in the sink, encrypted." }),
    memories: z.int(),
  })).meta({ description: "Newest first." }),
  snapshots: z.array(z.strictObject({
    id: z.string(),
    at: z.iso.datetime(),
    ready: z.boolean().meta({ description: "It can be restored by now." }),
  })).meta({ description: "Of his volume, by the cluster; newest first." }),
  damaged: z.int().min(0).meta({ description: "How many cannot be read; they are let alone." }),
  missing: z.string().nullable().meta({
    description: "The id of the last one that was made, where it is not among them: somebody " +
      "removed it, or it is damaged.",
  }),
}).meta({ id: "BackupList" });

const ASKED = {
  tag: "Backups",
  params: userParams,
  query: z.strictObject(verbQuery),
  headers: VERB_HEADERS,
  replies: VERB_REPLIES,
} as const;

export function backupRoutes(manager: Manager, callers: Callers): readonly GuardedRoute[] {
  return [
    createRoute(manager, callers),
    listRoute(manager),
    deleteRoute(manager, callers),
    restoreRoute(manager, callers),
  ];
}

function createRoute(manager: Manager, callers: Callers): GuardedRoute {
  const schema = z.strictObject({
    method: z.enum(["export", "snapshot"]).default("export").meta({
      description: "`export`: the brain's own, encrypted, read back before it counts. " +
        "`snapshot`: of the volume, by the cluster, where it can.",
    }),
  }).meta({ id: "NewBackup" });
  return guarded(
    ["backups"],
    route({
      ...ASKED,
      method: "POST",
      path: "/users/{id}/backups",
      operationId: "backupUser",
      summary: "Make a backup",
      body: { schema, contentTypes: JSON_ONLY, optional: true },
      ownErrors: { ...VERB_ERRORS, ...own("snapshots_unavailable") },
    }, async (asked) => {
      const request = { ...requestOf(asked), method: asked.body.method };
      return answer(callers, asked, await manager.backupUser(asked.params.id, request));
    }),
  );
}

function listRoute(manager: Manager): GuardedRoute {
  return guarded(
    ["backups"],
    route({
      method: "GET",
      path: "/users/{id}/backups",
      operationId: "listBackups",
      summary: "List a user's backups",
      description: "Also of one who was deleted.",
      tag: "Backups",
      params: userParams,
      replies: { 200: { description: "All of them.", schema: listSchema } },
      ownErrors: { ...USER_ERRORS, ...own("no_such_user", "backup_failed") },
    }, async ({ params, request }) => {
      return json(200, await manager.listBackups(params.id, request.signal));
    }),
  );
}

function deleteRoute(manager: Manager, callers: Callers): GuardedRoute {
  return guarded(
    ["users:write", "backups"],
    route({
      method: "DELETE",
      path: "/users/{id}/backups/{backup}",
      operationId: "deleteBackup",
      summary: "Delete a backup",
      description: "Or a snapshot.",
      tag: "Backups",
      params: z.strictObject({
        ...userParams.shape,
        backup: z.string().meta({ description: "The backup's id." }),
      }),
      replies: { 204: { description: "It is gone." } },
      ownErrors: {
        ...USER_ERRORS,
        ...own("no_such_user", "no_such_backup", "operation_under_way", "backup_failed"),
      },
    }, async ({ params, request }) => {
      callers.of(request).backup = backupId.safeParse(params.backup).data;
      await manager.deleteBackup(params.id, params.backup, request.signal);
      return new Response(null, { status: 204 });
    }),
  );
}

function restoreRoute(manager: Manager, callers: Callers): GuardedRoute {
  return guarded(
    ["users:write", "backups"],
    route({
      ...ASKED,
      method: "POST",
      path: "/users/{id}/restore",
      operationId: "restoreUser",
      summary: "Put a backup in place of what is there",
      description:
        "Into a claim of its own, which takes the place of the other once all of it is " +
        "there and was looked at; the other is kept for 7 days.",
      body: {
        schema: z.strictObject({ backup: backupId }).meta({ id: "Restoration" }),
        contentTypes: JSON_ONLY,
      },
      ownErrors: { ...VERB_ERRORS, ...own("no_such_backup") },
    }, async (asked) => {
      const request = { ...requestOf(asked), backup: asked.body.backup };
      return answer(callers, asked, await manager.restoreUser(asked.params.id, request));
    }),
  );
}
