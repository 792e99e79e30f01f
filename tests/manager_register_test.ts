/** The register: one record for each user, written by compare-and-set, and what is not ours in it. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import { ManagerError } from "../src/manager/errors.ts";
import type { KubeObject } from "../src/manager/kube_object.ts";
import type { UserRecord } from "../src/manager/record.ts";
import { Register } from "../src/manager/register.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { recordOf as firstRecord } from "./manager/manifest_kit.ts";
import { SimulatedCluster } from "./manager/simulated_cluster.ts";

const NAMESPACE = "second-brain";

function here() {
  const cluster = new SimulatedCluster({ clock: new FakeClock() });
  return { cluster, register: new Register(cluster, NAMESPACE) };
}

function refOf(slug: string) {
  return { apiVersion: "v1", kind: "ConfigMap", namespace: NAMESPACE, name: `user-${slug}` };
}

/** Somebody meddles with what is written there. */
function meddle(cluster: SimulatedCluster, slug: string, change: (record: object) => unknown) {
  cluster.edit(refOf(slug), (object): KubeObject => {
    const data = object["data"];
    const text = typeof data === "object" && data !== null && "record" in data ? data.record : "";
    return { ...object, data: { record: JSON.stringify(change(JSON.parse(String(text)))) } };
  });
}

function isFault(fault: ClusterError["fault"]) {
  return (error: unknown) => error instanceof ClusterError && error.fault === fault;
}

function isUnreadable(why: RegExp) {
  return (error: unknown) =>
    error instanceof ManagerError && error.code === "record_unreadable" && why.test(error.message);
}

Deno.test("a record comes back as it was written, and its labels say what it is of", async () => {
  const { cluster, register } = here();
  const record = firstRecord({ tier: "pro", userId: "Ada@example.com" });
  await register.create(record);
  assert.deepEqual((await register.get(record.slug))?.record, record);
  assert.equal(await register.get("nobody"), undefined);
  const { metadata } = cluster.peek(refOf(record.slug)) ?? assert.fail();
  assert.deepEqual(metadata.labels, {
    "app.kubernetes.io/managed-by": "brain-manager",
    "second-brain/tier": "pro",
    "second-brain/state": "active",
  });
  assert.deepEqual(metadata.annotations, { "second-brain/user-id": "Ada@example.com" });
});

Deno.test("of two who write at once one is told, and of two who create as well", async () => {
  const { register } = here();
  const record = firstRecord({ tier: "free" });
  const known = await register.create(record);
  await assert.rejects(register.create(record), isFault("already_exists"));
  await register.replace(known, { ...record, generation: 2 });
  await assert.rejects(
    register.replace(known, { ...record, generation: 3 }),
    isFault("conflict"),
  );
  assert.equal((await register.get("ada"))?.record.generation, 2);
});

Deno.test("a record that was removed is gone; one that came after it is not removed for it", async () => {
  const { register } = here();
  const record = firstRecord({ tier: "free" });
  const former = await register.create(record);
  await register.remove(former);
  await register.remove(former);
  assert.equal(await register.get("ada"), undefined);
  await register.create(record);
  await assert.rejects(register.remove(former), isFault("conflict"));
  await assert.rejects(register.replace(former, record), isFault("conflict"));
});

Deno.test("what cannot be read is said with why, and never written over", async () => {
  const cases: readonly (readonly [change: (record: object) => unknown, why: RegExp])[] = [
    [
      (record) => ({ ...record, version: 2, wishes: [] }),
      /version 2; this manager knows version 1/,
    ],
    [(record) => ({ ...record, tier: "gold" }), /damaged at tier/],
    [(record) => ({ ...record, more: 1 }), /damaged at all of it/],
    [(record) => ({ ...record, slug: "bob" }), /the record of another user/],
    [(record) => ({ ...record, userId: "bob" }), /names another user/],
    [() => "x".repeat(70_000), /more than 65536 bytes/],
  ];
  for (const [change, why] of cases) {
    const { cluster, register } = here();
    const known = await register.create(firstRecord({ tier: "free" }));
    await register.create(firstRecord({ tier: "free", userId: "carl" }));
    meddle(cluster, "ada", change);
    const before = cluster.peek(refOf("ada"));
    await assert.rejects(register.get("ada"), isUnreadable(why));
    await assert.rejects(register.replace(known, known.record), isFault("conflict"));
    await assert.rejects(register.create(known.record), isFault("already_exists"));
    const { users, unreadable } = await register.list();
    assert.deepEqual(users.map(({ record: { slug } }) => slug), ["carl"]);
    assert.equal(unreadable.length, 1);
    assert.match(unreadable[0]?.reason ?? "", why);
    assert.deepEqual(cluster.peek(refOf("ada")), before);
  }
});

Deno.test("a ConfigMap of somebody else under a user's name is left alone", async () => {
  const { cluster, register } = here();
  const foreign = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "user-ada", namespace: NAMESPACE },
    data: { a: "b" },
  };
  await cluster.create(foreign);
  await assert.rejects(register.get("ada"), isUnreadable(/not the label of the manager/));
  await assert.rejects(register.create(firstRecord({ tier: "free" })), isFault("already_exists"));
  assert.deepEqual((await register.list()).users, []);
  assert.deepEqual(cluster.peek(refOf("ada"))?.["data"], { a: "b" });
});

Deno.test("a list is by slug, in pages, and only of what was asked for", async () => {
  const { register } = here();
  const states: readonly UserRecord["state"][] = ["active", "suspended"];
  for (const [n, userId] of ["dora", "carl", "bob", "ada", "a-b", "emil"].entries()) {
    const tier = n % 2 === 0 ? "free" : "pro";
    await register.create(firstRecord({ userId, tier, state: states[n % 3] ?? "deleted" }));
  }
  const slugs = async (filter: Parameters<Register["list"]>[0]) => {
    const { users, total, next } = await register.list(filter);
    return { slugs: users.map(({ record: { slug } }) => slug), total, next };
  };
  const all = ["a-b", "ada", "bob", "carl", "dora", "emil"];
  assert.deepEqual(await slugs({}), { slugs: all, total: 6, next: undefined });
  assert.deepEqual(await slugs({ tier: "pro" }), {
    slugs: ["ada", "carl", "emil"],
    total: 3,
    next: undefined,
  });
  assert.deepEqual(await slugs({ state: "suspended" }), {
    slugs: ["a-b", "carl"],
    total: 2,
    next: undefined,
  });
  const walked: string[] = [];
  let after: string | undefined;
  do {
    const page = await slugs({ after, limit: 2 });
    assert.equal(page.total, 6);
    walked.push(...page.slugs);
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(walked, all);
  assert.deepEqual(await slugs({ after: "bz", limit: 1 }), {
    slugs: ["carl"],
    total: 6,
    next: "carl",
  });
});

Deno.test("lists are read one after the other, and no more wait than may", async () => {
  const { cluster, register } = here();
  await register.create(firstRecord({ tier: "free" }));
  let atOnce = 0, most = 0;
  cluster.faults = {
    before: async () => {
      most = Math.max(most, ++atOnce);
      await Promise.resolve();
    },
    after: () => void atOnce--,
  };
  const lists = Array.from({ length: 50 }, () => register.list());
  await assert.rejects(register.list(), { name: "ManagerError", code: "cluster_unavailable" });
  assert.deepEqual((await Promise.all(lists)).map(({ total }) => total), lists.map(() => 1));
  assert.equal(most, 1);
  assert.equal((await register.list()).total, 1);
});
