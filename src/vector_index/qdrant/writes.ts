/**
 * Writes to a collection in the order in which they were asked for. What could not be written is
 * pending.
 *
 * Promises: nobody waits for long; what is rejected costs no other memory its place; and a write
 * that waited too long for its turn is not made later, when something newer may be there.
 */
import type { Clock } from "../../clock.ts";
import type { Connection } from "./connection.ts";
import type { Held } from "./held.ts";
import { Lag } from "./lag.ts";
import type { Need, Pending } from "./pending.ts";
import { QdrantError, type Restamped } from "./points.ts";
import type { Upkeep } from "./upkeep.ts";
import type { WriteQueue } from "./write_queue.ts";

/** Nobody waits longer for a write; until one succeeds again, what changes is pending at once. */
const PATIENCE_MS = 2_000;

export interface WritesOptions {
  readonly held: Held;
  readonly pending: Pending;
  readonly queue: WriteQueue;
  readonly connection: Connection;
  /** What brings in line what is pending: now, or some time after a failure. */
  readonly alignment: { start(): void; later(): void };
  readonly upkeep: Upkeep;
  readonly clock: Clock;
  /** What was written or deleted since the comparison began that is under way. */
  readonly touched: () => Set<string> | undefined;
}

/** Writes some of the memories that a write is for; those that are `unsure` may be there in any
 * way. */
export type Send = (
  ids: ReadonlySet<string>,
  signal: AbortSignal,
  unsure: ReadonlySet<string>,
) => Promise<void>;

export class Writes {
  readonly #options: WritesOptions;
  readonly #lag: Lag;
  /** Put off since the write began that has its turn. */
  readonly #newer = new Set<string>();
  #isStuck = false;

  constructor(options: WritesOptions) {
    this.#options = options;
    this.#lag = new Lag(options.clock);
  }

  /** Memories of which a write is not over. */
  get underWay(): ReadonlySet<string> {
    return this.#lag.ids();
  }

  /** Whether nothing is written, and for too long that it is not missed. */
  get isLong(): boolean {
    return this.#lag.isLong;
  }

  /** Qdrant is there again, or is not any more. */
  restart(): void {
    this.#isStuck = false;
  }

  async inTurn(ids: readonly string[], need: Need, send: Send): Promise<void> {
    const { connection, clock, queue } = this.#options;
    const touched = this.#options.touched();
    for (const id of ids) touched?.add(id);
    if (ids.length === 0) return;
    if (connection.state === "unavailable") return this.#leave(ids, need);
    this.#lag.began();
    if (this.#isStuck) return this.#putOff(ids, need);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const turn = { hasBegun: false, isMissed: false };
    const timer = clock.after(PATIENCE_MS, () => {
      this.#isStuck = true;
      turn.isMissed = !turn.hasBegun;
      if (turn.isMissed) this.#putOff(ids, need);
      resolve();
    });
    const written = queue.inTurn(async () => {
      if (turn.isMissed) return;
      turn.hasBegun = true;
      await this.now(ids, need, send);
    });
    await this.#lag.during(ids, () => Promise.race([written, late])).finally(() => timer.cancel());
  }

  /** To be called in turn. False where Qdrant cannot be written to; what it rejects is pending. */
  async now(ids: readonly string[], need: Need, send: Send): Promise<boolean> {
    this.#newer.clear();
    return await this.#send(ids, need, send);
  }

  async #send(ids: readonly string[], need: Need, send: Send): Promise<boolean> {
    const { connection, pending } = this.#options;
    if (ids.length === 0) return true;
    if (connection.state !== "ok") {
      this.#leave(ids, need);
      return false;
    }
    const unsure = new Set(ids.filter((id) => pending.get(id) === "entry"));
    // Before the write: what fails meanwhile is seen after it.
    if (need === "entry") { for (const id of ids) pending.delete(id); }
    this.#lag.began();
    try {
      await this.#lag.during(ids, () => send(new Set(ids), connection.inUse, unsure));
      this.#answered(ids);
      return true;
    } catch (error) {
      this.#leave(ids, need);
      if (connection.closing.aborted) return false;
      return await this.#failed(error, ids, need, send);
    }
  }

  async #failed(
    error: unknown,
    ids: readonly string[],
    need: Need,
    send: Send,
  ): Promise<boolean> {
    const { connection, alignment, upkeep } = this.#options;
    if (error instanceof QdrantError && error.fault === "rejected") {
      this.#answered(ids);
      if (ids.length > 1) return await this.#halves(ids, need, send);
      alignment.later();
      return true;
    }
    // Else it was refused, and is not carried out late.
    if (!(error instanceof QdrantError) || !error.isFinal) upkeep.unsure();
    alignment.later();
    connection.writeFailed(error);
    return false;
  }

  /** What is wrong with one of them must not be to the harm of the others. */
  async #halves(ids: readonly string[], need: Need, send: Send): Promise<boolean> {
    const half = Math.ceil(ids.length / 2);
    const isFirst = await this.#send(ids.slice(0, half), need, send);
    const rest = ids.slice(half).filter((id) => !this.#newer.has(id));
    return await this.#send(rest, need, send) && isFirst;
  }

  #answered(ids: readonly string[]): void {
    const { connection, held, pending } = this.#options;
    this.#isStuck = false;
    connection.succeeded();
    // With a full disk Qdrant deletes all the same.
    const isAll = pending.size === 0;
    if (isAll || ids.some((id) => held.has(id))) this.#lag.ended(isAll);
  }

  #putOff(ids: readonly string[], need: Need): void {
    for (const id of ids) this.#newer.add(id);
    this.#leave(ids, need);
    this.#options.alignment.start();
  }

  /** Not written: what is held is sent later. Of what is not held, a comparison that is to come
   * tells; else it must be removed later. */
  #leave(ids: readonly string[], need: Need): void {
    const { connection, held, pending } = this.#options;
    const isCompared = connection.state !== "ok" && this.#options.touched() === undefined;
    for (const id of ids) {
      if (!isCompared || held.has(id)) pending.add(id, need);
      else pending.delete(id);
    }
  }
}

export function idsOf(entries: readonly Restamped[]): string[] {
  return entries.map(({ memory }) => memory.id);
}

export function entriesOf<T extends Restamped>(
  ids: ReadonlySet<string>,
  entries: readonly T[],
): readonly T[] {
  return entries.filter(({ memory }) => ids.has(memory.id));
}
