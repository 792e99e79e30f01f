/**
 * Brains that live on the volumes of a cluster that is simulated: a volume keeps its memories
 * whatever becomes of claims and namespaces, and nobody is reached who has no ready pod on one.
 * They take the key of the Secret that is mounted, and the one before, and no other.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import {
  type BrainAccess,
  BrainAccessError,
  type BrainAddress,
  type BrainStats,
  type ImportOutcome,
} from "../../src/manager/brain_access.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import type { SimulatedVolume } from "./simulated_cluster_volume.ts";

/** By id, what it says. */
export type Memories = Map<string, string>;

const lineSchema = z.looseObject({ id: z.string(), content: z.string() });
const secretSchema = z.looseObject({
  data: z.record(z.string(), z.string()).default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});

export class FakeBrains implements BrainAccess {
  readonly #cluster: Pick<SimulatedCluster, "readyPod" | "peek">;
  /** Asked before and after every call has its effect; a test throws here. */
  fault: (call: string, when: "before" | "after") => void = () => {};

  constructor(cluster: Pick<SimulatedCluster, "readyPod" | "peek">) {
    this.#cluster = cluster;
  }

  /** What the brain that runs in a namespace has; undefined where none is ready. */
  running(namespace: string): Memories | undefined {
    const [volume] = this.#cluster.readyPod(namespace, "brain-0")?.volumes.values() ?? [];
    return volume === undefined ? undefined : memoriesOn(volume);
  }

  isReady(address: BrainAddress, signal: AbortSignal): Promise<boolean> {
    return this.#call("isReady", signal, () => {
      try {
        this.#reach(address);
        return true;
      } catch (error) {
        if (error instanceof BrainAccessError) return false;
        throw error;
      }
    });
  }

  stats(address: BrainAddress, signal: AbortSignal): Promise<BrainStats> {
    return this.#call("stats", signal, () => {
      const memories = this.#reach(address);
      const bytes = [...memories.values()].reduce((sum, text) => sum + text.length, 0);
      return { memories: memories.size, bytes, version: "0.0.0-test" };
    });
  }

  async *export(address: BrainAddress, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const memories = await this.#call("export", signal, () => new Map(this.#reach(address)));
    for (const [id, content] of memories) {
      this.fault("export piece", "before");
      signal.throwIfAborted();
      yield new TextEncoder().encode(JSON.stringify({ id, content }) + "\n");
    }
  }

  async import(
    address: BrainAddress,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ImportOutcome> {
    this.#reach(address);
    let text = "";
    const decoder = new TextDecoder();
    for await (const piece of pieces) text += decoder.decode(piece, { stream: true });
    const lines = text.split("\n").filter((line) => line !== "")
      .map((line) => lineSchema.parse(JSON.parse(line)));
    return await this.#call("import", signal, () => {
      // Where it runs now, not where it ran when the first piece came.
      const memories = this.#reach(address);
      const updated = lines.filter(({ id }) => memories.has(id)).length;
      for (const { id, content } of lines) memories.set(id, content);
      return { imported: lines.length - updated, updated, skipped: 0, failed: 0, errors: [] };
    });
  }

  async #call<T>(call: string, signal: AbortSignal, effect: () => T): Promise<T> {
    await Promise.resolve();
    signal.throwIfAborted();
    this.fault(call, "before");
    const result = effect();
    this.fault(call, "after");
    return result;
  }

  #reach({ url, key }: BrainAddress): Memories {
    const [, namespace] = new URL(url).hostname.split(".");
    const memories = namespace === undefined ? undefined : this.running(namespace);
    if (namespace === undefined || memories === undefined) {
      throw new BrainAccessError("away", "Cannot reach the brain: none is ready");
    }
    if (!this.#keysOf(namespace).includes(key)) {
      throw new BrainAccessError("refused", "Cannot ask the brain: 401");
    }
    return memories;
  }

  #keysOf(namespace: string): string[] {
    const secret = secretSchema.safeParse(
      this.#cluster.peek({ apiVersion: "v1", kind: "Secret", namespace, name: "brain-key" }),
    );
    if (!secret.success) return [];
    const { data, stringData } = secret.data;
    return ["key", "previous"].flatMap((name) => {
      const encoded = data[name];
      const plain = stringData[name] ?? (encoded === undefined ? undefined : atob(encoded));
      return plain === undefined || plain === "" ? [] : [plain];
    });
  }
}

/** What lies on a disk, also on one that no pod has. */
export function memoriesOn(volume: SimulatedVolume): Memories {
  volume.data ??= new Map<string, string>();
  assert.ok(isMemories(volume.data));
  return volume.data;
}

function isMemories(data: unknown): data is Memories {
  return data instanceof Map;
}
