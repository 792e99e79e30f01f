/** The loop where something cannot be put right: everything else is done all the same. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import { Reconciler } from "../src/manager/reconciler.ts";
import {
  PATIENT,
  type Program,
  recordOf,
  running,
  signedUp,
  waited,
  type World,
  world,
} from "./manager/kit.ts";

const HIS = "user-ada";
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function reconcilerOf(here: World, program: Program): Reconciler {
  return new Reconciler({
    ...program,
    settings: here.settings,
    clock: here.clock,
    random: () => 0.5,
    log: (level, event, detail = {}) => program.log.push({ level, event, detail }),
  });
}

/** A pass, and what it began. */
async function settle(here: World, reconciler: Reconciler): Promise<void> {
  await waited(here, reconciler.pass());
  await here.clock.advance(MINUTE_MS);
}

Deno.test("what cannot be put right holds up no backup, and keeps no former key alive", async () => {
  const { here, program } = await running();
  const reconciler = reconcilerOf(here, program);
  await waited(here, program.manager.rotateKey("ada", { graceSeconds: 600, ...PATIENT }));
  const apply = program.cluster.apply.bind(program.cluster);
  program.cluster.apply = (object, options) =>
    object.kind === "LimitRange"
      ? Promise.reject(new ClusterError("invalid", 422, "Invalid", "a webhook says no"))
      : apply(object, options);
  here.cluster.remove({ apiVersion: "v1", kind: "LimitRange", namespace: HIS, name: "brain" });
  await here.clock.leap(50 * HOUR_MS);
  await settle(here, reconciler);
  await here.clock.advance(MINUTE_MS);
  const record = await recordOf(program);
  assert.deepEqual([record?.lastBackup?.memories, record?.previousKeyUntil], [0, null]);
  assert.ok(reconciler.stats.failures > 0);
  await reconciler.stop();
});

Deno.test("where nobody knows of monitors, a brain is as good without", async () => {
  const here = await world({ settings: { hasServiceMonitors: true } });
  const program = here.start("one");
  assert.equal((await signedUp(here, program)).outcome, "created");
  const reconciler = reconcilerOf(here, program);
  await settle(here, reconciler);
  assert.deepEqual([reconciler.stats.failures, reconciler.stats.repairs], [0, 0]);
  await reconciler.stop();
});
