/** An indexer on a clock turned by hand, with a state, an embedder and an index around it. */
import assert from "node:assert/strict";
import { Indexer, type IndexerOptions } from "../../src/indexer.ts";
import type { Memory } from "../../src/memory.ts";
import { FakeClock, FakeEmbedder, MapVectorIndex, memoryOf, vectorsOf } from "./indexing.ts";

/** An indexer with everything around it; `put` and `delete` change the state and tell it. */
export class Brain {
  readonly state = new Map<string, Memory>();
  readonly clock = new FakeClock();
  readonly embedder = new FakeEmbedder();
  /** One for each generation, the newest last. */
  readonly indexes: MapVectorIndex[] = [];
  readonly logged: string[] = [];
  readonly indexer: Indexer;

  constructor(options: Partial<IndexerOptions> = {}) {
    this.indexer = new Indexer({
      embedder: this.embedder,
      newVectorIndex: () => this.newIndex(),
      memory: (id) => this.state.get(id),
      clock: this.clock,
      random: () => 1,
      log: (message) => this.logged.push(message),
      ...options,
    });
  }

  newIndex(): MapVectorIndex {
    const index = new MapVectorIndex();
    this.indexes.push(index);
    return index;
  }

  /** Where the vectors of the model that is set are. */
  get index(): MapVectorIndex {
    return this.indexes.at(-1) ?? assert.fail("no index was made");
  }

  put(id: string, content: string, more: Partial<Memory> = {}): void {
    const memory = memoryOf(id, content, more);
    this.state.set(id, memory);
    this.indexer.put(memory);
  }

  delete(id: string): void {
    this.state.delete(id);
    this.indexer.delete(id);
  }

  /** Turns the clock until the indexer is idle. */
  idle(): Promise<void> {
    return this.clock.until(this.indexer.idle());
  }

  counts(): { indexed: number; pending: number; failed: number } {
    const { indexed, pending, failed } = this.indexer.stats();
    return { indexed, pending, failed };
  }

  /** What the index holds: for each id the vectors it has. */
  held(): Record<string, readonly Float32Array[]> {
    return Object.fromEntries([...this.index.vectors].toSorted(([a], [b]) => a < b ? -1 : 1));
  }

  /** What it should hold by the state. */
  wanted(): Record<string, readonly Float32Array[]> {
    const memories = [...this.state.values()].toSorted((a, b) => a.id < b.id ? -1 : 1);
    return Object.fromEntries(
      memories.map(({ id, content, embedding }) => [
        id,
        embedding === undefined ? vectorsOf(content, this.embedder.length) : [embedding],
      ]),
    );
  }
}

export async function withBrain(
  test: (brain: Brain) => Promise<void>,
  options = {},
): Promise<void> {
  const brain = new Brain(options);
  try {
    await test(brain);
  } finally {
    await brain.indexer.stop();
  }
  assert.equal(brain.clock.waiting, 0, "a timer outlived the indexer");
}
