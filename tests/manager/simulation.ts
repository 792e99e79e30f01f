/**
 * Thousands of users on a simulated cluster, by seed: they sign up, change, back up, restore, go and
 * come back, while others meddle with their objects, the API server, the brains and the sink have
 * bad days, and the manager's processes die. Then all is quiet, time passes, and it is looked at
 * whether everything is as it was promised.
 */
import type { Log } from "../../src/log.ts";
import { givesWay } from "../../src/pace.ts";
import { Backups } from "../../src/manager/backups.ts";
import type { UserRecord } from "../../src/manager/record.ts";
import { recordSchema } from "../../src/manager/record.ts";
import { namespaceOf } from "../../src/manager/user_id.ts";
import { below, randomOf } from "../fakes/store_kit.ts";
import { FakeBrains } from "./brains.ts";
import { SETTINGS } from "./kit.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import type { ClusterCall } from "./simulated_cluster_options.ts";
import { textAt } from "./simulated_cluster_tree.ts";
import { disagreements } from "./simulation_agreement.ts";
import { SimulationClock, stillMachine } from "./simulation_clock.ts";
import { disturb } from "./simulation_drift.ts";
import { Faults, FaultyBrains } from "./simulation_faults.ts";
import { Model } from "./simulation_model.ts";
import { BACKUP_KEYS, ManagerProcess, OneAtATime } from "./simulation_process.ts";
import { ToldSink } from "./simulation_sink.ts";
import { keyProblems, Users } from "./simulation_users.ts";

const START_MS = Date.UTC(2026, 0, 1);
const STEP_MS = 2_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Longer than a pass, and what follows from it. */
const QUIET_MS = 14 * MINUTE_MS;
const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap" };

export interface SimulationOptions {
  readonly users: number;
  readonly seed: number;
  /** Asked for, by each user, in the mean. */
  readonly acts?: number;
  readonly progress?: (text: string) => void;
}

export class Simulation {
  readonly clock = new SimulationClock(START_MS, () => this.#drained());
  readonly cluster = new SimulatedCluster({ clock: this.clock });
  readonly brains = new FakeBrains(this.cluster);
  readonly model = new Model({ cluster: this.cluster, now: () => this.clock.now() });
  readonly counts = { crashes: 0, processes: 0 };
  readonly drift = new Map<string, number>();
  readonly logged = new Map<string, number>();
  readonly faults: Faults;
  readonly sink: ToldSink;
  readonly users: Users;
  processes: ManagerProcess[] = [];
  readonly #options: Required<SimulationOptions>;
  readonly #random: () => number;
  readonly #packing = new OneAtATime();
  /** No process of the manager runs until then. */
  #downUntil = 0;
  /** Of the test itself: nothing of it fails. */
  readonly #reading: Backups;

  constructor(options: SimulationOptions) {
    this.#options = { acts: 12, progress: () => {}, ...options };
    const { seed, users: count } = options;
    const { clock, cluster, model } = this;
    this.#random = randomOf(seed);
    this.faults = new Faults({ seed: seed + 1, clock, cluster });
    this.sink = new ToldSink(clock, this.faults, model);
    this.users = new Users({ count, random: this.#random, cluster, model });
    this.cluster.faults = {
      before: (call) => this.faults.before(call),
      after: (call) => this.#after(call),
    };
    const randomBytes = (bytes: number) => new Uint8Array(bytes);
    const read = { brains: this.brains, keys: BACKUP_KEYS, clock, newId: () => "", randomBytes };
    this.#reading = new Backups({ ...read, sink: this.sink.calm });
  }

  get seed(): number {
    return this.#options.seed;
  }

  /** Everything that can happen, and then everything that must be so. Gives what is not. */
  async run(): Promise<readonly string[]> {
    using _ = stillMachine();
    this.faults.isOn = true;
    this.start();
    await this.#signUp();
    this.start();
    for (const leapMs of [0, HOUR_MS, 3 * DAY_MS, 8 * DAY_MS]) {
      if (leapMs > 0) await this.clock.leap(leapMs);
      await this.#live(leapMs === 0 ? 20 : 5);
    }
    await this.#quiet();
    return await this.#problems();
  }

  start(): ManagerProcess {
    const name = `p${++this.counts.processes}`;
    const { clock, cluster, sink } = this;
    const log: Log = (level, event, detail = {}) => this.#logged(level, event, detail);
    const brains = new FaultyBrains(this.brains, this.faults);
    const seed = this.seed + 1_000 * this.counts.processes;
    const packing = this.#packing;
    const process = new ManagerProcess({ name, seed, clock, cluster, sink, brains, log, packing });
    process.start();
    this.processes.push(process);
    return process;
  }

  /** Nothing of it stays. */
  end(): void {
    for (const process of this.processes) process.kill();
    this.processes = [];
  }

  /** What happened, in numbers. */
  summary(): string {
    const of = (counts: Readonly<Record<string, number>> | ReadonlyMap<string, number>) =>
      [...counts instanceof Map ? counts : Object.entries(counts)]
        .map(([name, count]) => `${count} ${name}`).join(", ");
    const { model, counts, faults, drift, cluster } = this;
    return [
      `${of(model.counts)}, ${model.uncommitted} gone with a restore that failed`,
      `by others: ${of(drift)}`,
      `${of(counts)}; calls that failed: ${of(faults.counts)}`,
      `calls: ${of(cluster.calls)}`,
    ].join("\n");
  }

  async #signUp(): Promise<void> {
    const { all } = this.users;
    const each = Math.ceil(all.length / 150);
    for (let from = 0; from < all.length; from += each) {
      for (const user of all.slice(from, from + each)) this.users.signUp(this.#anyone(), user);
      await this.#step(0);
    }
  }

  async #live(minutes: number): Promise<void> {
    const steps = minutes * MINUTE_MS / STEP_MS;
    const { users, acts } = this.#options;
    const acted = minutes / 35 * users * acts / steps;
    for (let step = 0; step < steps; step++) {
      await this.#step(Math.floor(acted) + (this.#random() < acted % 1 ? 1 : 0));
    }
    await this.#look(`lived ${minutes} minutes`);
  }

  async #step(acts: number): Promise<void> {
    const isDown = this.clock.now() < this.#downUntil;
    for (let left = acts; left > 0; left--) {
      if (isDown) this.users.write(this.users.any());
      else this.users.act(this.#anyone());
    }
    for (let left = acts; left > 0; left--) this.#mishap();
    if (!isDown) this.#disaster();
    await this.clock.advance(STEP_MS);
    await this.#model();
  }

  /** To one user: somebody meddles, or his brain is silent for a while. */
  #mishap(): void {
    const { cluster, model } = this;
    const { slug } = this.users.any();
    const at = this.#random();
    if (at < 0.05) {
      const until = this.clock.now() + below(this.#random, 15) * MINUTE_MS;
      this.faults.silentUntil.set(namespaceOf(slug), until);
    } else if (at < 0.2) {
      const keyLost = (of: string) => this.users.keyLost(of);
      const what = disturb({ cluster, model, random: this.#random, keyLost }, slug);
      if (what !== undefined) this.drift.set(what, (this.drift.get(what) ?? 0) + 1);
    }
  }

  /** To all: processes die, at a moment or at a call; a second one begins; the server is away. */
  #disaster(): void {
    const random = this.#random;
    const at = random();
    if (at < 0.006) this.#anyone().kill();
    else if (at < 0.02) {
      const { cluster } = this.#anyone();
      const effect = random() < 0.5 ? "none" : "had";
      cluster.death = { call: cluster.calls + below(random, 300), effect };
    } else if (at < 0.03) this.faults.awayUntil = this.clock.now() + below(random, 90) * 1_000;
    else if (at < 0.05) this.cluster.breakWatches();
    else if (at < 0.06) this.cluster.forgetHistory();
    else if (at < 0.065) {
      this.#downUntil = this.clock.now() + below(random, 120) * 1_000;
      for (const process of this.processes) process.kill();
      return this.#bury();
    }
    this.#bury();
    const { length } = this.processes;
    if (length === 0 || (length < 2 && random() < 0.1)) this.start();
  }

  /** Those who died at a call. */
  #bury(): void {
    if (this.processes.every(({ isDead }) => !isDead)) return;
    const dead = this.processes.filter(({ isDead }) => isDead);
    for (const process of dead) process.kill();
    this.counts.crashes += dead.length;
    this.processes = this.processes.filter(({ isDead }) => !isDead);
  }

  /** Nothing fails any more: one process, and time for all that is due. */
  async #quiet(): Promise<void> {
    this.faults.isOn = false;
    for (const process of this.processes) process.kill();
    this.#bury();
    this.start();
    // Operations are given hours, and users who failed long wait for their next turn.
    for (let hours = 0; hours < 6; hours++) {
      await this.#settled();
      if (this.model.records().every(({ operation }) => operation === null)) break;
    }
    await this.#look("quiet");
    for (const days of [2, 2, 8]) {
      await this.clock.leap(days * DAY_MS);
      await this.#settled();
      await this.#look(`${days} days later`);
    }
  }

  async #settled(): Promise<void> {
    for (let ms = 0; ms < QUIET_MS; ms += STEP_MS) {
      await this.clock.advance(STEP_MS);
      await this.#model();
    }
  }

  async #problems(): Promise<readonly string[]> {
    const { cluster, brains, sink, model, clock } = this;
    const process = this.#anyone();
    const capabilities = await process.operations.capabilities();
    model.checkPlaces();
    const records = model.records();
    const now = clock.now();
    const agreement = { cluster, brains, sink, process, capabilities, records, now };
    return [
      ...model.violations,
      ...cluster.violations,
      ...disagreements(agreement),
      ...keyProblems(this.users, cluster, model),
    ];
  }

  async #model(): Promise<void> {
    await this.model.readBackups(this.#reading);
  }

  #look(when: string): Promise<void> {
    this.model.checkDisks();
    const records = this.model.records();
    const open = records.filter(({ operation }) => operation !== null).length;
    const found = this.model.violations.length + this.cluster.violations.length;
    const said = `${records.length} users, ${open} operations under way, ${found} violations`;
    this.#options.progress(`${when}: ${said}`);
    return Promise.resolve();
  }

  #anyone(): ManagerProcess {
    const process = this.processes[below(this.#random, this.processes.length)];
    return process ?? this.start();
  }

  #after(call: ClusterCall): void {
    const { kind, namespace, name = "" } = call.ref ?? {};
    const isRecord = kind === "ConfigMap" && namespace === SETTINGS.managerNamespace &&
      /^(create|replace|delete)$/.test(call.verb) && !call.dryRun;
    if (isRecord) this.model.recordSeen(name.slice("user-".length), this.#recordOf(name));
    this.faults.after(call);
  }

  #recordOf(name: string): UserRecord | undefined {
    const namespace = SETTINGS.managerNamespace;
    const text = textAt(this.cluster.peek({ ...CONFIG_MAP, namespace, name }), "data", "record");
    return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
  }

  #logged(level: string, event: string, detail: Readonly<Record<string, unknown>>): void {
    if (level !== "warn" && level !== "error") return;
    const key = `${level} ${event}`;
    this.logged.set(key, (this.logged.get(key) ?? 0) + 1);
    if (event === "step_broke") this.model.note(`a step broke: ${JSON.stringify(detail)}`);
  }

  /** What follows in the fakes waits for nothing but turns of the event loop, and for packers. */
  async #drained(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      this.#bury();
    } while (givesWay() || this.processes.some(({ isBusy }) => isBusy));
  }
}
