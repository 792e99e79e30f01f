/** Signing up: what is there afterwards, asked again, and where somebody else is there first. */
import assert from "node:assert/strict";
import { userListSchema, userViewSchema } from "../src/manager/brain_manager.ts";
import { PATIENT, recordOf, refusal, signedUp, waited, world } from "./manager/kit.ts";
import { stateOf } from "./manager/world_state.ts";

const NAMESPACE = { apiVersion: "v1", kind: "Namespace", name: "user-ada" } as const;

Deno.test("a user who signed up has a brain that runs, and its key", async () => {
  const here = await world();
  const program = here.start("one");
  const { user, operation, key, ...rest } = await signedUp(here, program);
  assert.deepEqual(rest, { outcome: "created", plan: [] });
  assert.deepEqual(userViewSchema.parse(user), user);
  const { state, tier, address, conditions } = user ?? assert.fail();
  assert.deepEqual([state, tier, address], [
    "running",
    "free",
    "http://brain.user-ada.svc:8000",
  ]);
  assert.deepEqual(conditions.map(({ type, status }) => [type, status]), [
    ["Ready", "true"],
    ["VolumeBound", "true"],
    ["Resized", "true"],
    ["BackupFresh", "true"],
    ["OperationSucceeded", "true"],
  ]);
  assert.deepEqual([operation?.verb, operation?.status], ["create", "succeeded"]);
  // The key opens the brain.
  const signal = new AbortController().signal;
  const stats = await here.brains.stats({ url: address, key: key ?? "" }, signal);
  assert.equal(stats.memories, 0);
  assert.equal(key?.length, 43);
  assert.deepEqual(here.cluster.violations, []);
});

Deno.test("without being asked for, the key is not given", async () => {
  const here = await world();
  const { manager } = here.start("one");
  const asked = manager.createUser("ada", { tier: "free", ...PATIENT });
  assert.equal((await waited(here, asked)).key, null);
});

Deno.test("signing up again is the same, with another tier a conflict", async () => {
  const here = await world();
  const program = here.start("one");
  const { key } = await signedUp(here, program);
  const before = stateOf(here);
  const again = await signedUp(here, program);
  assert.deepEqual([again.outcome, again.key, again.operation], ["same", key, null]);
  await assert.rejects(
    signedUp(here, program, "ada", "pro"),
    refusal("tier_conflict", /with an upgrade/),
  );
  assert.deepEqual(stateOf(here), before);
});

Deno.test("while it is under way, it is that one operation", async () => {
  const here = await world();
  const { manager } = here.start("one");
  const first = await manager.createUser("ada", { tier: "free" });
  const second = await manager.createUser("ada", { tier: "free" });
  assert.deepEqual([first.outcome, second.outcome], ["under_way", "under_way"]);
  assert.equal(second.operation?.id, first.operation?.id);
  assert.equal(second.user?.state, "creating");
  const other = manager.createUser("ada", { tier: "pro" });
  await assert.rejects(other, refusal("tier_conflict"));
  await here.clock.advance(20_000);
  assert.equal((await manager.getUser("ada")).state, "running");
});

Deno.test("a dry run says what would be done, and does nothing", async () => {
  const here = await world();
  const { manager } = here.start("one");
  const before = stateOf(here);
  const { outcome, user, plan } = await manager.createUser("ada", { tier: "free", dryRun: true });
  assert.deepEqual([outcome, user], ["planned", null]);
  assert.deepEqual(plan.slice(0, 4), [
    "create: namespace",
    "create: apply",
    "create: settle",
    "apply Namespace user-ada",
  ]);
  assert.ok(plan.includes("apply StatefulSet user-ada/brain"));
  assert.deepEqual(stateOf(here), before);
});

Deno.test("a namespace that is not his is left alone, also one that comes in between", async () => {
  for (const isLate of [false, true]) {
    const here = await world();
    const { manager, operations } = here.start("one");
    const foreign = () => {
      here.cluster.faults = {};
      return here.cluster.create({
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "user-ada" },
      });
    };
    if (isLate) {
      here.cluster.faults = {
        before: async ({ verb, ref }) => {
          if (verb === "create" && ref?.kind === "Namespace") await foreign();
        },
      };
    } else await foreign();
    const asked = manager.createUser("ada", { tier: "free", ...PATIENT });
    await assert.rejects(waited(here, asked), refusal("name_collision", /not this user's/));
    await operations.stop();
    const { metadata } = here.cluster.peek(NAMESPACE) ?? assert.fail();
    assert.equal(metadata.annotations?.["second-brain/user-id"], undefined);
    assert.deepEqual(here.cluster.all({ apiVersion: "apps/v1", kind: "StatefulSet" }), []);
  }
});

Deno.test("one that is still being deleted is waited for by whoever asks again", async () => {
  const here = await world();
  const program = here.start("one");
  const annotations = { "second-brain/user-id": "ada" };
  const metadata = { name: "user-ada", annotations };
  await here.cluster.create({ apiVersion: "v1", kind: "Namespace", metadata });
  here.cluster.remove(NAMESPACE);
  await assert.rejects(signedUp(here, program), refusal("user_deleting", /try again/));
  assert.equal(await recordOf(program), undefined);
  await here.clock.advance(10_000);
  assert.equal((await signedUp(here, program)).outcome, "created");
});

Deno.test("what is left over from a former user of the name is not taken over", async () => {
  const here = await world();
  const program = here.start("one");
  const annotations = { "second-brain/user-id": "ada" };
  const labels = { "second-brain/life": "another" };
  const metadata = { name: "user-ada", annotations, labels };
  await here.cluster.create({ apiVersion: "v1", kind: "Namespace", metadata });
  await assert.rejects(signedUp(here, program), refusal("name_collision", /left over/));
});

Deno.test("of two ids with one slug the second is refused, whatever it asks for", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  const record = await recordOf(program);
  here.cluster.edit(
    { apiVersion: "v1", kind: "ConfigMap", namespace: "second-brain", name: "user-ada" },
    (object) => {
      const data = { record: JSON.stringify({ ...record, userId: "Other" }) };
      const annotations = { "second-brain/user-id": "Other" };
      return { ...object, metadata: { ...object.metadata, annotations }, data };
    },
  );
  const { manager } = program;
  await assert.rejects(manager.getUser("ada"), refusal("name_collision", /choose another id/));
  await assert.rejects(signedUp(here, program), refusal("name_collision"));
  await assert.rejects(manager.suspendUser("ada"), refusal("name_collision"));
});

Deno.test("whoever is not there is not found, and a bad id is told from him", async () => {
  const { manager } = (await world()).start("one");
  await assert.rejects(manager.getUser("ada"), refusal("no_such_user"));
  await assert.rejects(manager.suspendUser("ada"), refusal("no_such_user"));
  await assert.rejects(manager.getUser(""), refusal("invalid_user_id"));
});

Deno.test("users are listed in pages, as the register has them", async () => {
  const here = await world();
  const program = here.start("one");
  for (const id of ["carl", "ada", "bob"]) await signedUp(here, program, id);
  const page = await program.manager.listUsers({ limit: 2 });
  assert.deepEqual(userListSchema.parse(page), page);
  assert.deepEqual(page.users.map(({ id, state }) => [id, state]), [
    ["ada", "running"],
    ["bob", "running"],
  ]);
  assert.deepEqual([page.total, page.next_cursor], [3, "bob"]);
  const last = await program.manager.listUsers({ limit: 2, cursor: "bob" });
  assert.deepEqual(last.users.map(({ id }) => id), ["carl"]);
  assert.equal(last.next_cursor, null);
});
