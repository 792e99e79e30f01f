/**
 * The manager over a cluster that is simulated, with a clock turned by hand. Programs can be started
 * beside each other and after each other on the same cluster, and can die at any call.
 */
import assert from "node:assert/strict";
import type { Clock } from "../../src/clock.ts";
import type { Log } from "../../src/log.ts";
import type { Backups } from "../../src/manager/backups.ts";
import {
  BrainManager,
  type Outcome,
  type RequestOptions,
} from "../../src/manager/brain_manager.ts";
import { ManagerError, type ManagerErrorCode } from "../../src/manager/errors.ts";
import { Operations } from "../../src/manager/operations.ts";
import type { UserRecord } from "../../src/manager/record.ts";
import { Register } from "../../src/manager/register.ts";
import type { Settings } from "../../src/manager/settings.ts";
import { FakeClock } from "../fakes/indexing.ts";
import { randomOf } from "../fakes/store_kit.ts";
import { FakeBrains } from "./brains.ts";
import { type Busy, CountedBackups } from "./counted_backups.ts";
import { MortalCluster } from "./mortal_cluster.ts";
import { RamSink } from "./ram_sink.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import type { SimulatedClusterOptions } from "./simulated_cluster_options.ts";

export const SETTINGS: Settings = {
  managerNamespace: "second-brain",
  image: "second-brain:0.1.0",
  qdrantImage: "qdrant/qdrant:v1.19.0-unprivileged",
  storageClass: "standard",
  snapshotClass: undefined,
  readWriteOncePod: false,
  ingressNamespace: "ingress-nginx",
  monitoringNamespace: "monitoring",
  domain: undefined,
  qdrant: undefined,
  hasEmbeddingKey: false,
  embeddingBaseUrl: undefined,
};

/** 2026-01-01. */
const START_MS = Date.UTC(2026, 0, 1);

export interface World {
  readonly clock: FakeClock;
  readonly cluster: SimulatedCluster;
  readonly brains: FakeBrains;
  readonly sink: RamSink;
  readonly settings: Settings;
  /** One more program on the same cluster; by its own clock it is so much later. */
  start(name: string, aheadMs?: number): Program;
}

export interface Program {
  readonly manager: BrainManager;
  readonly operations: Operations;
  readonly register: Register;
  readonly backups: Backups;
  /** All its calls go through it. */
  readonly cluster: MortalCluster;
  readonly log: { readonly level: string; readonly event: string; readonly detail: unknown }[];
}

export interface WorldOptions {
  readonly cluster?: Partial<SimulatedClusterOptions>;
  readonly settings?: Partial<Settings>;
  readonly seed?: number;
}

export async function world(options: WorldOptions = {}): Promise<World> {
  const busy: Busy = { calls: 0 };
  const clock = new FakeClock(() => quick(busy));
  await clock.leap(START_MS);
  const cluster = new SimulatedCluster({ clock, ...options.cluster });
  const sink = new RamSink({ now: () => clock.now() });
  const brains = new FakeBrains(cluster);
  const settings = { ...SETTINGS, ...options.settings };
  const random = randomOf(options.seed ?? 1);
  const around = { clock, cluster, brains, sink, settings };
  const start = (name: string, aheadMs = 0) => {
    const its: Clock = {
      now: () => clock.now() + aheadMs,
      after: (ms, call) => clock.after(ms, call),
    };
    return programOf(name, { ...around, clock: its, busy }, random);
  };
  return { ...around, start };
}

/** What follows in the fakes needs no more than this: nothing here is read from a disk. */
async function quick(busy: Busy): Promise<void> {
  do {
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
  } while (busy.calls > 0);
}

function programOf(
  name: string,
  { clock, cluster: shared, brains, sink, settings, busy }:
    & Omit<World, "start" | "clock">
    & { readonly clock: Clock; readonly busy: Busy },
  random: () => number,
): Program {
  const cluster = new MortalCluster(shared);
  let ids = 0;
  const newId = () => `${name}-${++ids}`;
  const randomBytes = (bytes: number) =>
    Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
  const lines: Program["log"] = [];
  const log: Log = (level, event, detail = {}) => lines.push({ level, event, detail });
  const register = new Register(cluster, settings.managerNamespace);
  const keys = [new Uint8Array(32).fill(7)];
  const backups = new CountedBackups({ sink, brains, keys, clock, newId, randomBytes }, busy);
  const operations = new Operations({
    cluster,
    register,
    brains,
    backups,
    settings,
    clock,
    random,
    randomBytes,
    newId,
    holder: name,
    sharedKeys: {},
    log,
  });
  const manager = new BrainManager({
    cluster,
    register,
    operations,
    backups,
    settings,
    clock,
    newId,
  });
  return { manager, operations, register, backups, cluster, log: lines };
}

/** As a client who waits as long as he may, and turns the clock meanwhile. */
export async function waited<T>({ clock }: Pick<World, "clock">, work: Promise<T>): Promise<T> {
  await clock.until(work);
  return await work;
}

export const PATIENT: RequestOptions = { waitMs: 60_000 };

/** A user who is there and runs. */
export async function signedUp(
  world: World,
  program: Program,
  id = "ada",
  tier: "free" | "pro" | "enterprise" = "free",
): Promise<Outcome> {
  return await waited(world, program.manager.createUser(id, { tier, withKey: true, ...PATIENT }));
}

export async function recordOf(program: Program, slug = "ada"): Promise<UserRecord | undefined> {
  return (await program.register.get(slug))?.record;
}

/** For `assert.rejects`. */
export function refusal(code: ManagerErrorCode, message = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof ManagerError, String(error));
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    return true;
  };
}

/** With a user `ada` who runs. */
export async function running(): Promise<{ here: World; program: Program }> {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  return { here, program };
}

/** With a user `ada` whose volume is never given: what waits for it waits until its time is up. */
export async function stuck(): Promise<{ here: World; program: Program }> {
  const here = await world({ cluster: { delays: { provisionMs: 10 * 3_600_000 } } });
  const program = here.start("one");
  await program.manager.createUser("ada", { tier: "free" });
  await here.clock.advance(5_000);
  return { here, program };
}
