/** A cluster as one program sees it, which dies at a call of the test's choice: nothing comes back
 * from then on, as for a process that is no more. */
import type { Cluster, Selection, WatchEvent, WriteOptions } from "../../src/manager/cluster.ts";
import type { KubeKind, KubeObject, KubeRef } from "../../src/manager/kube_object.ts";

export interface Death {
  /** From 0, of this program's calls. */
  readonly call: number;
  /** Whether that call still had its effect. */
  readonly effect: "none" | "had";
}

export class MortalCluster implements Cluster {
  readonly #cluster: Cluster;
  /** Counted from when the test asks for it. */
  calls = 0;
  death: Death | undefined;
  isDead = false;
  /** Its machine sleeps: what it calls goes out when that is over. */
  asleep: Promise<void> | undefined;
  /** Which of the calls may have changed something. */
  readonly writes = new Set<number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  apply(object: KubeObject, options?: WriteOptions) {
    return this.#write(() => this.#cluster.apply(object, options));
  }
  create(object: KubeObject, options?: WriteOptions) {
    return this.#write(() => this.#cluster.create(object, options));
  }
  replace(object: KubeObject, options?: WriteOptions) {
    return this.#write(() => this.#cluster.replace(object, options));
  }
  patch(
    ref: KubeRef,
    patch: Readonly<Record<string, unknown>>,
    options?: WriteOptions & { readonly subresource?: string | undefined },
  ) {
    return this.#write(() => this.#cluster.patch(ref, patch, options));
  }
  get(ref: KubeRef) {
    return this.#call(() => this.#cluster.get(ref));
  }
  list(kind: KubeKind, selection?: Selection) {
    return this.#call(() => this.#cluster.list(kind, selection));
  }
  delete(
    ref: KubeRef,
    options?: WriteOptions & { readonly uid?: string | undefined; readonly graceS?: number },
  ) {
    return this.#write(() => this.#cluster.delete(ref, options));
  }
  watch(
    kind: KubeKind,
    selection: Selection & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    return this.#cluster.watch(kind, selection, signal);
  }
  capabilities() {
    return this.#call(() => this.#cluster.capabilities());
  }

  async #write<T>(call: () => Promise<T>): Promise<T> {
    this.writes.add(this.calls);
    return await this.#call(call);
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    if (this.isDead) return await forever();
    await this.asleep;
    if (this.calls++ !== this.death?.call) return await call();
    this.isDead = true;
    if (this.death.effect === "had") await call();
    return await forever();
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
