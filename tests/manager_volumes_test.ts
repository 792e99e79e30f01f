/** Two that bring the same volume back at once: what one of them saw may be over by now. */
import assert from "node:assert/strict";
import type { Cluster } from "../src/manager/cluster.ts";
import { reserveVolume } from "../src/manager/volumes.ts";
import { PATIENT, recordOf, signedUp, waited, world } from "./manager/kit.ts";
import { textAt } from "./manager/simulated_cluster_tree.ts";

const CLAIM = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  namespace: "user-ada",
  name: "data-1",
} as const;

Deno.test("a volume that was bound meanwhile is not set free again", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  await waited(here, program.manager.deleteUser("ada", { backup: false, ...PATIENT }));
  const record = await recordOf(program) ?? assert.fail("no record");
  const kept = record.volume ?? assert.fail("no volume");
  const gate = Promise.withResolvers<void>();
  const late: Pick<Cluster, "get" | "patch"> = {
    patch: (...args) => here.cluster.patch(...args),
    get: async (ref) => {
      if (ref.kind === CLAIM.kind) await gate.promise;
      return await here.cluster.get(ref);
    },
  };
  const cluster = new Proxy<Cluster>(here.cluster, {
    get: (_, name) => name === "get" || name === "patch" ? late[name] : undefined,
  });
  const reserving = reserveVolume(cluster, record, kept);
  await waited(here, program.manager.undeleteUser("ada", PATIENT));
  gate.resolve();
  await reserving;
  const volume = here.cluster.peek({ apiVersion: "v1", kind: "PersistentVolume", name: kept.name });
  const claim = here.cluster.peek(CLAIM) ?? assert.fail("no claim");
  assert.equal(textAt(volume, "spec", "claimRef", "uid"), claim.metadata.uid);
});
