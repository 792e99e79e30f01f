/**
 * Holding an operation: the lease in its record, and every write to that record, by compare-and-set.
 *
 * It is taken over from one who does not renew it any more (see `Sightings`). That is told by clocks,
 * and clocks jump, and programs sleep; so two may believe that they hold one for a while. What guards
 * then: the first write to the record by either makes the other's next one fail, and its work ends
 * there. What remains possible is one call to the cluster by the one who lost it, begun before. It is
 * harmless: both run the same steps, which may be run twice; and what a late call puts back of an
 * operation that has ended meanwhile differs from what the record wants, which the reconciler
 * repairs. Data is safe from it in any case, since deletions name a uid, and a volume is set to be
 * kept before anything that leads to it goes.
 */
import type { Clock } from "../../clock.ts";
import { Locks } from "../../locks.ts";
import { ClusterError } from "../cluster.ts";
import type { Operation, UserRecord } from "../record.ts";
import type { Register, Registered } from "../register.ts";
import { LEASE_MS, type Sightings } from "./sightings.ts";

/** With less than this left it is renewed before anything is written. */
const RENEW_BELOW_MS = 15_000;
const HEARTBEAT_MS = 10_000;
const MOST_CONFLICTS = 20;

/** Somebody else runs the operation by now, or it is over. Nothing was done wrong. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface TenureOptions {
  readonly register: Register;
  readonly clock: Clock;
  readonly holder: string;
  readonly sightings: Sightings;
}

export class Tenure {
  readonly #options: TenureOptions;
  readonly #operationId: string;
  /** One write at a time. */
  readonly #locks = new Locks();
  readonly #lost = new AbortController();
  #known: Registered;
  #isRemoved = false;

  private constructor(options: TenureOptions, known: Registered, operationId: string) {
    this.#options = options;
    this.#known = known;
    this.#operationId = operationId;
  }

  /** Undefined where nothing is under way, or others hold it. */
  static async take(options: TenureOptions, slug: string): Promise<Tenure | undefined> {
    const { register, sightings } = options;
    for (let tries = 0; tries < MOST_CONFLICTS; tries++) {
      const known = await register.get(slug);
      const operation = known?.record.operation;
      if (known === undefined || operation === null || operation === undefined) {
        sightings.forget(slug);
        return undefined;
      }
      if (sightings.leftMs(known.record) > 0) return undefined;
      const tenure = new Tenure(options, known, operation.id);
      try {
        tenure.#known = await register.replace(known, tenure.#renewed(known.record));
        return tenure;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    return undefined;
  }

  get record(): UserRecord {
    return this.#known.record;
  }

  /** True once the operation has ended, and with it the tenure. */
  get isOver(): boolean {
    return this.#isRemoved || this.#known.record.operation === null;
  }

  get operation(): Operation {
    const { operation } = this.#known.record;
    if (operation === null) throw new LeaseLost("The operation is over");
    return operation;
  }

  /** Aborted once the operation is known to be another's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async update(change: (record: UserRecord) => UserRecord): Promise<UserRecord> {
    return await this.#write((record) => {
      const wanted = change(record);
      return JSON.stringify(wanted) === JSON.stringify(record) ? undefined : this.#renewed(wanted);
    });
  }

  /** `change` gives undefined where nothing is to be written. */
  async #write(change: (record: UserRecord) => UserRecord | undefined): Promise<UserRecord> {
    return await this.#locks.run("", async () => {
      for (let tries = 0; tries < MOST_CONFLICTS; tries++) {
        const wanted = change(this.#known.record);
        if (wanted === undefined) return this.#known.record;
        try {
          this.#known = await this.#options.register.replace(this.#known, wanted);
          return this.#known.record;
        } catch (error) {
          if (isMissing(error)) throw this.#lose();
          if (!isConflict(error)) throw error;
          await this.#readAgain();
        }
      }
      throw new ClusterError("unavailable", 0, "Conflict", "the record is written too often");
    });
  }

  /** Before anything is written to the cluster: that nobody else may do so meanwhile. */
  async ensure(): Promise<void> {
    this.#lost.signal.throwIfAborted();
    if (this.#leftMs() < RENEW_BELOW_MS) await this.#renew();
  }

  /** Looks whether it is still ours: it may have been cut off by another verb. */
  async check(): Promise<void> {
    try {
      await this.#locks.run("", () => this.#readAgain());
    } catch {
      // It is lost, which `lost` tells; or the cluster is away, which the next write will see.
    }
  }

  /** The record goes, and with it the operation. */
  async remove(): Promise<void> {
    await this.#locks.run("", async () => {
      await this.#readAgain();
      await this.#options.register.remove(this.#known);
      this.#isRemoved = true;
    });
  }

  /** Keeps the lease while `work` runs, however long it takes. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    let renewing = Promise.resolve();
    const beat = () => {
      if (isOver) return;
      renewing = this.#heartbeat();
      timer = this.#options.clock.after(HEARTBEAT_MS, beat);
    };
    let timer = this.#options.clock.after(HEARTBEAT_MS, beat);
    try {
      return await work();
    } finally {
      isOver = true;
      timer.cancel();
      await renewing;
    }
  }

  /** Lets others go on at once. */
  async release(): Promise<void> {
    await this.#write((record) => this.#with(record, null));
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.#renew();
    } catch (error) {
      // Nobody else has it before it ran out: until then, what runs may go on.
      if (error instanceof LeaseLost || this.#leftMs() > 0) return;
      this.#lose();
    }
  }

  async #renew(): Promise<void> {
    await this.#write((record) => this.isOver ? undefined : this.#renewed(record));
  }

  /** Throws `LeaseLost` where it is not ours any more. */
  async #readAgain(): Promise<void> {
    const { register, holder } = this.#options;
    const known = await register.get(this.#known.record.slug);
    const operation = known?.record.operation;
    const isOurs = operation?.id === this.#operationId && operation.lease?.holder === holder;
    if (known === undefined || !isOurs) throw this.#lose();
    this.#known = known;
  }

  #lose(): LeaseLost {
    const lost = new LeaseLost("Another one runs the operation");
    this.#lost.abort(lost);
    return lost;
  }

  #leftMs(): number {
    const lease = this.record.operation?.lease;
    return lease === null || lease === undefined
      ? 0
      : Date.parse(lease.until) - this.#options.clock.now();
  }

  #renewed(record: UserRecord): UserRecord {
    const { holder, clock } = this.#options;
    const until = new Date(clock.now() + LEASE_MS).toISOString();
    return this.#with(record, { holder, until });
  }

  #with(record: UserRecord, lease: Operation["lease"]): UserRecord {
    const { operation } = record;
    return operation === null ? record : { ...record, operation: { ...operation, lease } };
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ClusterError && error.fault === "conflict";
}

function isMissing(error: unknown): boolean {
  return error instanceof ClusterError && error.fault === "not_found";
}
