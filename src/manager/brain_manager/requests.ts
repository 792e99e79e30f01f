/**
 * One request is one operation, however often it is sent: by its Idempotency-Key, which the record
 * remembers with what was asked, and by what was asked, while that is under way.
 */
import { createHash } from "node:crypto";
import { ManagerError } from "../errors.ts";
import type { Operation, UserRecord, VerbName } from "../record.ts";

type Asked = Operation["args"];

/** In the operation's arguments: what was asked for, in short. */
const DIGEST = "request";
const MOST_REMEMBERED = 20;

export interface Request {
  readonly verb: VerbName;
  readonly asked: Asked;
  readonly digest: string;
  /** Of the caller's Idempotency-Key. */
  readonly key: string | undefined;
}

export function requestOf(verb: VerbName, asked: Asked, key: string | undefined): Request {
  const fields = Object.entries(asked).toSorted(([a], [b]) => a < b ? -1 : 1);
  const digest = sha256(JSON.stringify([verb, fields]));
  return { verb, asked, digest, key: key === undefined ? undefined : sha256(key) };
}

/** The operation that this very request began before. Throws `idempotency_conflict`. */
export function earlierOf({ requests }: UserRecord, { key, digest }: Request): string | undefined {
  const found = key === undefined ? undefined : requests.find((one) => one.key === key);
  if (found === undefined || found.digest === digest) return found?.operation;
  throw new ManagerError(
    "idempotency_conflict",
    "Cannot carry out the request: its Idempotency-Key was used for another one; send a new key",
  );
}

export function isSameRequest({ verb, args }: Operation, request: Request): boolean {
  return verb === request.verb && args[DIGEST] === request.digest;
}

export function remembered(
  { requests }: UserRecord,
  { key, digest }: Request,
  operation: string,
): UserRecord["requests"] {
  const now = key === undefined ? [] : [{ key, digest, operation }];
  return [...requests, ...now].slice(-MOST_REMEMBERED);
}

/** The record with the operation under way; one that it cuts off has failed. */
export function begun(record: UserRecord, operation: Operation, request: Request): UserRecord {
  const { digest } = request;
  const { operation: cut } = record;
  const message = `Cannot go on with "${cut?.verb}": "${request.verb}" was asked for meanwhile`;
  return {
    ...record,
    operation: { ...operation, args: { ...operation.args, [DIGEST]: digest } },
    lastOperation: cut === null ? record.lastOperation : {
      id: cut.id,
      verb: cut.verb,
      outcome: "failed",
      failure: { code: "operation_under_way", message },
      endedAt: operation.startedAt,
    },
    requests: remembered(record, request, operation.id),
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
