/** A namespace that is being deleted, in which the manager may not even look any more. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import { memoriesOn } from "./manager/brains.ts";
import { recordOf, refusal, running } from "./manager/kit.ts";

const MEMORIES = [["1", "the fence gets cedar posts"]];
const HIS = "user-ada";
const NAMESPACE = { apiVersion: "v1", kind: "Namespace", name: HIS } as const;

Deno.test("an operation waits for the end of a namespace that shuts it out", async () => {
  const { here, program } = await running();
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  here.cluster.remove(NAMESPACE);
  let isShut = true;
  here.cluster.faults = {
    before: ({ ref }) => {
      if (!isShut || ref?.namespace !== HIS) return;
      throw new ClusterError("forbidden", 403, "Forbidden", "it has no right to");
    },
  };
  const asked = () => program.manager.deleteUser("ada", { backup: false });
  await assert.rejects(asked, refusal("cluster_unavailable", /not gone yet; try again/));
  isShut = false;
  await asked();
  isShut = true;
  await here.clock.advance(3 * 60_000);
  const waiting = (await recordOf(program))?.operation;
  assert.deepEqual([waiting?.failure, waiting?.waitingFor], [
    null,
    "his deleted namespace to be gone",
  ]);
  here.cluster.faults = {};
  await here.clock.advance(60_000);
  const record = await recordOf(program);
  assert.deepEqual([record?.state, record?.operation, record?.lastOperation?.outcome], [
    "deleted",
    null,
    "succeeded",
  ]);
  const disks = here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined);
  assert.deepEqual(disks.map((disk) => [...memoriesOn(disk)]), [MEMORIES]);
});
