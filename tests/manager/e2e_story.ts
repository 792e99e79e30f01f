/** The user of the end-to-end test, what he stores, and how he comes. */
import assert from "node:assert/strict";
import { TIERS } from "../../src/manager/tiers.ts";
import { slugOf } from "../../src/manager/user_id.ts";
import type { TestCluster } from "./e2e_cluster.ts";
import { TestUser } from "./e2e_user.ts";
import type { Json } from "./http_kit.ts";

export const ID = "Ada Lovelace@example.com";
export const LIMIT_MS = 90_000;
export const FIRST = [
  {
    content: "The fence is painted green.",
    memory_type: "episodic",
    importance_score: 0.8,
    tags: ["house", "garden"],
    metadata: { source: "phone", nested: { list: [1, null, "ä"] } },
    embedding: [0.5, -0.25, 0, 1],
  },
  { content: "Yeast wants 26 degrees.", memory_type: "procedural", tags: ["bread"] },
  { content: "Paris is in France." },
];
export const LATER = { content: "The fence fell over.", memory_type: "episodic", tags: ["garden"] };

/** What the steps hand on. */
export interface Story extends TestCluster {
  readonly user: TestUser;
  key: string;
  /** All that he has. */
  memories: Json[];
  /** The first one made. */
  backup: string;
}

export async function signUp(cluster: TestCluster): Promise<Story> {
  const { manager } = cluster;
  const path = `/users/${encodeURIComponent(ID)}`;
  const free = { tier: "free" };
  const planned = await manager.ask("PUT", `${path}?dry_run=true`, { body: free });
  assert.deepEqual([planned.status, planned.body.outcome], [200, "planned"]);
  assert.equal((await manager.ask("GET", path)).status, 404);

  const { status, outcome, user: view, key } = await manager.done("PUT", path, free);
  assert.deepEqual([status, outcome, view?.state, view?.tier], [201, "created", "running", "free"]);
  assert.ok(view && key);
  const user = new TestUser(cluster, view);
  assert.equal(user.namespace, `user-${slugOf(ID)}`);
  for (const memory of FIRST) await user.add(key, memory);
  assert.equal((await user.ask(`${key}x`, "GET", "/stats")).status, 401);
  const memories = await user.memories(key);
  assert.equal(memories.length, FIRST.length);
  assert.equal(await user.gauge(key, "memories_limit"), TIERS.free.mostMemories);

  const again = await manager.done("PUT", path, free);
  assert.deepEqual([again.status, again.outcome, again.key], [200, "same", key]);
  const other = await manager.ask("PUT", path, { body: { tier: "pro" } });
  assert.deepEqual([other.status, other.code], [409, "tier_conflict"]);
  return { ...cluster, user, key, memories, backup: "" };
}
