/**
 * The management of users: every verb of the service, for HTTP and the command line alike. A verb
 * checks what it can, writes into the user's record what is to be done - that is what acknowledges
 * it - and has it carried out; asked again it is the same operation, not a second one.
 */
import { type Clock, timestamp } from "../clock.ts";
import type { Backups } from "./backups.ts";
import { type Asked, Asking, type Find } from "./brain_manager/asking.ts";
import { conditionsOf } from "./brain_manager/conditions.ts";
import { firstRecord } from "./first_record.ts";
import { type BackupList, deleteBackup, listBackups } from "./brain_manager/kept_backups.ts";
import { requestOf } from "./brain_manager/requests.ts";
import type { Outcome, UserList, UserView } from "./brain_manager/user_view.ts";
import { viewOf } from "./brain_manager/view.ts";
import type { Capabilities, Cluster } from "./cluster.ts";
import { ManagerError } from "./errors.ts";
import type { Operations } from "./operations.ts";
import type { Operation, UserRecord, VerbName } from "./record.ts";
import type { Register, Registered } from "./register.ts";
import type { Settings } from "./settings.ts";
import { type Tier, type TierName, TIERS } from "./tiers.ts";
import { slugOf } from "./user_id.ts";

export { outcomeSchema, userListSchema, userViewSchema } from "./brain_manager/user_view.ts";
export { asManagerError } from "./brain_manager/refusals.ts";
export type { BackupList } from "./brain_manager/kept_backups.ts";
export type { Outcome, UserList, UserView } from "./brain_manager/user_view.ts";

/** How a request wants to be treated, whatever it asks for. */
export interface RequestOptions {
  /** Says what would be done; changes nothing. */
  readonly dryRun?: boolean | undefined;
  /** How long to wait for the end, up to a minute; 0 or left out: not at all. */
  readonly waitMs?: number | undefined;
  /** The caller's Idempotency-Key: the same one is the same request. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListRequest {
  readonly tier?: TierName | undefined;
  /** What is wanted for them. */
  readonly state?: UserRecord["state"] | undefined;
  /** Up to 500. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface BrainManagerOptions {
  readonly cluster: Cluster;
  readonly register: Register;
  readonly operations: Operations;
  readonly backups: Backups;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly newId: () => string;
}

const MOST_LISTED = 500;
const LISTED = 100;
const GRACE_SECONDS = 3_600;
const RETAIN_DAYS = 30;

export class BrainManager {
  readonly #options: BrainManagerOptions;
  readonly #asking: Asking;

  constructor(options: BrainManagerOptions) {
    this.#options = options;
    this.#asking = new Asking(options);
  }

  /** `withKey`: the outcome has the brain's key, where there is one by then. */
  async createUser(
    id: string,
    options: RequestOptions & {
      readonly tier: TierName;
      readonly withKey?: boolean | undefined;
    },
  ): Promise<Outcome> {
    const { tier, withKey = false } = options;
    const find = this.#finding(id);
    const { newId, clock } = this.#options;
    const fresh = () => firstRecord(id, tier, newId(), timestamp(clock));
    const asked = await this.#ask({ find, fresh }, "create", { tier }, options);
    const outcome = await this.#outcome(asked, "created");
    if (asked.kind === "planned" || asked.record === undefined || !withKey) return outcome;
    return { ...outcome, key: await this.#options.operations.keyOf(asked.record) ?? null };
  }

  /** `allowRestart` (true where left out): else it is refused where it cannot be done without. */
  async upgradeUser(
    id: string,
    options: RequestOptions & {
      readonly tier: TierName;
      readonly allowRestart?: boolean | undefined;
    },
  ): Promise<Outcome> {
    const { tier, allowRestart = true } = options;
    return await this.#do(id, "upgrade", { tier, allow_restart: allowRestart }, options);
  }

  async suspendUser(id: string, options: RequestOptions = {}): Promise<Outcome> {
    return await this.#do(id, "suspend", {}, options);
  }

  async resumeUser(id: string, options: RequestOptions = {}): Promise<Outcome> {
    return await this.#do(id, "resume", {}, options);
  }

  async restartUser(id: string, options: RequestOptions = {}): Promise<Outcome> {
    return await this.#do(id, "restart", {}, options);
  }

  /** `graceSeconds` (an hour where left out, up to 7 days): how long the old key is let in. */
  async rotateKey(
    id: string,
    options: RequestOptions & { readonly graceSeconds?: number | undefined } = {},
  ): Promise<Outcome> {
    const { graceSeconds = GRACE_SECONDS } = options;
    const find = this.#finding(id);
    const asked = await this.#ask({ find }, "rotate_key", { grace_seconds: graceSeconds }, options);
    const outcome = await this.#outcome(asked, "done");
    if (asked.kind !== "begun" || asked.record === undefined) return outcome;
    const key = await this.#options.operations.keyOf(asked.record, asked.operation.id);
    return { ...outcome, key: key ?? null };
  }

  async backupUser(
    id: string,
    options: RequestOptions & { readonly method?: "export" | "snapshot" | undefined } = {},
  ): Promise<Outcome> {
    return await this.#do(id, "backup", { method: options.method ?? "export" }, options);
  }

  async restoreUser(
    id: string,
    options: RequestOptions & { readonly backup: string },
  ): Promise<Outcome> {
    return await this.#do(id, "restore", { backup: options.backup }, options);
  }

  /** `backup` is true where left out; `retainDays` 30, from 0 to 365. */
  async deleteUser(
    id: string,
    options: RequestOptions & {
      readonly backup?: boolean | undefined;
      readonly retainDays?: number | undefined;
    } = {},
  ): Promise<Outcome> {
    const { backup = true, retainDays = RETAIN_DAYS } = options;
    return await this.#do(id, "delete", { backup, retainDays }, options);
  }

  async undeleteUser(id: string, options: RequestOptions = {}): Promise<Outcome> {
    return await this.#do(id, "undelete", {}, options);
  }

  async purgeUser(id: string, options: RequestOptions = {}): Promise<Outcome> {
    return await this.#do(id, "purge", {}, options);
  }

  /** Throws `no_such_user`, and `deleted` for one that can be brought back. */
  async getUser(id: string): Promise<UserView> {
    const { record } = await this.#require(id);
    const { purgeAt } = record;
    if (record.state === "deleted" && record.operation === null) {
      throw new ManagerError(
        "deleted",
        'Cannot show the user: he is deleted; bring him back with "undelete"',
        purgeAt === null ? {} : { purgeAt },
      );
    }
    return await this.#observed(record);
  }

  /** From the register alone. `limit` up to 500. */
  async listUsers(request: ListRequest = {}): Promise<UserList> {
    const { tier, state, cursor, limit = LISTED } = request;
    const most = Math.max(1, Math.min(limit, MOST_LISTED));
    const list = await this.#options.register.list({ tier, state, after: cursor, limit: most });
    return {
      users: list.users.map(({ record }) => viewOf(record, this.#options.settings)),
      next_cursor: list.next ?? null,
      total: list.total,
      unreadable: [...list.unreadable],
    };
  }

  /** Also of a deleted user. */
  async listBackups(id: string, signal: AbortSignal): Promise<BackupList> {
    const { record } = await this.#require(id);
    return await listBackups(this.#options, record, signal);
  }

  /** Also a snapshot. Throws `no_such_backup`. */
  async deleteBackup(id: string, backup: string, signal: AbortSignal): Promise<void> {
    const { record } = await this.#require(id);
    await deleteBackup(this.#options, record, backup, signal);
  }

  tiers(): Readonly<Record<TierName, Tier>> {
    return TIERS;
  }

  capabilities(): Promise<Capabilities> {
    return this.#options.operations.capabilities();
  }

  async #do(
    id: string,
    verb: VerbName,
    args: Operation["args"],
    options: RequestOptions,
  ): Promise<Outcome> {
    const asked = await this.#ask({ find: this.#finding(id) }, verb, args, options);
    return await this.#outcome(asked, "done");
  }

  async #ask(
    who: Find,
    verb: VerbName,
    args: Operation["args"],
    { dryRun = false, waitMs = 0, idempotencyKey, signal }: RequestOptions,
  ): Promise<Asked> {
    return await this.#asking.begin(who, requestOf(verb, args, idempotencyKey), {
      dryRun,
      waitMs,
      signal: signal ?? new AbortController().signal,
    });
  }

  async #outcome(asked: Asked, whenOver: "created" | "done"): Promise<Outcome> {
    const nothing = { operation: null, key: null, plan: [] };
    if (asked.kind === "same") {
      return { ...nothing, outcome: "same", user: await this.#observed(asked.record) };
    }
    if (asked.kind === "planned") {
      const user = asked.isNew ? null : await this.#observed(asked.record);
      return { ...nothing, outcome: "planned", user, plan: asked.plan };
    }
    const { record, operation, isOver } = asked;
    if (record === undefined) return { ...nothing, outcome: "done", user: null, operation };
    if (isOver) {
      return { ...nothing, outcome: whenOver, user: await this.#observed(record), operation };
    }
    const user = viewOf(record, this.#options.settings);
    return { ...nothing, outcome: "under_way", user, operation };
  }

  async #observed(record: UserRecord): Promise<UserView> {
    const { cluster, clock, settings } = this.#options;
    return viewOf(record, settings, await conditionsOf(cluster, record, clock));
  }

  async #require(id: string): Promise<Registered> {
    const known = await this.#finding(id)();
    if (known !== undefined) return known;
    throw new ManagerError("no_such_user", "Cannot find the user: nobody has this id");
  }

  /** The raw id is compared: another one may have the same slug. */
  #finding(id: string): () => Promise<Registered | undefined> {
    const slug = slugOf(id);
    return async () => {
      const known = await this.#options.register.get(slug);
      if (known === undefined || known.record.userId === id) return known;
      throw new ManagerError(
        "name_collision",
        `Cannot use this id: another one has the same short name "${slug}"; choose another id`,
      );
    };
  }
}
