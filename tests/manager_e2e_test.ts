/**
 * End to end without a cluster: the management service as a process, with the rights that it ships
 * with, before a real API server and its controllers; real brains stand in for the pods. What is
 * newer than that server (1.20) is not in it: resize in place, admission policies, pod security.
 */
import assert from "node:assert/strict";
import { hasApiServer, whyNoApiServer } from "./kubernetes/api_server.ts";
import { logged, makeShop, noShopOfOurs, refusals, shop } from "./manager/e2e_bounds.ts";
import { backUp, crash, drift, pause, rotate, upgrade } from "./manager/e2e_changes.ts";
import { withCluster } from "./manager/e2e_cluster.ts";
import { rendered, seenFromTheCommandLine } from "./manager/e2e_commands.ts";
import { loseNamespace, purge, remove, restore, undelete } from "./manager/e2e_losses.ts";
import { signUp, type Story } from "./manager/e2e_story.ts";

/** It takes a minute: CI lives through it once, on the bundle. */
const isForBundle = Deno.env.has("CI") && !Deno.env.has("SECOND_BRAIN_BUNDLE");

Deno.test({
  name: `a user's life, from the sign-up until nothing is left of him${whyNoApiServer}` +
    (isForBundle ? " (on the bundle)" : ""),
  ignore: !hasApiServer || isForBundle,
  fn: (test) =>
    withCluster(async (cluster) => {
      await makeShop(cluster);
      const shopBefore = await shop(cluster);
      const story = await signUp(cluster);
      const ended = await crash(cluster);
      const keys = new Set([story.key]);
      const steps: readonly (readonly [string, (story: Story) => Promise<void>])[] = [
        ["who may not is refused", refusals],
        ["a namespace of somebody else is not his", noShopOfOurs],
        ["a larger tier, with a new pod over the same volume", upgrade],
        ["a backup", backUp],
        ["suspended and resumed", pause],
        ["a new key, the one before it for a while", rotate],
        ["what somebody changed is put right", drift],
        ["deleted, and his volume kept", remove],
        ["brought back", undelete],
        ["restored; what he had is kept as well", restore],
        ["his namespace deleted by somebody, and brought back", async (now) => {
          now.memories = await now.user.memories(now.key);
          await loseNamespace(now);
        }],
        ["the commands, beside the service", ({ manager, user }) =>
          seenFromTheCommandLine(manager, ["bea", user.id])],
        ["without the service: what render prints, applied", rendered],
        ["what was under way when the service was killed has ended", () =>
          ended()],
        ["destroyed", purge],
      ];
      for (const [name, run] of steps) {
        const isDone = await test.step(name, async () => {
          try {
            await run(story);
          } catch (cause) {
            throw new Error(`The manager said:\n${cluster.manager.warnings}`, { cause });
          }
          keys.add(story.key);
        });
        if (!isDone) {
          break;
        }
      }
      await test.step("the log, the neighbours, and no pod ever beside another", async () => {
        logged(story, keys);
        assert.deepEqual(await shop(cluster), shopBefore);
        assert.deepEqual([cluster.agent.violations, cluster.agent.errors], [[], []]);
      });
    }),
});
