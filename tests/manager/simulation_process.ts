/**
 * One process of the manager on a simulated cluster: all of it, with its loop. It can die at any
 * moment, and nothing that it called comes back from then on.
 */
import type { Clock } from "../../src/clock.ts";
import type { Log } from "../../src/log.ts";
import type { BackupSink, SinkEntry } from "../../src/manager/backup_sink.ts";
import type { Backup, Backups, BackupsOptions } from "../../src/manager/backups.ts";
import type { BrainAccess, BrainAddress, ImportOptions } from "../../src/manager/brain_access.ts";
import { BrainManager } from "../../src/manager/brain_manager.ts";
import type { Cluster } from "../../src/manager/cluster.ts";
import { Operations } from "../../src/manager/operations.ts";
import { Reconciler } from "../../src/manager/reconciler.ts";
import { Register } from "../../src/manager/register.ts";
import { randomOf } from "../fakes/store_kit.ts";
import { type Busy, CountedBackups } from "./counted_backups.ts";
import { SETTINGS } from "./kit.ts";
import { MortalCluster } from "./mortal_cluster.ts";

/** Of all backups of a simulation. */
export const BACKUP_KEYS: readonly Uint8Array[] = [new Uint8Array(32).fill(7)];

export interface ProcessOptions {
  readonly name: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly brains: BrainAccess;
  readonly sink: BackupSink;
  readonly log: Log;
  readonly packing: OneAtATime;
}

export class ManagerProcess {
  readonly name: string;
  readonly manager: BrainManager;
  readonly operations: Operations;
  readonly backups: Backups;
  readonly register: Register;
  readonly cluster: MortalCluster;
  readonly #reconciler: Reconciler;
  readonly #busy: Busy = { calls: 0 };
  readonly #killed = Promise.withResolvers<void>();

  constructor(options: ProcessOptions) {
    const { name, seed } = options;
    const random = randomOf(seed);
    this.name = name;
    this.cluster = new MortalCluster(options.cluster);
    const isDead = () => this.cluster.isDead;
    const cluster = this.cluster;
    const clock = mortalClock(options.clock, isDead);
    const sink = new MortalSink(options.sink, isDead);
    const brains = new MortalBrains(options.brains, isDead);
    let ids = 0;
    const newId = () => `${name}-${++ids}`;
    const randomBytes = (bytes: number) =>
      Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
    const log: Log = (...line) => isDead() ? undefined : options.log(...line);
    const settings = SETTINGS;
    this.register = new Register(cluster, settings.managerNamespace);
    const common = { cluster, clock, sink, brains, newId, randomBytes, random, log, settings };
    const kept = { ...common, keys: BACKUP_KEYS };
    const { packing } = options;
    this.backups = new OrderedBackups(kept, this.#busy, packing, this.#killed.promise);
    const made = { ...common, register: this.register, backups: this.backups };
    this.operations = new Operations({
      ...made,
      holder: name,
      sharedKeys: {},
      ended: (verb, outcome) => this.#reconciler.ended(verb, outcome),
    });
    this.manager = new BrainManager({ ...made, operations: this.operations });
    this.#reconciler = new Reconciler({
      ...made,
      operations: this.operations,
      manager: this.manager,
    });
  }

  get isDead(): boolean {
    return this.cluster.isDead;
  }

  /** Waits for what no clock of ours knows: threads that pack. */
  get isBusy(): boolean {
    return !this.isDead && this.#busy.calls > 0;
  }

  get stats() {
    return this.#reconciler.stats;
  }

  start(): void {
    this.#reconciler.start();
  }

  /** Looks at everybody once. */
  pass(): Promise<void> {
    return this.#reconciler.pass();
  }

  /** As by SIGKILL. What is stopped here would only listen on in vain. */
  kill(): void {
    this.cluster.isDead = true;
    this.#killed.resolve();
    void this.#reconciler.stop();
    void this.operations.stop();
  }
}

/** What packs has threads, which come back in any order: one seed, one order. */
export class OneAtATime {
  #last: Promise<void> = Promise.resolve();

  /** Gives what lets the next one begin, as does the end of who has it. */
  async begin(killed: Promise<void>): Promise<() => void> {
    const before = this.#last;
    const done = Promise.withResolvers<void>();
    this.#last = Promise.race([done.promise, killed]);
    await before;
    return done.resolve;
  }
}

class OrderedBackups extends CountedBackups {
  readonly #busy: Busy;
  readonly #begin: () => Promise<() => void>;

  constructor(options: BackupsOptions, busy: Busy, packing: OneAtATime, killed: Promise<void>) {
    super(options, busy);
    this.#busy = busy;
    this.#begin = () => packing.begin(killed);
  }

  override async create(...args: Parameters<Backups["create"]>): Promise<Backup> {
    return await this.#ordered(() => super.create(...args));
  }

  override async *read(...args: Parameters<Backups["read"]>): AsyncGenerator<Uint8Array> {
    const end = await this.#ordered(() => this.#begin(), false);
    try {
      yield* super.read(...args);
    } finally {
      end();
    }
  }

  async #ordered<T>(work: () => Promise<T>, isHeld = true): Promise<T> {
    this.#busy.calls++;
    try {
      if (!isHeld) return await work();
      const end = await this.#begin();
      return await work().finally(end);
    } finally {
      this.#busy.calls--;
    }
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

function mortalClock(clock: Clock, isDead: () => boolean): Clock {
  return {
    now: () => clock.now(),
    after: (ms, call) => clock.after(ms, () => isDead() ? undefined : call()),
  };
}

class MortalSink implements BackupSink {
  readonly #sink: BackupSink;
  readonly #isDead: () => boolean;

  constructor(sink: BackupSink, isDead: () => boolean) {
    this.#sink = sink;
    this.#isDead = isDead;
  }

  async put(name: string, pieces: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    const living = this.#living(pieces);
    return await this.#call(() => this.#sink.put(name, living, signal));
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* this.#living(this.#sink.read(name, signal));
  }

  async list(prefix: string, signal: AbortSignal): Promise<readonly SinkEntry[]> {
    return await this.#call(() => this.#sink.list(prefix, signal));
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    await this.#call(() => this.#sink.delete(name, signal));
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isDead()) return await forever();
    const answer = await call();
    return this.#isDead() ? await forever() : answer;
  }

  async *#living(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      if (this.#isDead()) await forever();
      yield piece;
    }
    if (this.#isDead()) await forever();
  }
}

class MortalBrains implements BrainAccess {
  readonly #brains: BrainAccess;
  readonly #isDead: () => boolean;

  constructor(brains: BrainAccess, isDead: () => boolean) {
    this.#brains = brains;
    this.#isDead = isDead;
  }

  isReady(address: BrainAddress, signal: AbortSignal) {
    return this.#call(() => this.#brains.isReady(address, signal));
  }

  stats(address: BrainAddress, signal: AbortSignal) {
    return this.#call(() => this.#brains.stats(address, signal));
  }

  async *export(address: BrainAddress, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.#isDead()) await forever();
    yield* this.#brains.export(address, signal);
  }

  import(
    address: BrainAddress,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    options?: ImportOptions,
  ) {
    return this.#call(() => this.#brains.import(address, pieces, signal, options));
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isDead()) return await forever();
    const answer = await call();
    return this.#isDead() ? await forever() : answer;
  }
}
