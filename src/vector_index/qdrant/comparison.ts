/**
 * What Qdrant has, held against what it should have. Run in the queue's turn, so that no write
 * falls into it; but what should be there may change all the while.
 *
 * Promises: once it is over, no point is there that is not right, and what lacks is pending. A
 * memory that was written or deleted meanwhile is left to that write.
 */
import type { Memory } from "../../memory.ts";
import { Pace } from "../../pace.ts";
import type { VectorsKind } from "../../vector_index.ts";
import type { Held, HeldMemory } from "./held.ts";
import { stampOf } from "./payload.ts";
import type { Pending } from "./pending.ts";
import { pointId } from "./point_id.ts";
import type { Points, StoredPoint } from "./points.ts";

/** What is there of a memory that is not held yet. */
export interface Found extends HeldMemory {
  /** The hashes are this memory's. */
  readonly memory: Memory;
  /** Whether it is there with other fields. */
  readonly isRestamped: boolean;
}

export interface ComparisonOptions {
  readonly kind: VectorsKind;
  readonly held: Held;
  readonly pending: Pending;
  readonly points: Points;
  /** Memories that were written or deleted since it began. */
  readonly touched: ReadonlySet<string>;
}

export class Comparison {
  readonly #options: ComparisonOptions;
  readonly #pace = new Pace();
  readonly #found = new Map<string, Found>();
  /** How many of its points were seen. */
  readonly #seen = new Map<HeldMemory, number>();
  /** Their points have other fields. */
  readonly #restamped = new Set<HeldMemory>();

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** Returns what is there of memories that are not held. Throws what `Points` throws: then some of
   * what is not right may be gone, and nothing else has changed. */
  async run(signal: AbortSignal): Promise<Map<string, Found>> {
    const { points } = this.#options;
    for await (const page of points.scroll(signal)) {
      const wrong: string[] = [];
      for (const point of page) {
        if (!this.#isRight(point)) wrong.push(point.point);
        await this.#breathe();
      }
      if (wrong.length > 0) await points.deletePoints(wrong, signal);
    }
    signal.throwIfAborted();
    await this.#judgeHeld();
    await this.#judgeFound();
    return this.#found;
  }

  #isRight(point: StoredPoint): boolean {
    const { memoryId, chunk, chunks, contentHash, fieldsHash } = point;
    const wanted = this.#options.held.get(memoryId) ?? this.#foundOf(point);
    if (wanted === undefined || wanted.contentHash !== contentHash) return false;
    if (wanted.chunks !== chunks || chunk >= chunks) return false;
    if (point.point !== pointId(this.#options.points.brain, memoryId, chunk)) return false;
    this.#seen.set(wanted, (this.#seen.get(wanted) ?? 0) + 1);
    if (wanted.fieldsHash !== fieldsHash) this.#restamped.add(wanted);
    return true;
  }

  /** The state alone tells of a memory that is not held whether its point may stay. */
  #foundOf({ memoryId, chunks, contentHash }: StoredPoint): Found | undefined {
    const known = this.#found.get(memoryId);
    if (known !== undefined) return known;
    const { memory: memoryOf, sourceOf, model } = this.#options.kind;
    const memory = memoryOf(memoryId);
    if (memory === undefined) return undefined;
    const source = sourceOf(memory);
    const stamp = stampOf(memory, source, model);
    if (stamp.contentHash !== contentHash) return undefined;
    const found = { ...stamp, chunks, source, memory, isRestamped: false };
    this.#found.set(memoryId, found);
    return found;
  }

  async #judgeHeld(): Promise<void> {
    const { held, pending, touched } = this.#options;
    for (const id of [...pending.ids()]) {
      if (!touched.has(id)) pending.delete(id);
    }
    for (const [id, memory] of held.entries()) {
      await this.#breathe();
      if (touched.has(id)) continue;
      if (!this.#isWhole(memory)) pending.add(id, "entry");
      else if (this.#restamped.has(memory)) pending.add(id, "fields");
    }
  }

  async #judgeFound(): Promise<void> {
    const { held, pending, touched } = this.#options;
    for (const [id, found] of this.#found) {
      await this.#breathe();
      if (touched.has(id) || held.has(id)) this.#found.delete(id);
      else if (!this.#isWhole(found)) {
        this.#found.delete(id);
        pending.add(id, "entry");
      } else if (this.#restamped.has(found)) this.#found.set(id, { ...found, isRestamped: true });
    }
  }

  #isWhole(memory: HeldMemory): boolean {
    return this.#seen.get(memory) === memory.chunks;
  }

  async #breathe(): Promise<void> {
    if (this.#pace.due) await this.#pace.breathe();
  }
}
