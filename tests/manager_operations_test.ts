/** Operations: who runs them, for how long, and what becomes of them when something goes wrong. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import {
  PATIENT,
  recordOf,
  refusal,
  running,
  signedUp,
  stuck,
  waited,
  world,
} from "./manager/kit.ts";
import { stateOf } from "./manager/world_state.ts";

const POD = { apiVersion: "v1", kind: "Pod", namespace: "user-ada", name: "brain-0" } as const;
const SECRET = {
  apiVersion: "v1",
  kind: "Secret",
  namespace: "user-ada",
  name: "brain-key",
} as const;

Deno.test("suspended he has no pod, resumed he has one, and his memories", async () => {
  const { here, program: { manager } } = await running();
  here.brains.running("user-ada")?.set("1", "the fence");
  const suspended = await waited(here, manager.suspendUser("ada", PATIENT));
  assert.deepEqual([suspended.outcome, suspended.user?.state], ["done", "suspended"]);
  assert.equal(here.cluster.peek(POD), undefined);
  assert.equal((await manager.suspendUser("ada")).outcome, "same");
  await assert.rejects(manager.restartUser("ada"), refusal("wrong_state", /resume it/));
  const resumed = await waited(here, manager.resumeUser("ada", PATIENT));
  assert.deepEqual([resumed.outcome, resumed.user?.state], ["done", "running"]);
  assert.equal((await manager.resumeUser("ada")).outcome, "same");
  assert.deepEqual([...here.brains.running("user-ada") ?? []], [["1", "the fence"]]);
});

Deno.test("a restart makes one other pod, once for each time it is asked for", async () => {
  const { here, program: { manager } } = await running();
  const uids = new Set([here.cluster.peek(POD)?.metadata.uid]);
  for (let n = 0; n < 2; n++) {
    assert.equal((await waited(here, manager.restartUser("ada", PATIENT))).outcome, "done");
    uids.add(here.cluster.peek(POD)?.metadata.uid);
  }
  assert.equal(uids.size, 3);
  assert.deepEqual(here.cluster.violations, []);
});

Deno.test("a rotated key is another one, and the old one is let in as long as was said", async () => {
  const { here, program } = await running();
  const { manager } = program;
  const before = (await signedUp(here, program)).key;
  const rotated = await waited(here, manager.rotateKey("ada", { graceSeconds: 60, ...PATIENT }));
  assert.equal(rotated.outcome, "done");
  assert.notEqual(rotated.key, before);
  const record = await recordOf(program);
  assert.equal(record?.previousKeyUntil, new Date(here.clock.now() + 60_000).toISOString());
  const signal = new AbortController().signal;
  const url = "http://brain.user-ada.svc:8000";
  for (const key of [before ?? "", rotated.key ?? ""]) {
    assert.equal((await here.brains.stats({ url, key }, signal)).memories, 0);
  }
  const again = await waited(here, manager.rotateKey("ada", { graceSeconds: 0, ...PATIENT }));
  await assert.rejects(here.brains.stats({ url, key: rotated.key ?? "" }, signal), /401/);
  assert.equal((await here.brains.stats({ url, key: again.key ?? "" }, signal)).memories, 0);
  assert.equal((await recordOf(program))?.previousKeyUntil, null);
  assert.equal(JSON.stringify(program.log).includes(again.key ?? ""), false);
});

Deno.test("a rotation that broke off after its write does not rotate again", async () => {
  const { here, program } = await running();
  const { key } = await signedUp(here, program);
  here.cluster.faults = {
    after: async ({ verb, ref }) => {
      if (verb !== "replace" || ref?.kind !== "Secret") return;
      here.cluster.faults = {};
      program.cluster.isDead = true;
      await new Promise(() => {});
    },
  };
  const once = { graceSeconds: 600, idempotencyKey: "k1" };
  program.manager.rotateKey("ada", once).catch(() => {});
  await here.clock.advance(60_000);
  const { manager } = here.start("two");
  const rotated = await waited(here, manager.rotateKey("ada", { ...once, ...PATIENT }));
  assert.equal(rotated.outcome, "done");
  const signal = new AbortController().signal;
  const url = "http://brain.user-ada.svc:8000";
  for (const letIn of [key ?? "", rotated.key ?? ""]) {
    assert.equal((await here.brains.stats({ url, key: letIn }, signal)).memories, 0);
  }
});

Deno.test("a key that somebody deleted is made anew by the next verb that needs one", async () => {
  const { here, program } = await running();
  here.cluster.remove(SECRET);
  const { key } = await waited(here, program.manager.rotateKey("ada", PATIENT));
  assert.equal(key?.length, 43);
});

Deno.test("one Idempotency-Key is one request, also long after it was carried out", async () => {
  const { here, program: { manager } } = await running();
  const once = { ...PATIENT, idempotencyKey: "k1" };
  const first = await waited(here, manager.restartUser("ada", once));
  const uid = here.cluster.peek(POD)?.metadata.uid;
  const again = await waited(here, manager.restartUser("ada", once));
  assert.deepEqual([again.outcome, again.operation], ["done", first.operation]);
  assert.equal(here.cluster.peek(POD)?.metadata.uid, uid);
  await assert.rejects(manager.suspendUser("ada", once), refusal("idempotency_conflict"));
  await waited(here, manager.suspendUser("ada", PATIENT));
  const late = await waited(here, manager.restartUser("ada", once));
  assert.deepEqual([late.outcome, late.operation?.id], ["done", first.operation?.id]);
});

Deno.test("a key that came while it was under way is remembered with it", async () => {
  const { here, program: { manager } } = await running();
  const first = await manager.restartUser("ada");
  const joined = await manager.restartUser("ada", { idempotencyKey: "k2" });
  assert.equal(joined.operation?.id, first.operation?.id);
  await here.clock.advance(60_000);
  const uid = here.cluster.peek(POD)?.metadata.uid;
  const again = await waited(
    here,
    manager.restartUser("ada", { idempotencyKey: "k2", ...PATIENT }),
  );
  assert.deepEqual([again.outcome, again.operation?.id], ["done", first.operation?.id]);
  assert.equal(here.cluster.peek(POD)?.metadata.uid, uid);
});

Deno.test("while one verb is under way another is refused, and the same one is that one", async () => {
  const { here, program: { manager } } = await running();
  const first = await manager.restartUser("ada");
  const again = await manager.restartUser("ada");
  assert.deepEqual([again.outcome, again.operation?.id], ["under_way", first.operation?.id]);
  const refused = manager.suspendUser("ada");
  await assert.rejects(refused, refusal("operation_under_way", /"restart" is under way/));
  await here.clock.advance(30_000);
});

Deno.test("what does not come about in its time has failed, and says what it waited for", async () => {
  const { here, program } = await stuck();
  await here.clock.advance(20 * 60_000);
  const record = await recordOf(program);
  assert.equal(record?.operation, null);
  assert.deepEqual([record?.lastOperation?.outcome, record?.lastOperation?.failure?.code], [
    "failed",
    "timed_out",
  ]);
  assert.match(
    record?.lastOperation?.failure?.message ?? "",
    /at "settle": still waiting for its pod/,
  );
  assert.equal((await program.manager.getUser("ada")).state, "degraded");
  // Asked again, it is gone on with.
  const again = await program.manager.createUser("ada", { tier: "free" });
  assert.equal(again.outcome, "under_way");
  await program.operations.stop();
});

Deno.test("one who waits is told why it failed", async () => {
  const { here, program } = await stuck();
  await here.clock.advance(14 * 60_000 + 30_000);
  const asked = program.manager.createUser("ada", { tier: "free", ...PATIENT });
  await assert.rejects(waited(here, asked), refusal("timed_out"));
});

Deno.test("deleting cuts off what is under way, at once", async () => {
  const { here, program } = await stuck();
  const asked = program.manager.deleteUser("ada", { backup: false });
  const { outcome, operation } = await asked;
  assert.deepEqual([outcome, operation?.verb], ["under_way", "delete"]);
  assert.equal((await recordOf(program))?.lastOperation?.failure?.code, "operation_under_way");
  await here.clock.advance(60_000);
  const record = await recordOf(program);
  assert.deepEqual([record?.state, record?.operation], ["deleted", null]);
  await assert.rejects(program.manager.getUser("ada"), refusal("deleted"));
});

Deno.test("a cluster that is away for a while delays it, and nothing more", async () => {
  const { here, program: { manager } } = await running();
  const { operation } = await manager.restartUser("ada");
  await here.clock.advance(500);
  here.cluster.faults = {
    before: () => {
      throw new ClusterError("unavailable", 503, "", "no answer");
    },
  };
  await here.clock.advance(5 * 60_000);
  here.cluster.faults = {};
  await here.clock.advance(60_000);
  const { last_operation: last, state } = await manager.getUser("ada");
  assert.deepEqual([last?.id, last?.status, state], [operation?.id, "succeeded", "running"]);
});

Deno.test("answers that are lost at random change nothing in the end", async () => {
  const states: unknown[] = [];
  for (const share of [0, 3]) {
    const here = await world();
    const program = here.start("one");
    await signedUp(here, program);
    let calls = 0;
    const fault = () => {
      if (share > 0 && ++calls % share === 0) {
        throw new ClusterError("unavailable", 0, "", "the answer was lost");
      }
    };
    await program.manager.upgradeUser("ada", { tier: "pro" });
    here.cluster.faults = { after: fault };
    await here.clock.advance(5 * 60_000);
    here.cluster.faults = {};
    await here.clock.advance(60_000);
    states.push(stateOf(here));
  }
  assert.deepEqual(states[1], states[0]);
});

Deno.test("events tell what happened, on the record, and each once", async () => {
  const { here, program } = await running();
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  const events = here.cluster.all({ apiVersion: "v1", kind: "Event" });
  assert.deepEqual(
    events.map(({ type, reason, involvedObject, metadata: { namespace } }) => ({
      type,
      reason,
      involvedObject,
      namespace,
    })),
    ["CreateSucceeded", "SuspendSucceeded"].map((reason) => ({
      type: "Normal",
      reason,
      involvedObject: {
        apiVersion: "v1",
        kind: "ConfigMap",
        namespace: "second-brain",
        name: "user-ada",
      },
      namespace: "second-brain",
    })),
  );
});
