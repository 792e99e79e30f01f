/**
 * Brains that live on the volumes of a cluster that is simulated: a volume keeps its memories
 * whatever becomes of claims and namespaces, and nobody is reached who has no ready pod on one.
 * They take the key of the Secret that is mounted, and the one before, and no other.
 */
import { z } from "zod";
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import {
  type BrainAccess,
  BrainAccessError,
  type BrainAddress,
  type BrainStats,
  type ImportOutcome,
} from "../../src/manager/brain_access.ts";

/** Looks at an object as it is now, without any of the faults that a client may meet. */
export type Look = (ref: KubeRef) => KubeObject | undefined;

/** By id, what it says. */
export type Memories = Map<string, string>;

const lineSchema = z.looseObject({ id: z.string(), content: z.string() });
const podSchema = z.looseObject({
  spec: z.looseObject({
    volumes: z.array(z.looseObject({
      persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional(),
    })),
  }),
  status: z.looseObject({
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })),
  }),
});
const claimSchema = z.looseObject({ spec: z.looseObject({ volumeName: z.string() }) });
const secretSchema = z.looseObject({
  data: z.record(z.string(), z.string()).default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});

export class FakeBrains implements BrainAccess {
  readonly #look: Look;
  readonly #volumes = new Map<string, Memories>();
  /** Asked before and after every call has its effect; a test throws here. */
  fault: (call: string, when: "before" | "after") => void = () => {};

  constructor(look: Look) {
    this.#look = look;
  }

  /** What lies on a volume, by the volume's uid. */
  memoriesOf(volumeUid: string): Memories {
    const there = this.#volumes.get(volumeUid) ?? new Map<string, string>();
    this.#volumes.set(volumeUid, there);
    return there;
  }

  /** What the brain that runs in a namespace has; undefined where none is ready. */
  running(namespace: string): Memories | undefined {
    const volume = this.#volumeOf(namespace);
    return volume === undefined ? undefined : this.memoriesOf(volume);
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
      return { imported: lines.length - updated, updated, skipped: 0 };
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

  #volumeOf(namespace: string): string | undefined {
    const pod = podSchema.safeParse(this.#look(podIn(namespace)));
    if (!pod.success) return undefined;
    const isReady = pod.data.status.conditions.some(({ type, status }) =>
      type === "Ready" && status === "True"
    );
    const name =
      pod.data.spec.volumes.flatMap(({ persistentVolumeClaim }) =>
        persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName]
      )[0];
    if (!isReady || name === undefined) return undefined;
    const claim = claimSchema.safeParse(
      this.#look({ apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name }),
    );
    if (!claim.success) return undefined;
    const volume = this.#look({
      apiVersion: "v1",
      kind: "PersistentVolume",
      name: claim.data.spec.volumeName,
    });
    return volume?.metadata.uid;
  }

  #keysOf(namespace: string): string[] {
    const secret = secretSchema.safeParse(
      this.#look({ apiVersion: "v1", kind: "Secret", namespace, name: "brain-key" }),
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

function podIn(namespace: string): KubeRef {
  return { apiVersion: "v1", kind: "Pod", namespace, name: "brain-0" };
}
