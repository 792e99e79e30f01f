/**
 * Bad days of a cluster, of brains and of a sink, by seed: calls that fail before or after they had
 * their effect, that take long, that somebody else comes before; and times when nothing answers.
 */
import type { SinkError } from "../../src/manager/backup_sink.ts";
import {
  type BrainAccess,
  BrainAccessError,
  type BrainAddress,
  type ImportOptions,
} from "../../src/manager/brain_access.ts";
import { ClusterError } from "../../src/manager/cluster.ts";
import { below, randomOf } from "../fakes/store_kit.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import type { ClusterCall } from "./simulated_cluster_options.ts";
import type { SimulationClock } from "./simulation_clock.ts";

/** Of calls, how many. */
const REFUSED = 0.006;
const TOO_MANY = 0.004;
const SLOW = 0.004;
const TOUCHED = 0.01;
const LOST = 0.008;
const OF_SINK = 0.02;
const OF_BRAIN = 0.02;
const LONGEST_MS = 8_000;

export interface FaultsOptions {
  readonly seed: number;
  readonly clock: SimulationClock;
  readonly cluster: SimulatedCluster;
}

export class Faults {
  /** Nothing goes wrong while it is false. */
  isOn = false;
  /** The API server is away until then. */
  awayUntil = 0;
  /** By namespace: the brain does not answer until then. */
  readonly silentUntil = new Map<string, number>();
  readonly counts = new Map<string, number>();
  readonly #options: FaultsOptions;
  /** By user: what happens to one of them does not depend on who came before him. */
  readonly #randoms = new Map<string, () => number>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  async before(call: ClusterCall): Promise<void> {
    if (!this.isOn) return;
    const random = this.#randomOf(userIn(call));
    const at = random();
    if (this.#options.clock.now() < this.awayUntil) this.#refuse("away", 0);
    if (at < REFUSED) this.#refuse("refused", 0);
    if (at < REFUSED + TOO_MANY) this.#refuse("429", 429);
    if (at < REFUSED + TOO_MANY + SLOW) return await this.#slow(below(random, LONGEST_MS));
    if (at < REFUSED + TOO_MANY + SLOW + TOUCHED) this.#touch(call);
  }

  after(call: ClusterCall): void {
    if (!this.isOn || this.#randomOf(userIn(call))() >= LOST) return;
    this.#count("answer lost");
    throw new ClusterError("unavailable", 0, "", "the answer was lost");
  }

  sink(name: string): SinkError["fault"] | undefined {
    if (!this.isOn) return undefined;
    const random = this.#randomOf(`user-${name.split("/")[0]}`);
    if (random() >= OF_SINK) return undefined;
    this.#count("sink");
    return random() < 0.1 ? "full" : "unavailable";
  }

  brain(namespace: string): void {
    if (!this.isOn) return;
    const until = this.silentUntil.get(namespace) ?? 0;
    const isSilent = this.#options.clock.now() < until;
    if (!isSilent && this.#randomOf(namespace)() >= OF_BRAIN) return;
    this.#count("brain");
    throw new BrainAccessError("away", "Cannot reach the brain: made to fail");
  }

  #refuse(why: string, status: number): never {
    this.#count(why);
    throw new ClusterError("unavailable", status, "", `made to fail: ${why}`);
  }

  async #slow(ms: number): Promise<void> {
    this.#count("slow");
    await new Promise<void>((resolve) => this.#options.clock.after(ms, resolve));
  }

  /** Somebody else writes the same object just before: what is compared is another by then. */
  #touch({ verb, ref }: ClusterCall): void {
    const { name, namespace } = ref ?? {};
    if (ref === undefined || name === undefined || !/^(replace|patch)$/.test(verb)) return;
    this.#count("touched");
    const { apiVersion, kind } = ref;
    this.#options.cluster.edit({ apiVersion, kind, name, namespace }, (object) => {
      const { annotations = {} } = object.metadata;
      const touched = String(Number(annotations["example.org/touched"] ?? 0) + 1);
      const metadata = {
        ...object.metadata,
        annotations: { ...annotations, "example.org/touched": touched },
      };
      return { ...object, metadata };
    });
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #randomOf(user: string): () => number {
    const known = this.#randoms.get(user);
    if (known !== undefined) return known;
    let seed = this.#options.seed;
    for (const character of user) seed = Math.imul(seed ^ character.charCodeAt(0), 0x01000193);
    const random = randomOf(seed);
    this.#randoms.set(user, random);
    return random;
  }
}

/** The namespace of the user whom a call is for; what is nobody's is everybody's. */
function userIn({ ref }: ClusterCall): string {
  const name = ref?.kind === "ConfigMap" || ref?.namespace === undefined ? ref?.name : undefined;
  return name ?? ref?.namespace ?? "";
}

/** Brains that do not always answer, and whose exports and answers get lost. */
export class FaultyBrains implements BrainAccess {
  readonly #brains: BrainAccess;
  readonly #faults: Faults;

  constructor(brains: BrainAccess, faults: Faults) {
    this.#brains = brains;
    this.#faults = faults;
  }

  async isReady(address: BrainAddress, signal: AbortSignal): Promise<boolean> {
    try {
      this.#fail(address);
    } catch {
      return false;
    }
    return await this.#brains.isReady(address, signal);
  }

  async stats(address: BrainAddress, signal: AbortSignal) {
    this.#fail(address);
    return await this.#brains.stats(address, signal);
  }

  async *export(address: BrainAddress, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#fail(address);
    yield* this.#brains.export(address, signal);
    this.#fail(address);
  }

  async import(
    address: BrainAddress,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    options?: ImportOptions,
  ) {
    this.#fail(address);
    const outcome = await this.#brains.import(address, pieces, signal, options);
    this.#fail(address);
    return outcome;
  }

  #fail({ url }: BrainAddress): void {
    this.#faults.brain(new URL(url).hostname.split(".")[1] ?? "");
  }
}
