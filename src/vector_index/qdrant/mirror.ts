/**
 * One collection, kept in line with what is held. Everything is written in the order in which it
 * was asked for; what could not be written is pending, and what nobody can know is compared.
 *
 * Promises: whatever fails, is lost, or is carried out late, the collection ends as the memories
 * that are held want it, once Qdrant can be reached for some time; while it cannot, nobody waits.
 */
import type { Clock } from "../../clock.ts";
import { VectorIndexUnavailable, type VectorsKind } from "../../vector_index.ts";
import { Alignment } from "./alignment.ts";
import { Comparison, type Found } from "./comparison.ts";
import { Connection } from "./connection.ts";
import type { Held } from "./held.ts";
import { type Need, Pending } from "./pending.ts";
import { type Points, type PointsEntry, QdrantError, type Restamped } from "./points.ts";
import { Upkeep } from "./upkeep.ts";
import { WriteQueue } from "./write_queue.ts";

export interface MirrorOptions {
  readonly kind: VectorsKind;
  readonly held: Held;
  readonly points: Points;
  readonly clock: Clock;
  readonly random: () => number;
  readonly lost: (ids: readonly string[]) => void;
  readonly log: (message: string) => void;
}

export class Mirror {
  readonly points: Points;
  readonly pending = new Pending();
  readonly connection: Connection;
  readonly #options: MirrorOptions;
  readonly #queue = new WriteQueue();
  readonly #alignment: Alignment;
  readonly #upkeep: Upkeep;
  /** What is there from before, as the memories are that are not held yet. */
  #found = new Map<string, Found>();
  /** What was written or deleted since the comparison began that is under way. */
  #touched: Set<string> | undefined;
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
      write: (...what) => this.#writeNow(...what),
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
    await this.#write(ids, "entry", (signal, unsure) => {
      const known = entries.map((entry) => {
        return unsure.has(entry.memory.id) ? { ...entry, formerChunks: undefined } : entry;
      });
      return this.points.upsert(known, signal);
    });
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#found.delete(id);
    await this.#write(ids, "entry", (signal) => this.points.deleteMemories(ids, signal));
  }

  async setFields(entries: readonly Restamped[]): Promise<void> {
    await this.#write(idsOf(entries), "fields", (signal) => this.points.setFields(entries, signal));
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

  async #write(
    ids: readonly string[],
    need: Need,
    send: (signal: AbortSignal, unsure: ReadonlySet<string>) => Promise<void>,
  ): Promise<void> {
    for (const id of ids) this.#touched?.add(id);
    if (this.connection.state === "unavailable") return this.#leave(ids, need);
    await this.#queue.inTurn(() => this.#writeNow(ids, need, send));
  }

  /** To be called in turn. */
  async #writeNow(
    ids: readonly string[],
    need: Need,
    send: (signal: AbortSignal, unsure: ReadonlySet<string>) => Promise<void>,
  ): Promise<boolean> {
    if (ids.length === 0) return true;
    if (this.connection.state !== "ok") {
      this.#leave(ids, need);
      return false;
    }
    const unsure = new Set(ids.filter((id) => this.pending.get(id) === "entry"));
    // Before the write: what fails meanwhile is seen after it.
    if (need === "entry") { for (const id of ids) this.pending.delete(id); }
    try {
      await send(this.connection.closing, unsure);
      this.connection.succeeded();
      return true;
    } catch (error) {
      this.#leave(ids, need);
      if (this.connection.closing.aborted) return false;
      // Else it was refused, and is not carried out late.
      if (!(error instanceof QdrantError) || !error.isFinal) this.#upkeep.unsure();
      this.#alignment.later();
      this.connection.writeFailed(error);
      return false;
    }
  }

  /** Not written: what is held is sent later. Of what is not held, a comparison that is to come
   * tells; else it must be removed later. */
  #leave(ids: readonly string[], need: Need): void {
    const isCompared = this.connection.state !== "ok" && this.#touched === undefined;
    for (const id of ids) {
      if (!isCompared || this.#options.held.has(id)) this.pending.add(id, need);
      else this.pending.delete(id);
    }
  }

  /** In turn; whoever asks before it begins shares it. Throws what `Points` throws. */
  #compare(): Promise<void> {
    return this.#nextComparison ??= this.#queue.inTurn(async () => {
      this.#nextComparison = undefined;
      if (this.connection.state !== "ok") return;
      try {
        await this.#compareNow(this.connection.closing);
        this.connection.succeeded();
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
    if (this.connection.state === "ok") this.#alignment.restart();
    else this.#found.clear();
  }

  /** Whether Qdrant still holds what it should: counted, or compared where that tells too little. */
  async #look(): Promise<void> {
    const { held } = this.#options;
    if (this.connection.state !== "ok") return;
    try {
      if (this.#upkeep.isUnsure) return await this.#compare();
      const { changes } = held;
      const stored = await this.#queue.inTurn(() =>
        this.points.countPoints(this.connection.closing)
      );
      if (changes !== held.changes || this.pending.size > 0) return this.#upkeep.soon();
      let expected = held.points;
      for (const { chunks } of this.#found.values()) expected += chunks;
      if (stored !== expected) await this.#compare();
    } catch (error) {
      this.connection.failed(error);
    } finally {
      if (this.connection.state === "ok") this.#alignment.start();
    }
  }
}

function idsOf(entries: readonly Restamped[]): string[] {
  return entries.map(({ memory }) => memory.id);
}
