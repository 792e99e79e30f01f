/**
 * How a verb is asked for: what is known is read, the verb says whether it can be done, the record
 * is written with the operation in it - that acknowledges it - and it is carried out. Written by
 * compare-and-set: where somebody wrote first, all of it is decided again.
 */
import type { Clock } from "../../clock.ts";
import { ClusterError } from "../cluster.ts";
import { MANAGER_STATUS, ManagerError, type ManagerErrorCode } from "../errors.ts";
import type { Operations } from "../operations.ts";
import type { Operation, UserRecord, VerbName } from "../record.ts";
import type { Register, Registered } from "../register.ts";
import { begun, earlierOf, isSameRequest, remembered, type Request } from "./requests.ts";
import type { OperationView } from "./user_view.ts";
import { ended, underWay } from "./view.ts";
import { Waiting } from "./waiting.ts";

/** A record that is written so often meanwhile is written by something that runs wild. */
const MOST_CONFLICTS = 20;
const MOST_WAIT_MS = 60_000;
const AGAIN_S = 5;

export interface AskingOptions {
  readonly register: Register;
  readonly operations: Operations;
  readonly clock: Clock;
}

/** Where the record is, and what it is where there is none, for a verb that makes one. */
export interface Find {
  readonly find: () => Promise<Registered | undefined>;
  readonly fresh?: () => UserRecord;
}

export interface Asker {
  readonly dryRun: boolean;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** What came of it: there was nothing to do, it would be begun, or it was. */
export type Asked =
  | { readonly kind: "same"; readonly record: UserRecord }
  | {
    readonly kind: "planned";
    readonly record: UserRecord;
    readonly isNew: boolean;
    /** What would be done, a line each. */
    readonly plan: string[];
  }
  | {
    readonly kind: "begun";
    /** As it is after the wait; undefined: he is gone for good. */
    readonly record: UserRecord | undefined;
    readonly operation: OperationView;
    readonly isOver: boolean;
  };

export class Asking {
  readonly #options: AskingOptions;
  readonly #waiting: Waiting;

  constructor(options: AskingOptions) {
    this.#options = options;
    this.#waiting = new Waiting(options.clock);
  }

  async begin(who: Find, request: Request, asker: Asker): Promise<Asked> {
    for (let tries = 0; tries < MOST_CONFLICTS; tries++) {
      const known = await who.find();
      const asked = known === undefined
        ? await this.#first(who, request, asker)
        : await this.#next(known, request, asker);
      if (asked !== undefined) return asked;
    }
    throw new ManagerError(
      "cluster_unavailable",
      "Cannot begin: the user's record is written too often; try again",
      { retryAfterS: AGAIN_S },
    );
  }

  /** Of one who is not there. Undefined: by now he is. */
  async #first({ fresh }: Find, request: Request, asker: Asker): Promise<Asked | undefined> {
    if (fresh === undefined) {
      throw new ManagerError("no_such_user", "Cannot find the user: nobody has this id");
    }
    return await this.#write(fresh(), request, asker, async (wanted) => {
      await this.#options.register.create(wanted);
    });
  }

  /** Undefined: somebody else wrote the record first. */
  async #next(known: Registered, request: Request, asker: Asker): Promise<Asked | undefined> {
    const { record } = known;
    const earlier = earlierOf(record, request);
    if (earlier !== undefined) return await this.#follow(record, earlier, request.verb, asker);
    const { operation } = record;
    if (operation !== null) {
      const isThat = isSameRequest(operation, request) || leadsThere(operation, request);
      if (isThat) return await this.#join(known, operation, request, asker);
      if (leavesAlone(record, request)) return { kind: "same", record };
      this.#requireFree(operation, request.verb);
    }
    return await this.#write(record, request, asker, async (wanted) => {
      await this.#options.register.replace(known, wanted);
    });
  }

  /** Somebody asked for the same before: this request is remembered as a part of that. */
  async #join(
    known: Registered,
    { id }: Operation,
    request: Request,
    asker: Asker,
  ): Promise<Asked | undefined> {
    const { record } = known;
    if (request.key !== undefined && !asker.dryRun) {
      const wanted = { ...record, requests: remembered(record, request, id) };
      if (!await this.#isWritten(() => this.#options.register.replace(known, wanted))) {
        return undefined;
      }
    }
    return await this.#follow(record, id, request.verb, asker);
  }

  /** False: somebody else wrote first. */
  async #isWritten(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      const isLate = error instanceof ClusterError &&
        ["conflict", "already_exists", "not_found"].includes(error.fault);
      if (isLate) return false;
      throw error;
    }
  }

  async #write(
    record: UserRecord,
    request: Request,
    asker: Asker,
    write: (wanted: UserRecord) => Promise<void>,
  ): Promise<Asked | undefined> {
    const { operations } = this.#options;
    const args = await operations.prepare(record, request.verb, request.asked, asker.signal);
    if (args === undefined) return { kind: "same", record };
    const operation = operations.operationOf(request.verb, args);
    if (asker.dryRun) {
      const isNew = record.operation === null && record.lastOperation === null;
      return {
        kind: "planned",
        record,
        isNew,
        plan: await operations.plan(record, operation),
      };
    }
    const wanted = begun(record, operation, request);
    if (!await this.#isWritten(() => write(wanted))) return undefined;
    return await this.#follow(wanted, operation.id, request.verb, asker);
  }

  #requireFree({ verb: other }: Operation, verb: VerbName): void {
    if (this.#options.operations.takesOver(verb, other)) return;
    if (other === "delete" || other === "purge") {
      throw new ManagerError(
        "user_deleting",
        `Cannot begin "${verb}": the user is being deleted`,
        { retryAfterS: AGAIN_S },
      );
    }
    throw new ManagerError(
      "operation_under_way",
      `Cannot begin "${verb}": "${other}" is under way for this user; try again after it`,
      { retryAfterS: AGAIN_S },
    );
  }

  /** Has it carried out, and waits for it as long as was asked. Throws why it failed. */
  async #follow(begunRecord: UserRecord, id: string, verb: VerbName, asker: Asker): Promise<Asked> {
    const { register, operations } = this.#options;
    const { slug, life } = begunRecord;
    let record: UserRecord | undefined = begunRecord;
    const nudge = operations.run(slug);
    const look = async () => {
      // Whoever held it may be gone, and nobody else be there to go on with it.
      if (!operations.isRunning(slug)) void operations.run(slug);
      record = await this.#look(register, slug, record);
      // Another life: he was purged, and somebody came under his name.
      if (record?.life !== life) record = undefined;
      return record?.operation?.id !== id;
    };
    const { signal } = asker;
    const waitMs = Math.min(asker.waitMs, MOST_WAIT_MS);
    const isOver = asker.waitMs > 0
      ? await this.#waiting.until(look, { waitMs, nudge, signal })
      : record.operation?.id !== id;
    const known = endOf(record, id) ?? endOf(begunRecord, id);
    // The record went with what was under way in it, or has others in it by now.
    const isStale = isOver && known?.status === "under_way";
    const operation = known === undefined || isStale ? assumed(id, verb) : known;
    if (isOver) requireSuccess(operation);
    return { kind: "begun", record, operation, isOver };
  }

  /** While the cluster is away nothing new is known; the operation goes on all the same. */
  async #look(
    register: Register,
    slug: string,
    before: UserRecord | undefined,
  ): Promise<UserRecord | undefined> {
    try {
      return (await register.get(slug))?.record;
    } catch (error) {
      if (error instanceof ClusterError && error.fault === "unavailable") return before;
      throw error;
    }
  }
}

/** A sign-up for the tier that an upgrade leads to has nothing else to do. */
function leadsThere({ verb, args, failure }: Operation, request: Request): boolean {
  return request.verb === "create" && verb === "upgrade" && failure === null &&
    args["tier"] === request.asked["tier"];
}

/** He is there as the sign-up wants him, whatever is being done for him. */
function leavesAlone({ operation, tier, state }: UserRecord, { verb, asked }: Request): boolean {
  const isGoing = operation?.verb === "delete" || operation?.verb === "purge";
  if (verb !== "create" || isGoing || state === "deleted") return false;
  if (operation?.verb !== "upgrade" && asked["tier"] === tier) return true;
  throw tierConflict(tier, asked["tier"]);
}

function tierConflict(tier: string, wanted: unknown): ManagerError {
  return new ManagerError(
    "tier_conflict",
    `Cannot create the user as "${wanted}": he is there, with the tier "${tier}"; ` +
      "change it with an upgrade",
  );
}

function endOf(record: UserRecord | undefined, id: string): OperationView | undefined {
  if (record?.operation?.id === id) return underWay(record.operation);
  if (record?.lastOperation?.id === id) return ended(record.lastOperation);
  return undefined;
}

/** Others came after it: that it ended is all that is still known. */
function assumed(id: string, verb: VerbName): OperationView {
  return {
    id,
    verb,
    status: "succeeded",
    step: null,
    waiting_for: null,
    started_at: null,
    deadline_at: null,
    ended_at: null,
    failure: null,
  };
}

function requireSuccess({ failure }: OperationView): void {
  if (failure === null) return;
  throw new ManagerError(codeOf(failure.code), failure.message);
}

function codeOf(code: string): ManagerErrorCode {
  return isCode(code) ? code : "internal";
}

function isCode(code: string): code is ManagerErrorCode {
  return Object.hasOwn(MANAGER_STATUS, code);
}
