/**
 * Brings what is pending in line, some at a time: what is held is sent again with vectors from
 * where they are kept, what is not is removed. What Qdrant does not take is tried again later.
 */
import { Backoff } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Pace } from "../../pace.ts";
import type { Source, VectorsKind } from "../../vector_index.ts";
import type { Held, HeldMemory } from "./held.ts";
import { stampOf } from "./payload.ts";
import type { Need, Pending } from "./pending.ts";
import type { Points, PointsEntry, Restamped } from "./points.ts";
import type { WriteQueue } from "./write_queue.ts";
import { entriesOf, idsOf, type Send } from "./writes.ts";

/** Their vectors are in memory together. */
const AT_ONCE = 64;
const WAITS = { firstMs: 1_000, lastMs: 30_000 } as const;

export interface AlignmentOptions {
  readonly kind: VectorsKind;
  readonly held: Held;
  readonly pending: Pending;
  readonly points: Points;
  readonly queue: WriteQueue;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether Qdrant can be asked now. */
  readonly isReachable: () => boolean;
  /** Writes; false where it failed, and these memories are pending again, as is what is rejected. */
  readonly write: (ids: readonly string[], need: Need, send: Send) => Promise<boolean>;
  /** The vectors of these were not to be had, so they are not held any more. */
  readonly lost: (ids: readonly string[]) => void;
  readonly log: (message: string) => void;
}

/** A memory that is held, as it is to be there. */
interface Wanted extends Restamped {
  readonly source: Source;
  /** As it was looked at. */
  readonly entry: HeldMemory;
}

interface Batch {
  readonly entries: Wanted[];
  readonly fields: Wanted[];
  readonly gone: string[];
}

export class Alignment {
  readonly #options: AlignmentOptions;
  readonly #backoff: Backoff;
  #running: Promise<boolean> | undefined;
  #isStopped = false;

  constructor(options: AlignmentOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, options.random, () => this.start(), WAITS);
  }

  start(): void {
    if (!this.#backoff.waiting) void this.#run();
  }

  /** Qdrant is there again: what went before does not count. */
  restart(): void {
    this.#backoff.reset();
    this.start();
  }

  /** A write failed: what is pending waits for a better time. */
  later(): void {
    if (!this.#isStopped) this.#backoff.failed();
  }

  /** Whether all that was pending is in line. */
  async finish(): Promise<boolean> {
    this.#backoff.stop();
    return await this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#backoff.stop();
  }

  #run(): Promise<boolean> {
    return this.#running ??= Promise.resolve().then(() => this.#all());
  }

  async #all(): Promise<boolean> {
    const { pending, queue, isReachable, log } = this.#options;
    try {
      while (pending.size > 0) {
        if (this.#isStopped || !isReachable()) return false;
        if (!await queue.inTurn(() => this.#someOf(pending.first(AT_ONCE)))) {
          if (!this.#backoff.waiting) this.later();
          return false;
        }
      }
      this.#backoff.reset();
      return true;
    } catch (error) {
      const what = error instanceof Error ? error.name : "unknown";
      log(`Qdrant is not brought in line: ${what}, to be tried again`);
      this.later();
      return false;
    } finally {
      // At once: what becomes pending from now on must not be left to this one.
      this.#running = undefined;
    }
  }

  /** Where it throws, all is pending as before. */
  async #someOf(ids: readonly string[]): Promise<boolean> {
    const { pending } = this.#options;
    const needs = ids.map((id) => [id, pending.get(id) ?? "entry"] as const);
    try {
      return await this.#some(ids);
    } catch (error) {
      for (const [id, need] of needs) pending.add(id, need);
      throw error;
    }
  }

  /** False where nothing came of it. */
  async #some(ids: readonly string[]): Promise<boolean> {
    const { points, pending, isReachable, write, lost } = this.#options;
    if (this.#isStopped || !isReachable()) return false;
    const { entries, fields, gone } = await this.#batch(ids);
    const { sent, unheld } = await this.#withVectors(entries);
    for (const wanted of fields) this.#hold(wanted, wanted.entry.chunks);
    const removed = [...gone, ...unheld];
    const parts = [
      await write(idsOf(sent), "entry", (some, signal) => {
        return points.upsert(entriesOf(some, sent), signal);
      }),
      await write(idsOf(fields), "fields", (some, signal) => {
        return points.setFields(entriesOf(some, fields), signal);
      }),
      await write(removed, "entry", (some, signal) => points.deleteMemories([...some], signal)),
    ];
    if (unheld.length > 0) lost(unheld);
    return parts.every(Boolean) && ids.some((id) => pending.get(id) === undefined);
  }

  /** What is to be done for these, which are not pending any more. */
  async #batch(ids: readonly string[]): Promise<Batch> {
    const { held, pending } = this.#options;
    const batch: Batch = { entries: [], fields: [], gone: [] };
    const pace = new Pace();
    for (const id of ids) {
      if (pace.due) await pace.breathe();
      const need = pending.get(id);
      pending.delete(id);
      const entry = held.get(id);
      if (need === undefined) continue;
      if (entry === undefined) {
        batch.gone.push(id);
        continue;
      }
      const wanted = this.#wanted(id, entry);
      // Edited or deleted just now: the indexer is about to say so.
      if (wanted === undefined) pending.add(id, need);
      else batch[need === "entry" ? "entries" : "fields"].push(wanted);
    }
    return batch;
  }

  /** Undefined where the state does not have the memory as it is held. */
  #wanted(id: string, entry: HeldMemory): Wanted | undefined {
    const { memory: memoryOf, sourceOf, model } = this.#options.kind;
    const memory = memoryOf(id);
    if (memory === undefined) return undefined;
    const source = sourceOf(memory);
    const stamp = stampOf(memory, source, model);
    return stamp.contentHash === entry.contentHash ? { memory, source, stamp, entry } : undefined;
  }

  /** What can be sent, and the memories whose vectors are not to be had, which are not held then. */
  async #withVectors(
    entries: readonly Wanted[],
  ): Promise<{ readonly sent: PointsEntry[]; readonly unheld: string[] }> {
    const { kind, held, pending, points } = this.#options;
    const sent: PointsEntry[] = [];
    const unheld: string[] = [];
    const current = entries.filter(({ memory, source }) => {
      const { id } = memory;
      // The vectors come from what the state has at this moment.
      const isCurrent = kind.memory(id) === memory && kind.sourceOf(memory) === source;
      if (!isCurrent) pending.add(id, "entry");
      return isCurrent;
    });
    if (current.length === 0) return { sent, unheld };
    const found = await kind.allVectors(idsOf(current));
    for (const [at, wanted] of current.entries()) {
      const { memory, stamp, entry } = wanted;
      const vectors = found[at] ?? [];
      // Written or deleted meanwhile: that is behind this in the queue, or pending by now.
      if (held.get(memory.id) !== entry) continue;
      if (vectors.length > 0 && vectors.every(({ length }) => length === points.length)) {
        this.#hold(wanted, vectors.length);
        sent.push({ memory, stamp, vectors, formerChunks: undefined });
      } else {
        held.delete(memory.id);
        unheld.push(memory.id);
      }
    }
    return { sent, unheld };
  }

  #hold({ memory, source, stamp, entry }: Wanted, chunks: number): void {
    const { held } = this.#options;
    if (held.get(memory.id) === entry) held.set(memory.id, { ...stamp, chunks, source });
  }
}
