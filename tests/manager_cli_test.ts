/** The manager's command line: what is understood, what is asked for, and what is said of it. */
import assert from "node:assert/strict";
import { UsageError } from "../src/cli/command_line.ts";
import { CommandError } from "../src/cli/terminal.ts";
import type { Outcome } from "../src/manager/brain_manager.ts";
import { commandPage, COMMANDS, helpPage, parseCommandLine } from "../src/manager/cli/arguments.ts";
import type { Cluster } from "../src/manager/cluster.ts";
import type { DiagnosisOptions } from "../src/manager/diagnosis.ts";
import { runDoctor } from "../src/manager/cli/doctor.ts";
import { runReading } from "../src/manager/cli/reading.ts";
import { backupLines, linesOf, tierLines, userLines } from "../src/manager/cli/shown.ts";
import { runVerb } from "../src/manager/cli/verbs.ts";
import { SETTINGS, signedUp, waited, world as worldOf } from "./manager/kit.ts";
import { type Json, NOW, outcome, Scripted, UNDER_WAY, USER } from "./manager/http_kit.ts";

const words = (line: string) => line.split(" ").filter((word) => word !== "");

/** What a command asks for, prints and shows; `outcomes` are the answers, the last one for ever. */
async function run(line: string, outcomes: readonly Outcome[] = [outcome()]) {
  const scripted = new Scripted();
  const printed: string[] = [], shown: string[] = [];
  let now = 0, ids = 0;
  const out = (bytes: Uint8Array) =>
    Promise.resolve(void printed.push(new TextDecoder().decode(bytes)));
  const parsed = parseCommandLine(words(line));
  const step = () => {
    now += 2_000;
    scripted.next = outcomes[scripted.asked.length] ?? outcomes.at(-1) ?? outcome();
    return now;
  };
  const isVerb = await runVerb(parsed, () => {
    const terminal = { out, progress: (text: string) => void shown.push(text) };
    return Promise.resolve({
      manager: scripted.manager,
      terminal,
      newId: () => `id-${++ids}`,
      now: step,
    });
  }).catch((error) => error);
  if (isVerb === false) {
    await runReading(parsed, {
      manager: () => Promise.resolve(scripted.manager),
      settings: () => SETTINGS,
      out,
      signal: new AbortController().signal,
    });
  }
  const error: unknown = isVerb instanceof Error ? isVerb : undefined;
  return { asked: scripted.asked, printed: printed.join(""), shown: shown.join(""), error };
}

/** What is asked for; how long it waits is left out. */
const ASKED: Readonly<Record<string, readonly unknown[]>> = {
  "create ada --tier pro": ["create", "ada", { tier: "pro", withKey: false }],
  "create ada --tier free --show-key": ["create", "ada", { tier: "free", withKey: true }],
  "upgrade ada --tier pro": ["upgrade", "ada", { tier: "pro", allowRestart: true }],
  "upgrade ada --tier pro --no-restart": ["upgrade", "ada", { tier: "pro", allowRestart: false }],
  "suspend ada": ["suspend", "ada", {}],
  "resume ada": ["resume", "ada", {}],
  "restart ada": ["restart", "ada", {}],
  "rotate-key ada": ["rotate_key", "ada", {}],
  "rotate-key ada --grace 0": ["rotate_key", "ada", { graceSeconds: 0 }],
  "backup ada": ["backup", "ada", { method: "export" }],
  "backup ada --method snapshot": ["backup", "ada", { method: "snapshot" }],
  "restore ada --backup b-1": ["restore", "ada", { backup: "b-1" }],
  "delete ada": ["delete", "ada", { backup: true }],
  "delete ada --no-backup --retain-days 7": ["delete", "ada", { backup: false, retainDays: 7 }],
  "undelete ada": ["undelete", "ada", {}],
  "purge ada --yes": ["purge", "ada", {}],
};

for (const [line, expected] of Object.entries(ASKED)) {
  Deno.test(`"${line}" asks for it, once, by one Idempotency-Key`, async () => {
    const { asked, error } = await run(line);
    assert.equal(error, undefined);
    const plain = asked.map(([verb, id, { waitMs: _, ...request }]: Json) => [verb, id, request]);
    const common = { dryRun: false, idempotencyKey: "id-1" };
    const [verb, id, request] = expected;
    assert.deepEqual(plain, [[verb, id, { ...common, ...Object(request) }]]);
  });
}

const REFUSED: Readonly<Record<string, RegExp>> = {
  "create ada": /^Cannot run "create": it needs --tier; try create --help$/,
  "create ada --tier gold": /--tier must be one of free, pro, enterprise/,
  "create": /needs a USER/,
  "create a b --tier free": /takes no "b"/,
  "purge ada": /add --yes$/,
  "restore ada": /it needs --backup/,
  "delete ada --retain-days 0": /--retain-days must be a whole number from 1 to 365/,
  "delete ada --retain-days x": /--retain-days must be a whole number/,
  "rotate-key ada --grace 999999999": /--grace must be a whole number from 0 to 604800/,
  "suspend ada --wait -1": /wait/,
  "render --tier free": /it needs --user/,
  "frobnicate": /there is no such command/,
};

for (const [line, expected] of Object.entries(REFUSED)) {
  Deno.test(`"${line}" is refused in one line, and nobody is asked`, async () => {
    const refused = async () => {
      const { error, asked } = await run(line);
      assert.deepEqual(asked, []);
      if (error !== undefined) throw error;
    };
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  });
}

Deno.test("what is under way is asked after as the same request, and shown when it moves", async () => {
  const at = (step: string): Outcome => ({
    ...UNDER_WAY,
    operation: UNDER_WAY.operation && { ...UNDER_WAY.operation, step, waiting_for: "the pod" },
  });
  const outcomes = [at("apply"), at("apply"), at("wait"), outcome({ outcome: "created" })];
  const { asked, printed, shown } = await run("create ada --tier free", outcomes);
  const keys = new Set(asked.map(([, , { idempotencyKey }]: Json) => idempotencyKey));
  assert.deepEqual([...keys], ["id-1"]);
  assert.equal(shown, "create: apply, waiting for the pod\ncreate: wait, waiting for the pod\n");
  assert.match(printed, /^created\nuser {9}"ada"\nstate {8}running\n/);
});

Deno.test("who does not wait is told that it is under way; who waited in vain, that it goes on", async () => {
  const none = await run("create ada --tier free --wait 0", [UNDER_WAY]);
  assert.deepEqual([none.error, none.asked.length], [undefined, 1]);
  assert.match(none.printed, /^under way\n/);
  const vain = await run("create ada --tier free --wait 10", [UNDER_WAY]);
  assert.ok(vain.error instanceof CommandError);
  assert.deepEqual([vain.error.exitCode, vain.error.message], [
    75,
    "Cannot say how it ends: after 10 s it is still under way, and goes on; ask with show",
  ]);
});

Deno.test("with --json there is JSON and nothing else", async () => {
  const { printed } = await run("suspend ada --json");
  assert.deepEqual(JSON.parse(printed), outcome());
  assert.deepEqual(JSON.parse((await run("show ada --json")).printed), USER);
  const { printed: backups } = await run("backups ada --json");
  assert.deepEqual(JSON.parse(backups), {
    backups: [{ id: "b-1", at: NOW, bytes: 10, memories: 1 }],
    snapshots: [{ id: "snapshot-1", at: NOW, ready: true }],
    damaged: 0,
    missing: null,
  });
});

Deno.test("the list of backups has snapshots, and says what is damaged or missing", async () => {
  const { printed } = await run("backups ada");
  const lines = [`b-1  ${NOW}  1 memories  10 bytes`, `snapshot-1  ${NOW}`];
  assert.equal(printed, `${[...lines, "1 backups"].join("\n")}\n`);
  const snapshots = [{ id: "snapshot-1", at: NOW, ready: false }];
  assert.deepEqual(
    backupLines({ backups: [], snapshots, damaged: 2, missing: "b-2" }).split("\n"),
    [
      `snapshot-1  ${NOW}  not ready yet`,
      "0 backups, and 2 that cannot be read",
      "missing: b-2, the last one that was made",
    ],
  );
});

Deno.test("an id that would move the cursor is shown as what it is", () => {
  const id = "a\u202e\u001b[31m\u009b\u2028b";
  assert.equal(userLines({ ...USER, id })[0], 'user         "a\\u202e\\u001b[31m\\u009b\\u2028b"');
});

Deno.test("a plan, a key and a failure are said in lines", () => {
  const planned = outcome({ outcome: "planned", user: null, plan: ["create a namespace"] });
  assert.equal(linesOf(planned), "It would:\n  create a namespace");
  const keyed = linesOf(outcome({ user: null, key: "k" }));
  assert.equal(keyed, "done; nothing is left\nkey          k");
});

Deno.test("render prints what would be applied, and asks nobody", async () => {
  const { printed, asked } = await run("render --user 123 --tier free");
  assert.deepEqual(asked, []);
  assert.match(printed, /\nkind: Namespace\n[^]*name: user-123\n[^]*\nkind: StatefulSet\n/);
  assert.doesNotMatch(printed, /kind: Secret\n/);
});

Deno.test("the tiers are a table with a line for each", () => {
  const lines = tierLines().split("\n");
  assert.deepEqual(lines.map((line) => line.split(/\s+/)[0]), [
    "tier",
    "free",
    "pro",
    "enterprise",
  ]);
});

Deno.test("the page of each command names each of its options, and the help page each command", () => {
  for (const [name, { options, summary }] of Object.entries(COMMANDS)) {
    assert.ok(helpPage().includes(`  ${name.padEnd(13)}${summary}`), name);
    const page = commandPage(parseCommandLine([name, "--help"]).command);
    assert.match(page, new RegExp(`^Usage: second-brain manager ${name}`));
    for (const option of Object.keys(options)) assert.ok(page.includes(`  --${option}`), option);
    for (const text of page.split("\n")) assert.ok(text.length <= 100, text);
  }
});

/** The simulated cluster lets everybody do everything, and is not asked whether. */
function reviewed(cluster: Cluster, refused: readonly string[]): DiagnosisOptions["cluster"] {
  return {
    capabilities: () => cluster.capabilities(),
    get: (ref) => cluster.get(ref),
    list: (kind, selection) => cluster.list(kind, selection),
    create: (object, options) => {
      if (object.kind !== "SelfSubjectAccessReview") return cluster.create(object, options);
      const { spec: { resourceAttributes: { verb, resource } } }: Json = object;
      return Promise.resolve({
        ...object,
        status: { allowed: !refused.includes(`${verb} ${resource}`) },
      });
    },
  };
}

Deno.test("the doctor looks at all of it, says the worst first, and ends with 1 for what is bad", async () => {
  const world = await worldOf();
  const program = world.start("doctor");
  await signedUp(world, program);
  const printed: string[] = [];
  const refused: string[] = [
    "list secrets",
    "get secrets",
    "create pods",
    "create clusterrolebindings",
  ];
  const doctor = async (line: string, opened: () => Promise<unknown> = () => Promise.resolve()) => {
    printed.length = 0;
    const { register, operations } = program;
    const cluster = reviewed(program.cluster, refused);
    const { brains, sink, settings, clock } = world;
    const { signal } = new AbortController();
    const running = runDoctor(parseCommandLine(words(line)), {
      open: async () => {
        await opened();
        const parts = { cluster, register, operations, brains, sink, settings, clock };
        return { ...parts, newId: () => "id", signal };
      },
      warnings: () => ["a warning"],
      problemsOf: (error) => error instanceof CommandError ? [error.message] : undefined,
      out: (bytes) => Promise.resolve(void printed.push(new TextDecoder().decode(bytes))),
    });
    return await waited(world, running);
  };
  await doctor("doctor --json");
  const found: Json[] = JSON.parse(printed.join(""));
  assert.deepEqual(found.map(({ check, status }) => `${check} ${status}`), [
    "settings warn",
    "backups ok",
    "cluster ok",
    "rights ok",
    "clock ok",
    "storage class ok",
    "snapshots ok",
    "register ok",
    "brains ok",
  ], printed.join(""));
  refused.push("bind clusterroles");
  assert.equal(await doctor("doctor"), 1);
  assert.match(printed.join(""), /^BAD {3}rights {9}it may not bind clusterroles\n {21}apply k8s/);
  const broken = () => Promise.reject(new CommandError("there is no cluster"));
  assert.equal(await doctor("doctor", broken), 1);
  assert.match(printed.join(""), /^BAD {3}settings {7}there is no cluster\n/);
  await assert.rejects(doctor("doctor", () => Promise.reject(new TypeError("x"))), TypeError);
});
