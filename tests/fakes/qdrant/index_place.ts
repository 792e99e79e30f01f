/** An index in a Qdrant that is a Map, with a state around it and time turned by hand. */
import assert from "node:assert/strict";
import type { Memory } from "../../../src/memory.ts";
import { VectorIndexUnavailable, type VectorResult } from "../../../src/vector_index.ts";
import { QdrantVectorIndex } from "../../../src/vector_index/qdrant.ts";
import { stampOf } from "../../../src/vector_index/qdrant/payload.ts";
import { pointId } from "../../../src/vector_index/qdrant/point_id.ts";
import { QdrantError, type QdrantFault } from "../../../src/vector_index/qdrant/points.ts";
import { noted } from "../../noted.ts";
import { FloatScan } from "../float_scan.ts";
import { drain, FakeClock } from "../indexing.ts";
import { idOf } from "../store_kit.ts";
import {
  type Call,
  type CollectionInMemory,
  type Plan,
  PointsInMemory,
} from "./points_in_memory.ts";

export const MINUTE_MS = 60_000;
const MODEL = "model-1";
export const LENGTH = 4;

export interface PlaceOptions {
  readonly random?: () => number;
  readonly pageSize?: number;
}

/** A point as it is told apart: whose, which of how many, made from what, with which fields. */
type Print = readonly [string, ...unknown[]];

export class QdrantPlace {
  /** Survives the process, as the state does. */
  readonly stored: CollectionInMemory = new Map();
  readonly state = new Map<string, Memory>();
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  /** Memories that the index said were lost. */
  readonly lost: string[] = [];
  /** Memories that the index said it has from before. */
  readonly found: string[] = [];
  /** Texts whose vectors are remembered nowhere. */
  readonly forgotten = new Set<string>();
  /** Texts whose vectors are remembered with another length. */
  readonly odd = new Set<string>();
  /** What happens while vectors are read. */
  reading: () => Promise<void> = () => Promise.resolve();
  /** How often vectors were read from where they are kept, by memory. */
  readonly read: string[] = [];
  /** What becomes of each call. */
  plan: (call: Call) => Plan | undefined = () => undefined;
  length: number | undefined = LENGTH;
  index: QdrantVectorIndex;
  points: PointsInMemory[] = [];
  readonly #random: () => number;
  readonly #pageSize: number;

  constructor({ random = () => 0.5, pageSize = 1_000 }: PlaceOptions = {}) {
    this.#random = random;
    this.#pageSize = pageSize;
    this.index = this.#newIndex();
  }

  #newIndex(): QdrantVectorIndex {
    const allVectors = async (ids: readonly string[]) => {
      this.read.push(...ids);
      const memories = ids.map((id) => this.state.get(id));
      await this.reading();
      return memories.map((memory) => {
        if (memory === undefined || this.forgotten.has(memory.content)) return undefined;
        return this.odd.has(memory.content) ? [Float32Array.of(1)] : vectorsOf(memory);
      });
    };
    const index = new QdrantVectorIndex({
      kind: {
        fullVectors: allVectors,
        allVectors,
        memory: (id) => this.state.get(id),
        sourceOf: ({ content, embedding }) => embedding ?? content,
        model: MODEL,
        length: () => this.length,
        isFormer: false,
      },
      newPoints: (length) => {
        const points = new PointsInMemory({
          length,
          collection: this.stored,
          pageSize: this.#pageSize,
          plan: (call) => this.plan(call),
        });
        this.points.push(points);
        return points;
      },
      clock: this.clock,
      random: this.#random,
      log: (message, level = "warn") => this.logged.push(`${level}: ${message}`),
    });
    index.elsewhere.whenLost((ids) => this.lost.push(...ids));
    index.elsewhere.whenFound((ids) => this.found.push(...ids));
    return index;
  }

  /** As another process on the same state and the same Qdrant; the former one is over. */
  async restart(): Promise<void> {
    await this.index.elsewhere.close();
    assert.equal(this.clock.waiting, 0, "a timer outlived the index");
    this.index = this.#newIndex();
  }

  /** What the indexer does at its start. */
  async adopt(): Promise<string[]> {
    const adopting = this.index.elsewhere.adopt([...this.state.values()]);
    await this.clock.until(adopting);
    const adopted = await adopting;
    return [...adopted];
  }

  /** Changes the state and tells the index, as the indexer does; resolves once it has answered. */
  async put(n: number, content = `text ${n}`, more: Partial<Memory> = {}): Promise<void> {
    const former = this.state.get(idOf(n));
    const memory = noted(idOf(n), content, more);
    this.state.set(memory.id, memory);
    if (former?.content === content && former.embedding === memory.embedding) {
      if (this.index.has(memory.id)) return await this.index.elsewhere.refresh([memory.id]);
    } else if (this.index.has(memory.id)) void this.index.delete([memory.id]);
    await this.index.upsert([{ id: memory.id, vectors: vectorsOf(memory) }]);
  }

  async delete(n: number): Promise<void> {
    this.state.delete(idOf(n));
    await this.index.delete([idOf(n)]);
  }

  /** All is well, for long enough. */
  async quiet(): Promise<void> {
    this.plan = () => undefined;
    for (const points of this.points) points.late();
    await this.advance(13 * MINUTE_MS);
  }

  /** Moves on, and lets what has begun by then come to its end, also on a slow machine. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let calm = 0, before = 0; calm < 3; calm++) {
      const calls = this.points.reduce((sum, { calls }) => sum + calls.length, 0);
      if (calls !== before) calm = 0;
      before = calls;
      await drain();
    }
  }

  fail(fault: QdrantFault, ...calls: readonly Call[]): void {
    const error = new QdrantError(fault, `Cannot: ${fault}`);
    this.plan = (call) => calls.length === 0 || calls.includes(call) ? { error } : undefined;
  }

  get status(): string {
    const { state, detail, pending } = this.index.elsewhere.status;
    return `${state}, ${detail ?? "well"}, ${pending} pending`;
  }

  async ids(vector = Float32Array.of(1, 1, 1, 1)): Promise<string[]> {
    const { hits } = await this.index.search({ vector, limit: 1_000 });
    return hits.map(({ id }) => id);
  }

  /** What it holds, searched by the obvious slow thing. */
  async truth(query: Parameters<FloatScan["search"]>[0]): Promise<VectorResult> {
    const scan = new FloatScan();
    for (const id of this.index.elsewhere.ids()) {
      const memory = this.state.get(id);
      if (memory !== undefined) await scan.upsert([{ id, vectors: vectorsOf(memory) }]);
    }
    return await scan.search(query);
  }

  /** The id of the one point of a short memory. */
  point(n: number): string {
    return pointId("brain", idOf(n), 0);
  }

  /** What Qdrant has. */
  prints(): Print[] {
    const prints = [...this.stored].map((
      [point, { brain, memory, stamp, chunk, chunks, vector }],
    ) => [point, brain, memory.id, chunk, chunks, { ...stamp }, [...vector]] as const);
    return prints.sort(([a], [b]) => a < b ? -1 : 1);
  }

  /** What it should have. */
  wanted(): Print[] {
    const prints = [...this.state.values()].flatMap((memory) => {
      const stamp = stampOf(memory, memory.embedding ?? memory.content, MODEL);
      return vectorsOf(memory).map((vector, chunk, { length: chunks }) =>
        [pointId("brain", memory.id, chunk), "brain", memory.id, chunk, chunks, stamp, [
          ...vector,
        ]] as const
      );
    });
    return prints.sort(([a], [b]) => a < b ? -1 : 1);
  }
}

export async function withPlace(
  test: (place: QdrantPlace) => Promise<void>,
  options: PlaceOptions = {},
): Promise<void> {
  const place = new QdrantPlace(options);
  try {
    await test(place);
  } finally {
    await place.index.elsewhere.close();
    await drain();
  }
  assert.equal(place.clock.waiting, 0, "a timer outlived the index");
}

/** Qdrant cannot be reached, and the index has noticed. */
export async function awayFrom(place: QdrantPlace): Promise<void> {
  place.fail("away");
  await assert.rejects(place.ids(), VectorIndexUnavailable);
}

export function callsOf(place: QdrantPlace, call: Call): number {
  return place.points.flatMap(({ calls }) => calls).filter((made) => made === call).length;
}

/** A memory's vectors: its own, or one for each part of its text; some texts mean the same. */
export function vectorsOf({ content, embedding }: Memory): Float32Array[] {
  if (embedding !== undefined) return [embedding];
  return content.split("|").map((part) => {
    const sum = [...part].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 97, 7);
    return Float32Array.of(sum % 7 - 3, sum % 5, sum % 3, 1);
  });
}
