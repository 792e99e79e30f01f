/**
 * Whether the cluster answers: asked for one small object, and not more often than every few
 * seconds, however many want to know. A manager whose cluster is away still answers, and says so;
 * one that is silent is away, and found to be so before a probe or a scrape gives up.
 */
import { type Cluster, ClusterError } from "./cluster.ts";
import type { Clock } from "../clock.ts";

const LOOK_MS = 10_000, PATIENCE_MS = 3_000;

export class Reachability {
  readonly #cluster: Pick<Cluster, "get">;
  readonly #clock: Clock;
  readonly #namespace: string;
  #lookedAt = -Infinity;
  #isUp = false;
  #looking: Promise<void> | undefined;
  #asking: Promise<void> | undefined;

  constructor(cluster: Pick<Cluster, "get">, namespace: string, clock: Clock) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#clock = clock;
  }

  /** As last seen, which is a few seconds ago at most. */
  async isUp(): Promise<boolean> {
    // A clock that was set back must not put it off.
    if (Math.abs(this.#clock.now() - this.#lookedAt) >= LOOK_MS) {
      await (this.#looking ??= this.#look().finally(() => this.#looking = undefined));
    }
    return this.#isUp;
  }

  async #look(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(PATIENCE_MS, () => {
      this.#isUp = false;
      resolve();
    });
    // Nothing piles up: what is still to be answered is not asked once more.
    this.#asking ??= this.#ask().finally(() => this.#asking = undefined);
    try {
      await Promise.race([this.#asking, late]);
    } finally {
      timer.cancel();
    }
    this.#lookedAt = this.#clock.now();
  }

  /** Whether there is such an object does not matter: what counts is the answer. */
  async #ask(): Promise<void> {
    const ref = { apiVersion: "v1", kind: "ConfigMap", name: "brain-manager" };
    try {
      await this.#cluster.get({ ...ref, namespace: this.#namespace });
      this.#isUp = true;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      // Also where we may not read there: then there is nothing that we could do.
      this.#isUp = false;
    }
  }
}
