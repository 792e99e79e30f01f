/**
 * The management of users: every verb of the service, for HTTP and the command line alike. A verb
 * checks what it can, writes into the user's record what is to be done - that is what acknowledges
 * it - and has it carried out; asked again it is the same operation, not a second one.
 */
import type { Backup, Backups } from "./backups.ts";
import type { Outcome, UserList, UserView } from "./brain_manager/user_view.ts";
import type { Capabilities, Cluster } from "./cluster.ts";
import type { Clock } from "../clock.ts";
import type { Operations } from "./operations.ts";
import type { UserRecord } from "./record.ts";
import type { Register } from "./register.ts";
import type { Settings } from "./settings.ts";
import type { Tier, TierName } from "./tiers.ts";

export {
  conditionSchema,
  operationViewSchema,
  outcomeSchema,
  userListSchema,
  userViewSchema,
} from "./brain_manager/user_view.ts";
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

export class BrainManager {
  constructor(_options: BrainManagerOptions) {}

  /** `withKey`: the outcome has the brain's key, where there is one by then. */
  createUser(
    _id: string,
    _request: RequestOptions & { readonly tier: TierName; readonly withKey?: boolean | undefined },
  ): Promise<Outcome> {
    throw new Error("not yet");
  }

  /** `allowRestart` (true where left out): else it is refused where it cannot be done without. */
  upgradeUser(
    _id: string,
    _request: RequestOptions & {
      readonly tier: TierName;
      readonly allowRestart?: boolean | undefined;
    },
  ): Promise<Outcome> {
    throw new Error("not yet");
  }

  suspendUser(_id: string, _request?: RequestOptions): Promise<Outcome> {
    throw new Error("not yet");
  }

  resumeUser(_id: string, _request?: RequestOptions): Promise<Outcome> {
    throw new Error("not yet");
  }

  restartUser(_id: string, _request?: RequestOptions): Promise<Outcome> {
    throw new Error("not yet");
  }

  /** `graceSeconds` (an hour where left out, up to 7 days): how long the old key is let in. */
  rotateKey(
    _id: string,
    _request?: RequestOptions & { readonly graceSeconds?: number | undefined },
  ): Promise<Outcome> {
    throw new Error("not yet");
  }

  backupUser(
    _id: string,
    _request?: RequestOptions & { readonly method?: "export" | "snapshot" | undefined },
  ): Promise<Outcome> {
    throw new Error("not yet");
  }

  restoreUser(
    _id: string,
    _request: RequestOptions & { readonly backup: string },
  ): Promise<Outcome> {
    throw new Error("not yet");
  }

  /** `backup` is true where left out; `retainDays` 30, from 0 to 365. */
  deleteUser(
    _id: string,
    _request?: RequestOptions & {
      readonly backup?: boolean | undefined;
      readonly retainDays?: number | undefined;
    },
  ): Promise<Outcome> {
    throw new Error("not yet");
  }

  undeleteUser(_id: string, _request?: RequestOptions): Promise<Outcome> {
    throw new Error("not yet");
  }

  purgeUser(_id: string, _request?: RequestOptions): Promise<Outcome> {
    throw new Error("not yet");
  }

  /** Throws `no_such_user`, and `deleted` for one that can be brought back. */
  getUser(_id: string): Promise<UserView> {
    throw new Error("not yet");
  }

  listUsers(_request?: ListRequest): Promise<UserList> {
    throw new Error("not yet");
  }

  /** Newest first; also of a deleted user. */
  listBackups(
    _id: string,
    _signal: AbortSignal,
  ): Promise<{ readonly backups: readonly Backup[]; readonly damaged: number }> {
    throw new Error("not yet");
  }

  deleteBackup(_id: string, _backup: string, _signal: AbortSignal): Promise<void> {
    throw new Error("not yet");
  }

  tiers(): Readonly<Record<TierName, Tier>> {
    throw new Error("not yet");
  }

  capabilities(): Promise<Capabilities> {
    throw new Error("not yet");
  }
}
