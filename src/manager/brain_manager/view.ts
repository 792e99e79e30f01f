/** What of a record callers are shown. */
import type { Operation, UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import { namespaceOf } from "../user_id.ts";
import type { Condition, OperationView, UserState, UserView } from "./user_view.ts";

/** `conditions` empty: as the register alone knows him. */
export function viewOf(
  record: UserRecord,
  settings: Pick<Settings, "domain">,
  conditions: readonly Condition[] = [],
): UserView {
  const { slug, lastOperation } = record;
  const namespace = namespaceOf(slug);
  return {
    id: record.userId,
    slug,
    namespace,
    state: stateOf(record, conditions),
    tier: record.tier,
    address: settings.domain === undefined
      ? `http://brain.${namespace}.svc:8000`
      : `https://${slug}.${settings.domain}`,
    created_at: record.createdAt,
    storage_bytes: record.claim.storageBytes,
    conditions: [...conditions],
    last_backup: record.lastBackup,
    operation: record.operation === null ? null : underWay(record.operation),
    last_operation: lastOperation === null ? null : ended(lastOperation),
    deleted_at: record.deletedAt,
    purge_at: record.purgeAt,
  };
}

function stateOf(
  { state, operation }: UserRecord,
  conditions: readonly Condition[],
): UserState {
  if (operation?.verb === "create") return "creating";
  if (operation?.verb === "delete") return "deleting";
  if (operation?.verb === "purge") return "purging";
  if (operation?.verb === "restore" || operation?.verb === "undelete") return "restoring";
  if (state !== "active") return state;
  const ready = conditions.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "true" ? "running" : "degraded";
}

export function underWay(operation: Operation): OperationView {
  return {
    id: operation.id,
    verb: operation.verb,
    status: operation.failure === null ? "under_way" : "going_back",
    step: operation.step,
    waiting_for: operation.waitingFor,
    started_at: operation.startedAt,
    deadline_at: operation.deadlineAt,
    ended_at: null,
    failure: operation.failure,
  };
}

export function ended(operation: NonNullable<UserRecord["lastOperation"]>): OperationView {
  return {
    id: operation.id,
    verb: operation.verb,
    status: operation.outcome,
    step: null,
    waiting_for: null,
    started_at: null,
    deadline_at: null,
    ended_at: operation.endedAt,
    failure: operation.failure,
  };
}
