/** A user who is deleted, restored, lost, and destroyed; his memories are there until the last. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { eventually } from "../e2e/conditions.ts";
import { at } from "../kubernetes/api_client.ts";
import { LATER, LIMIT_MS, type Story } from "./e2e_story.ts";
import { type Json, KEYS } from "./http_kit.ts";

export async function remove(story: Story): Promise<void> {
  const { manager, agent, user } = story;
  const before = await user.volumes();
  story.memories = await user.memories(story.key);
  const gone = await manager.ask("DELETE", `${user.path()}?wait=60`);
  assert.equal(gone.status, 204, JSON.stringify(gone.body));
  assert.equal(await user.namespaceStatus(), 404);
  const { status, code, body } = await manager.ask("GET", user.path());
  assert.deepEqual([status, code], [410, "deleted"]);
  assert.ok(Date.parse(body.purge_at) > Date.now() + 29 * 24 * 3_600_000, body.purge_at);
  const { body: { backups } } = await manager.ask("GET", user.path("/backups"));
  assert.equal(backups[0].memories, story.memories.length);
  assert.deepEqual([before.length, await user.volumes()], [1, before]);
  assert.ok((await agent.volumes()).includes(`${before[0]}`));
}

export async function undelete(story: Story): Promise<void> {
  const { manager, user } = story;
  const { user: view } = await manager.done("POST", user.path("/undelete"));
  assert.deepEqual([view?.state, view?.purge_at], ["running", null]);
  await newKey(story);
}

/** His Secret went with his namespace; all else is as it was. */
async function newKey(story: Story): Promise<void> {
  const { manager, user } = story;
  const { key } = await manager.done("PUT", user.path(), { tier: "pro" });
  assert.ok(key);
  story.key = key;
  await user.until(key, 200);
  assert.deepEqual(await user.memories(key), story.memories);
}

export async function loseNamespace(story: Story): Promise<void> {
  const { api, user } = story;
  const path = `/api/v1/namespaces/${user.namespace}`;
  const uidOf = async () => at((await api.ask("GET", path)).body, "metadata.uid");
  const before = await uidOf();
  await api.want([200], "DELETE", path);
  await eventually(LIMIT_MS, "the user is back", async () => {
    const uid = await uidOf();
    if (uid === undefined || uid === before) return undefined;
    const { status, body } = await api.ask("GET", user.place("v1", "Pod", "brain-0"));
    const isReady = JSON.stringify(at(body, "status.conditions") ?? []).includes(
      '"type":"Ready","status":"True"',
    );
    return status === 200 && isReady || undefined;
  });
  await newKey(story);
}

export async function restore({ manager, user, key, memories, backup }: Story): Promise<void> {
  const wanted = memories.filter(({ content }) => content !== LATER.content);
  const { user: view } = await manager.done("POST", user.path("/restore"), { backup });
  assert.equal(view?.state, "running");
  assert.deepEqual((await user.memories(key)).map(contentOf), wanted.map(contentOf));
  const former = await user.object("v1", "PersistentVolumeClaim", "data-1");
  assert.equal(former.status.phase, "Bound");
  const unknown = await manager.ask("POST", user.path("/restore"), { body: { backup: "none" } });
  assert.deepEqual([unknown.status, unknown.code], [404, "no_such_backup"]);
}

function contentOf({ id, content, memory_type, tags, metadata, embedding, created_at }: Json) {
  return { id, content, memory_type, tags, metadata, embedding, created_at };
}

export async function purge(story: Story): Promise<void> {
  const { manager, agent, user } = story;
  const his = await user.volumes();
  const inUse = await manager.ask("POST", user.path("/purge"), { key: KEYS.admin });
  assert.deepEqual([inUse.status, inUse.code], [409, "wrong_state"]);
  assert.equal((await manager.ask("DELETE", `${user.path()}?wait=60&backup=false`)).status, 204);
  const { user: view } = await manager.done("POST", user.path("/purge"), undefined, KEYS.admin);
  assert.equal(view, null);
  assert.equal((await manager.ask("GET", user.path())).status, 404);
  await eventually(LIMIT_MS, "what was on his volumes is gone", async () => {
    const left = [...await user.volumes(), ...await agent.volumes()];
    return !left.some((name) => his.includes(name)) || undefined;
  });
  assert.equal(his.length, 2, "the one in use, and the one that a restore replaced");
  const left = await readdir(manager.backups, { recursive: true, withFileTypes: true });
  assert.deepEqual(left.filter((entry) => entry.isFile()).map(({ name }) => name), []);
}
