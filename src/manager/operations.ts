/**
 * Carries operations out, step by step, whoever began them: the service, a second one beside it, a
 * command line. Who runs one holds it by a lease in the record, and what a crash left is run on by
 * whoever comes first.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Backups } from "./backups.ts";
import type { BrainAccess, BrainAddress } from "./brain_access.ts";
import { type Capabilities, type Cluster, ClusterError } from "./cluster.ts";
import { ManagerError } from "./errors.ts";
import type { KubeObject } from "./kube_object.ts";
import type { BrainKeys } from "./manifests.ts";
import {
  addressOf,
  type Means,
  objectsOf,
  preparationOf,
  wantedObjects,
} from "./operations/context.ts";
import { isShut } from "./operations/faults.ts";
import { dropPreviousKey } from "./operations/key_ending.ts";
import { takesApart } from "./operations/ending.ts";
import { ensureKey } from "./operations/key_making.ts";
import { keySecretRef, keysIn } from "./operations/keys.ts";
import { Run } from "./operations/run.ts";
import { LEASE_MS, Sightings } from "./operations/sightings.ts";
import type { Args } from "./operations/step.ts";
import { Tenure } from "./operations/tenure.ts";
import { Turns } from "./operations/turns.ts";
import { verbOf } from "./operations/verbs.ts";
import type { Operation, UserRecord, VerbName } from "./record.ts";
import type { Register } from "./register.ts";
import type { Settings } from "./settings.ts";

export { deleteSnapshot, isSnapshotId, listSnapshots } from "./operations/snapshots.ts";
export type { Snapshot } from "./operations/snapshots.ts";

export interface OperationsOptions {
  readonly cluster: Cluster;
  readonly register: Register;
  readonly brains: BrainAccess;
  readonly backups: Backups;
  readonly settings: Settings;
  readonly clock: Clock;
  /** From 0 up to 1, for the waits. */
  readonly random: () => number;
  readonly randomBytes: (bytes: number) => Uint8Array;
  readonly newId: () => string;
  /** Of this process, among all that work on the register; never used by another one before. */
  readonly holder: string;
  /** `OPENAI_API_KEY` and `QDRANT_API_KEY` of all brains. */
  readonly sharedKeys: Pick<BrainKeys, "embedding" | "qdrant">;
  readonly log: Log;
  /** Called with what ended, for the metrics. */
  readonly ended?: (verb: string, outcome: "succeeded" | "failed") => void;
}

const MINUTE_MS = 60_000;
/** Steps at work at the same time; those that wait for something do not count. */
const MOST_AT_WORK = 32;
const CAPABILITIES_MS = 10 * MINUTE_MS;
const TAKE_AGAIN_MS = 2_000;
const MOST_TAKES = 30;

export class Operations {
  readonly #options: OperationsOptions;
  readonly #means: Means;
  readonly #turns = new Turns(MOST_AT_WORK);
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Of those that run, what they hold; and those to be looked at once more after that. */
  readonly #tenures = new Map<string, Tenure>();
  readonly #again = new Set<string>();
  readonly #sightings: Sightings;
  #capabilities: { readonly until: number; readonly found: Promise<Capabilities> } | undefined;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#means = options;
    this.#sightings = new Sightings(options);
  }

  /**
   * Carries out what this user's record says is under way, until it has ended or others hold it.
   * A second call while the first is at it joins that. Never throws: what goes wrong is in the
   * record, or in the log.
   */
  run(slug: string): Promise<void> {
    const known = this.#running.get(slug);
    if (known !== undefined) {
      // It may be at an operation that was cut off, and another one has begun.
      this.#again.add(slug);
      void this.#tenures.get(slug)?.check();
      return known;
    }
    const run = this.#runAll(slug).catch((error: unknown) => {
      const said = error instanceof Error ? error.message : "not an error";
      this.#options.log("error", "operation_not_run", { slug, error: said });
    }).finally(() => this.#running.delete(slug));
    this.#running.set(slug, run);
    return run;
  }

  isRunning(slug: string): boolean {
    return this.#running.has(slug);
  }

  /**
   * For how long what is under way can be left to who is at it, others or we; 0: nobody is. To be
   * asked of every record that is seen: others are given up by how long they do nothing.
   */
  heldMs(record: UserRecord): number {
    const isOurs = record.operation?.lease?.holder === this.#options.holder;
    if (isOurs && this.isRunning(record.slug)) return LEASE_MS;
    return this.#sightings.leftMs(record);
  }

  /** He has no record any more. */
  forget(slug: string): void {
    this.#sightings.forget(slug);
  }

  async #runAll(slug: string): Promise<void> {
    do {
      this.#again.delete(slug);
      await this.#run(slug);
    } while (this.#again.has(slug) && !this.#stopping.signal.aborted);
  }

  async #run(slug: string): Promise<void> {
    const taken = await this.#take(slug);
    if (taken === undefined) return;
    const { random, ended = () => {} } = this.#options;
    const run = new Run({
      means: this.#means,
      ...taken,
      random,
      stopping: this.#stopping.signal,
      inTurn: (work) => this.#turns.run(work),
      ended,
    });
    this.#tenures.set(slug, taken.tenure);
    try {
      await run.toTheEnd();
    } finally {
      this.#tenures.delete(slug);
    }
  }

  /** Tries for a minute: what it cannot reach then, the next pass of the reconciler may. */
  async #take(
    slug: string,
  ): Promise<{ readonly tenure: Tenure; readonly capabilities: Capabilities } | undefined> {
    for (let takes = 1;; takes++) {
      if (this.#stopping.signal.aborted) return undefined;
      try {
        const capabilities = await this.capabilities();
        const means = { ...this.#options, sightings: this.#sightings };
        const tenure = await Tenure.take(means, slug);
        return tenure === undefined ? undefined : { tenure, capabilities };
      } catch (error) {
        const isAway = error instanceof ClusterError && error.fault === "unavailable";
        if (!isAway || takes >= MOST_TAKES) throw error;
      }
      await this.#pause(TAKE_AGAIN_MS);
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve);
    const wake = () => resolve();
    this.#stopping.signal.addEventListener("abort", wake, { once: true });
    await promise;
    timer.cancel();
    this.#stopping.signal.removeEventListener("abort", wake);
  }

  /** What a user should have, but for the Secret with his keys. */
  wantedObjects(record: UserRecord, capabilities: Capabilities): readonly KubeObject[] {
    return wantedObjects(this.#means, record, capabilities);
  }

  /** Gives the user a key where he has none, or none any more. True where it did. */
  async ensureKey(record: UserRecord, madeBy: string): Promise<boolean> {
    const { cluster, randomBytes } = this.#options;
    const capabilities = await this.capabilities();
    const objectsWith = (of: UserRecord, key: string) =>
      objectsOf(this.#means, of, capabilities, key);
    return await ensureKey({ record, cluster, randomBytes, objectsWith }, madeBy);
  }

  /** The one before the last rotation is let in no longer. */
  async dropPreviousKey(record: UserRecord): Promise<void> {
    await dropPreviousKey(this.#options, record);
  }

  addressOf(record: UserRecord): Promise<BrainAddress> {
    return addressOf(this.#options.cluster, record);
  }

  /** His key; undefined where he has none yet, none to be read yet, or none that this operation made. */
  async keyOf(record: UserRecord, madeBy?: string): Promise<string | undefined> {
    const secret = await readable(() => this.#options.cluster.get(keySecretRef(record)));
    const keys = secret === undefined ? undefined : keysIn(secret);
    return madeBy === undefined || keys?.madeBy === madeBy ? keys?.current : undefined;
  }

  /** As `Verb.prepare`. */
  async prepare(
    record: UserRecord,
    verb: VerbName,
    asked: Args,
    signal: AbortSignal,
  ): Promise<Args | undefined> {
    const preparation = preparationOf(this.#means, record, await this.capabilities(), signal);
    try {
      return await verbOf(verb).prepare(preparation, asked);
    } catch (error) {
      if (!await isShut(this.#options.cluster, record, error)) throw error;
      const state = "his namespace was deleted, and is not gone yet; try again";
      throw new ManagerError("cluster_unavailable", `Cannot begin "${verb}": ${state}`, {
        cause: error,
        retryAfterS: 10,
      });
    }
  }

  /** To be written into the record, which is what begins it. */
  operationOf(verb: VerbName, args: Args): Operation {
    const { clock, newId } = this.#options;
    const { minutes, steps } = verbOf(verb);
    const now = clock.now();
    const operation: Operation = {
      id: newId(),
      verb,
      args,
      step: "",
      failure: null,
      startedAt: new Date(now).toISOString(),
      deadlineAt: new Date(now + minutes * MINUTE_MS).toISOString(),
      attempts: 0,
      waitingFor: null,
      lease: null,
    };
    return { ...operation, step: steps(operation)[0]?.name ?? "" };
  }

  takesOver(verb: VerbName, other: VerbName): boolean {
    return verbOf(verb).takesOver?.includes(other) ?? false;
  }

  /** Whether claims and namespace go by its own hand by now, and nobody else is to look after them. */
  takesApart(operation: Operation): boolean {
    return takesApart(operation);
  }

  /** What it would do, a line each: its steps, and what would be applied of it. */
  async plan(record: UserRecord, operation: Operation): Promise<string[]> {
    const names = verbOf(operation.verb).steps(operation).map(({ name }) => name);
    const steps = names.map((name) => `${operation.verb}: ${name}`);
    if (operation.verb !== "create") return steps;
    const objects = wantedObjects(this.#means, record, await this.capabilities());
    const applied = objects.map(({ kind, metadata: { namespace, name } }) =>
      `apply ${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`
    );
    return [...steps, ...applied];
  }

  async capabilities(): Promise<Capabilities> {
    const { clock, cluster } = this.#options;
    if (this.#capabilities === undefined || this.#capabilities.until <= clock.now()) {
      const found = cluster.capabilities();
      this.#capabilities = { until: clock.now() + CAPABILITIES_MS, found };
      found.catch(() => this.#capabilities = undefined);
    }
    return await this.#capabilities.found;
  }

  /** Begins nothing more; over once what runs has come to the end of a step. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("The manager is stopping"));
    await Promise.all(this.#running.values());
  }
}

/** In a namespace that was made a moment ago the manager has no rights yet. */
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ClusterError && error.fault === "forbidden") return undefined;
    throw error;
  }
}
