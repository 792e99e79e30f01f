/** What somebody added to an object of ours does not stay, where applying ours leaves it alone. */
import assert from "node:assert/strict";
import { Reconciler } from "../src/manager/reconciler.ts";
import { signedUp, waited, world } from "./manager/kit.ts";
import { treeAt, treesAt } from "./manager/simulated_cluster_tree.ts";

const SERVICE = { apiVersion: "v1", kind: "Service", namespace: "user-ada", name: "brain" };
const SET = { apiVersion: "apps/v1", kind: "StatefulSet", namespace: "user-ada", name: "brain" };

Deno.test("ports and containers that somebody added or changed are ours again", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  const reconciler = new Reconciler({
    ...program,
    settings: here.settings,
    clock: here.clock,
    random: () => 0.5,
    log: () => {},
  });
  const parts = () => [
    treesAt(here.cluster.peek(SERVICE), "spec", "ports"),
    treesAt(here.cluster.peek(SET), "spec", "template", "spec", "containers"),
  ];
  const before = parts();
  here.cluster.edit(SERVICE, (service) => ({
    ...service,
    spec: { ...treeAt(service, "spec"), ports: [{ name: "http", port: 1, protocol: "TCP" }] },
  }));
  here.cluster.edit(SET, (set) => {
    const template = treeAt(set, "spec", "template");
    const containers = [...treesAt(template, "spec", "containers"), { name: "miner", image: "m" }];
    const spec = { ...treeAt(template, "spec"), containers };
    return { ...set, spec: { ...treeAt(set, "spec"), template: { ...template, spec } } };
  });
  await waited(here, reconciler.pass());
  assert.deepEqual(parts(), before);
  await waited(here, reconciler.pass());
  assert.equal(reconciler.stats.repairs, 1);
});
