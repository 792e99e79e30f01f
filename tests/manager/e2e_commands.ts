/** The manager's commands beside its service, and a user who was signed up without either. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { eventually } from "../e2e/conditions.ts";
import { placeOf, type TestCluster } from "./e2e_cluster.ts";
import type { RealManager } from "./e2e_manager.ts";
import { TestUser } from "./e2e_user.ts";

const LIMIT_MS = 60_000;
const KEY = "of-user-123-0123456789abcdef";
const CLUSTER_WIDE = ["Namespace"];

const documentSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

/** The last of those who are there is looked at. */
export async function seenFromTheCommandLine(
  manager: RealManager,
  ids: readonly string[],
): Promise<void> {
  const last = ids.at(-1) ?? assert.fail();
  const [list, show, doctor] = await Promise.all([
    manager.command("list", "--json"),
    manager.command("show", last, "--json"),
    manager.command("doctor", "--json"),
  ]);
  assert.deepEqual([list, show].map(({ code, error }) => [code, error]), [[0, ""], [0, ""]]);
  const { users, unreadable } = JSON.parse(list.out);
  const listed = users.map(({ id }: { id: string }) => id);
  assert.deepEqual([listed.toSorted(), unreadable], [ids.toSorted(), []]);
  const { id, state } = JSON.parse(show.out);
  assert.deepEqual([id, state], [last, "running"]);
  const found = z.array(z.object({ check: z.string(), status: z.string() })).parse(
    JSON.parse(doctor.out),
  );
  assert.deepEqual(found.filter(({ status }) => status === "bad"), [], doctor.out);
  assert.deepEqual(found.filter(({ check }) => check === "rights").map(({ status }) => status), [
    "ok",
  ]);
}

/** What `render` prints, applied by an administrator, and the key that its head asks for. */
export async function rendered(cluster: TestCluster): Promise<void> {
  const { api, manager } = cluster;
  const { code, out, error } = await manager.command("render", "--user=123", "--tier=free");
  assert.deepEqual([code, error], [0, ""]);
  for (const document of parseAllDocuments(out)) {
    const object = documentSchema.parse("toJS" in document ? document.toJS() : document);
    const { apiVersion, kind, metadata: { namespace } } = object;
    const isIn = CLUSTER_WIDE.includes(kind) ? undefined : namespace;
    // Sent, not applied: this server drops what it does not know, where it refuses to apply it.
    await api.want([201], "POST", placeOf({ apiVersion, kind, namespace: isIn }), object);
  }
  await api.want([201], "POST", "/api/v1/namespaces/user-123/secrets", {
    metadata: { name: "brain-key" },
    stringData: { key: KEY, previous: "" },
  });
  const address = "http://brain.user-123.svc:8000";
  const user = new TestUser(cluster, { id: "123", namespace: "user-123", address });
  await eventually(LIMIT_MS, "his pod", () => cluster.agent.addressOf(user.namespace));
  await user.add(KEY, { content: "signed up by hand" });
  assert.deepEqual((await user.memories(KEY)).map(({ content }) => content), ["signed up by hand"]);
}
