/**
 * One collection, kept in line with what is held. Everything is written in the order in which it
 * was asked for; what could not be written is pending, and what nobody can know is compared.
 *
 * Promises: whatever fails, is lost, or is carried out late, the collection ends as the memories
 * that are held want it, once Qdrant can be reached for some time; while it cannot, nobody waits.
 */
import type { Clock } from "../../clock.ts";
import type { Say } from "../../log.ts";
import { VectorIndexUnavailable, type VectorsKind } from "../../vector_index.ts";
import { Alignment } from "./alignment.ts";
import { Comparison, type Found } from "./comparison.ts";
import { Connection } from "./connection.ts";
import type { Held } from "./held.ts";
import { type Need, Pending } from "./pending.ts";
import { type Points, type PointsEntry, QdrantError, type Restamped } from "./points.ts";
import { Upkeep } from "./upkeep.ts";
import { WriteQueue } from "./write_queue.ts";
import { entriesOf, idsOf, Writes } from "./writes.ts";

export interface MirrorOptions {
  readonly kind: VectorsKind;
  readonly held: Held;
  readonly points: Points;
  readonly clock: Clock;
  readonly random: () => number;
  readonly lost: (ids: readonly string[]) => void;
  /** These are there from before, and nobody has asked since that became known. */
  readonly found: (ids: readonly string[]) => void;
  readonly log: Say;
}

/** So often at most is all compared because a search found another version than is held. */
const DOUBT_MS = 10 * 60_000;

export class Mirror {
  readonly points: Points;
  readonly pending = new Pending();
  readonly connection: Connection;
  readonly #options: MirrorOptions;
  readonly #queue = new WriteQueue();
  readonly #writes: Writes;
  readonly #alignment: Alignment;
  readonly #upkeep: Upkeep;
  /** What is there from before, as the memories are that are not held yet. */
  #found = new Map<string, Found>();
  /** What was written or deleted since the comparison began that is under way. */
  #touched: Set<string> | undefined;
  /** The first attempt to connect has an outcome: who asks what is there has waited for that. */
  #isSettled = false;
  #doubtedAt = -Infinity;
  /** A comparison that has not begun yet. */
  #nextComparison: Promise<void> | undefined;

  /** Begins to connect at once: the state must be complete. */
  constructor(options: MirrorOptions) {
    const { points, clock, random, log } = options;
    this.points = points;
    this.#options = options;
    this.#upkeep = new Upkeep(clock, () => this.#look());
    this.#alignment = new Alignment({
      ...options,
      pending: this.pending,
      queue: this.#queue,
      isReachable: () => this.connection.state === "ok",
      write: (...what) => this.#writes.now(...what),
    });
    this.connection = new Connection({
      clock,
      random,
      queue: this.#queue,
      connect: async (signal) => {
        await points.ensure(signal);
        await this.#compareNow(signal);
      },
      changed: () => this.#connectionChanged(),
      log,
    });
    this.#writes = new Writes({
      ...options,
      pending: this.pending,
      queue: this.#queue,
      connection: this.connection,
      alignment: this.#alignment,
      upkeep: this.#upkeep,
      touched: () => this.#touched,
    });
  }

  /** How many points a memory has there; undefined where nobody knows. */
  chunksOf(id: string): number | undefined {
    const isSure = this.connection.state === "ok";
    const { held } = this.#options;
    return held.get(id)?.chunks ?? (isSure && !this.#found.has(id) ? 0 : undefined);
  }

  async upsert(entries: readonly PointsEntry[]): Promise<void> {
    const ids = idsOf(entries);
    for (const id of ids) this.#found.delete(id);
    await this.#writes.inTurn(ids, "entry", (some, signal, unsure) => {
      const known = entriesOf(some, entries).map((entry) => {
        return unsure.has(entry.memory.id) ? { ...entry, formerChunks: undefined } : entry;
      });
      return this.points.upsert(known, signal);
    });
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#found.delete(id);
    await this.#writes.inTurn(ids, "entry", (some, signal) => {
      return this.points.deleteMemories([...some], signal);
    });
  }

  async setFields(entries: readonly Restamped[]): Promise<void> {
    await this.#writes.inTurn(idsOf(entries), "fields", (some, signal) => {
      return this.points.setFields(entriesOf(some, entries), signal);
    });
  }

  /** Takes what is there of a memory from before; undefined where nothing is. */
  takeFound(id: string): Found | undefined {
    const found = this.#found.get(id);
    this.#found.delete(id);
    this.#touched?.add(id);
    return found;
  }

  /** What is there of this memory is not right. */
  open(id: string, need: Need): void {
    this.pending.add(id, need);
    this.#alignment.start();
  }

  /** Compares, and brings all in line. Throws `VectorIndexUnavailable`. */
  async converge(): Promise<void> {
    if (this.connection.state !== "ok") await this.connection.tryNow();
    else {
      try {
        await this.#compare();
      } catch (error) {
        const message = error instanceof QdrantError ? error.message : "Cannot compare with Qdrant";
        throw new VectorIndexUnavailable(message, { cause: error });
      }
    }
    if (this.connection.state !== "ok") {
      throw new VectorIndexUnavailable(this.connection.detail ?? "Cannot compare with Qdrant");
    }
    if (await this.#alignment.finish()) return;
    throw new VectorIndexUnavailable("Cannot bring Qdrant in line: it did not take all of it");
  }

  /** How many memories it may not hold as they are now. */
  get unwritten(): number {
    const underWay = [...this.#writes.underWay].filter((id) => this.pending.get(id) === undefined);
    return this.pending.size + underWay.length;
  }

  /** Whether it takes no writes, and for too long that what it lacks is not missed. */
  get isBehind(): boolean {
    return this.#writes.isLong && this.unwritten > 0;
  }

  /** A search found other versions of these than are held: where no write is to come that mends it,
   * all is compared, but not time and again. */
  doubt(ids: readonly string[]): void {
    const now = this.#options.clock.now();
    if (ids.length === 0 || now - this.#doubtedAt < DOUBT_MS) return;
    const { underWay } = this.#writes;
    const isOpen = (id: string) => this.pending.get(id) !== undefined || underWay.has(id);
    if (ids.every(isOpen)) return;
    this.#doubtedAt = now;
    this.#upkeep.unsure();
  }

  /** A search found fewer than there should be. */
  suspect(): void {
    this.#upkeep.soon();
  }

  /** Ends once what is under way is done: what is held is not this collection's any more. */
  async leave(): Promise<void> {
    this.#alignment.stop();
    this.#upkeep.stop();
    await this.#queue.drained();
    await this.close();
  }

  async close(): Promise<void> {
    this.connection.close();
    this.#alignment.stop();
    this.#upkeep.stop();
    await this.#queue.drained();
    this.#found.clear();
  }

  /** In turn; whoever asks before it begins shares it. Throws what `Points` throws. */
  #compare(): Promise<void> {
    return this.#nextComparison ??= this.#queue.inTurn(async () => {
      this.#nextComparison = undefined;
      if (this.connection.state !== "ok") return;
      try {
        await this.#compareNow(this.connection.inUse);
        this.connection.succeeded();
        this.#tellFound();
      } catch (error) {
        this.#upkeep.soon();
        this.connection.failed(error);
        throw error;
      } finally {
        this.#touched = undefined;
      }
    });
  }

  async #compareNow(signal: AbortSignal): Promise<void> {
    const beganAt = this.#options.clock.now();
    const touched = this.#touched = new Set();
    const comparison = new Comparison({ ...this.#options, pending: this.pending, touched });
    this.#found = await comparison.run(signal);
    for (const id of touched) this.#found.delete(id);
    this.#upkeep.compared(beganAt);
  }

  #connectionChanged(): void {
    // Not before: until the connection is there, nothing is written, and what changes is noted.
    this.#touched = undefined;
    this.#writes.restart();
    if (this.connection.state === "ok") {
      this.#alignment.restart();
      if (this.#isSettled) this.#tellFound();
    } else this.#found.clear();
    this.#isSettled = true;
  }

  #tellFound(): void {
    if (this.#found.size > 0) this.#options.found([...this.#found.keys()]);
  }

  /** Whether Qdrant still holds what it should: counted, or compared where that tells too little. */
  async #look(): Promise<void> {
    if (this.connection.state !== "ok") return;
    try {
      if (this.#upkeep.isUnsure || !await this.#isCounted()) await this.#compare();
    } catch {
      // Whoever asked Qdrant has told the connection.
    } finally {
      if (this.connection.state === "ok") this.#alignment.start();
    }
  }

  /** True also where it cannot be told now, and is looked at again soon. */
  async #isCounted(): Promise<boolean> {
    const { held } = this.#options;
    const { changes } = held;
    try {
      const stored = await this.#queue.inTurn(() => this.points.countPoints(this.connection.inUse));
      if (changes === held.changes && this.pending.size === 0) {
        let expected = held.points;
        for (const { chunks } of this.#found.values()) expected += chunks;
        return stored === expected;
      }
      this.#upkeep.soon();
    } catch (error) {
      this.connection.failed(error);
    }
    return true;
  }
}
