/** The commands beside the service: on a folder at rest, and on a brain that runs. */
import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/arguments.ts";
import { closedPort } from "../fakes/openai.ts";
import { KEY, Place } from "./program.ts";

const ID = "01990000-0000-7000-8000-00000000000";
const RECORDS = [1, 2, 3].map((n) => ({
  id: ID + n,
  content: `note ${n} “quoted” 🙂`,
  memory_type: "episodic",
  tags: ["a", "b"],
  metadata: { __proto__: null, n },
  created_at: `2026-01-0${n}T00:00:00.000Z`,
  updated_at: `2026-01-0${n}T00:00:00.000Z`,
}));
const NDJSON = RECORDS.map((record) => JSON.stringify(record)).join("\n") + "\n";

/** Without what differs from one run to the next. */
function plain(exported: string): string {
  return exported.replace(/"exported_at":"[^"]*"/, "");
}

Deno.test("version and help say what there is, quickly and without a setting", async () => {
  await using place = new Place();
  const broken = { PORT: "none", ENVIRONMENT: "none" };
  const version = await place.run(["version"], { env: broken });
  assert.deepEqual([version.code, version.out, version.err], [0, `${project.version}\n`, ""]);
  assert.equal((await place.run(["--version"])).out, version.out);
  const help = await place.run(["help"], { env: broken });
  assert.equal((await place.run(["--help"])).out, help.out);
  for (const name of Object.keys(COMMANDS)) {
    assert.ok(help.out.includes(`\n  ${name} `), name);
    const { code, out, err } = await place.run([name, "--help"], { env: broken });
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, new RegExp(`^Usage: second-brain ${name}[^]*\\S\n$`));
  }
  assert.deepEqual([...Deno.readDirSync(place.folder)], []);
});

Deno.test("healthcheck ends with 0 while the service is ready, else with 1", async () => {
  await using place = new Place();
  const nobody = new URL(closedPort()).origin;
  const none = await place.run(["healthcheck", "--url", nobody]);
  assert.deepEqual([none.code, none.out, none.err], [1, "", "no answer\n"]);
  const program = await place.serve();
  const port = String(program.port);
  for (const HOST of ["", "127.0.0.1", "0.0.0.0"]) {
    const { code, err } = await place.run(["healthcheck"], { env: { HOST, PORT: port } });
    assert.deepEqual([code, err], [0, "ready\n"]);
  }
  assert.equal((await place.run(["healthcheck", "--url", `${program.url}/`])).code, 0);
  const proxy = nobody, proxies = { HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy };
  const env = { ...proxies, NODE_USE_ENV_PROXY: "1", PORT: port };
  const past = await place.run(["healthcheck"], { env });
  assert.deepEqual([past.code, past.err], [0, "ready\n"], "past any proxy");
  await program.crash();
  assert.equal((await place.run(["healthcheck"], { env: { PORT: port } })).code, 1);
});

Deno.test("export and import on a folder at rest: files, pipes, formats, dry run, conflicts", async () => {
  await using place = new Place();
  const dry = await place.run(["import", "-", "--format", "ndjson", "--dry-run"], {
    stdin: NDJSON,
  });
  assert.deepEqual([dry.code, dry.out], [0, ""]);
  assert.match(dry.err, /^Nothing was changed\. It would be: 3 imported, 0 updated,/);

  await Deno.writeTextFile(place.path("in.ndjson"), NDJSON);
  const first = await place.run(["import", place.path("in.ndjson")]);
  assert.deepEqual([first.code, first.err], [
    0,
    "Done: 3 imported, 0 updated, 0 skipped, 0 failed.\n",
  ]);
  const again = await place.run(["import", place.path("in.ndjson")]);
  assert.match(again.err, /^Done: 0 imported, 0 updated, 3 skipped/);
  const conflict = await place.run(["import", place.path("in.ndjson"), "--on-conflict", "error"]);
  assert.equal(conflict.code, 1);
  assert.ok(conflict.err.includes("record 2"), conflict.err);
  const changed = NDJSON.replace("note 2", "changed 2");
  const over = await place.run(["import", "-", "--format=ndjson", "--on-conflict=overwrite"], {
    stdin: changed,
  });
  assert.match(over.err, /^Done: 0 imported, 3 updated/);

  const out = await place.run(["export"]);
  assert.equal(out.code, 0);
  assert.equal(out.err, "Exported 3 memories.\n");
  const { memories, total_memories } = JSON.parse(out.out);
  assert.equal(total_memories, 3);
  assert.deepEqual(memories.map(({ content }: { content: string }) => content).toSorted(), [
    "changed 2 “quoted” 🙂",
    RECORDS[0]?.content,
    RECORDS[2]?.content,
  ]);
  const file = await place.run(["export", "--output", place.path("out.json")]);
  assert.deepEqual([file.code, file.out, file.err], [0, "", "Exported 3 memories.\n"]);
  assert.equal(plain(await Deno.readTextFile(place.path("out.json"))), plain(out.out));
  assert.equal((await Deno.stat(place.path("out.json"))).mode! & 0o777, 0o600);

  await using copy = new Place();
  const copied = await copy.run(["import", "-"], { stdin: out.out });
  assert.match(copied.err, /^Done: 3 imported/);
  assert.equal(plain((await copy.run(["export", "--output", "-"])).out), plain(out.out));
});

Deno.test("an import with a bad record imports nothing, or with --on-error skip the good ones", async () => {
  await using place = new Place();
  const bad = NDJSON + `{"content":""}\n`;
  const aborted = await place.run(["import", "-", "--format", "ndjson"], { stdin: bad });
  assert.equal(aborted.code, 1);
  assert.match(aborted.err, /\n {2}record 3: /);
  assert.match((await place.run(["export"])).err, /Exported 0 memories/);
  const skipped = await place.run(["import", "-", "--format", "ndjson", "--on-error", "skip"], {
    stdin: bad,
  });
  assert.equal(skipped.code, 0);
  assert.match(skipped.err, /^Done: 3 imported, 0 updated, 0 skipped, 1 failed\.\n {2}record 3: /);
  const users = `[{"content":"a","user_id":"u1"},{"content":"b","user_id":"u2"}]`;
  const mine = await place.run(["import", "-", "--user-id", "u2"], { stdin: users });
  assert.match(mine.err, /^Done: 1 imported, 0 updated, 1 skipped/);
});

Deno.test("export and import over HTTP do the same as on the folder", async () => {
  await using place = new Place();
  const program = await place.serve();
  const remote = ["--url", program.url, "--key", KEY];
  const dry = await place.run(["import", "-", "--format", "ndjson", "--dry-run", ...remote], {
    stdin: NDJSON,
  });
  assert.match(dry.err, /^Nothing was changed\. It would be: 3 imported/);
  const done = await place.run(["import", "-", "--format", "ndjson", ...remote], { stdin: NDJSON });
  assert.deepEqual([done.code, done.err], [
    0,
    "Done: 3 imported, 0 updated, 0 skipped, 0 failed.\n",
  ]);
  const byEnv = await place.run(["export", "--url", program.url], {
    env: { CONTAINER_API_KEY: KEY },
  });
  assert.deepEqual([byEnv.code, byEnv.err], [0, "Exported 3 memories.\n"]);
  const lines = await place.run(["export", "--format", "ndjson", ...remote]);
  assert.equal(lines.out.trim().split("\n").length, 3);
  const file = place.path("out.ndjson");
  assert.equal(
    (await place.run(["export", "--format=ndjson", "--output", file, ...remote])).code,
    0,
  );
  assert.equal(await Deno.readTextFile(file), lines.out);

  const refusals: readonly [string[], RegExp][] = [
    [["export", "--url", program.url, "--key", "wrong"], /^The brain refused \(401\): /],
    [["import", "-", "--url", program.url, "--key", "wrong"], /^The brain refused \(401\): /],
    [["import", place.path("none.json"), ...remote], /^Cannot read ".*none\.json": there is no /],
    [["export", "--url", new URL(closedPort()).origin, "--key", KEY], /^Cannot reach the brain/],
  ];
  for (const [args, message] of refusals) {
    const { code, err, out } = await place.run(args, { stdin: "[]" });
    assert.deepEqual([code, out], [1, ""], err);
    assert.match(err, message);
    assert.match(err, /^[^\n]+\n$/);
  }
  await program.stop();
  assert.equal(plain((await place.run(["export"])).out), plain(byEnv.out));
});

Deno.test("a large import that is refused is told why, not that nobody is there", async () => {
  await using place = new Place();
  const program = await place.serve({ MAX_IMPORT_BYTES: "4096" });
  const large = JSON.stringify([{ content: "x".repeat(20_000_000) }]);
  for (const [key, status] of [["wrong-key-of-some-length", 401], [KEY, 413]] as const) {
    const { code, err } = await place.run(["import", "-", "--url", program.url, "--key", key], {
      stdin: large,
    });
    assert.equal(code, 1);
    assert.ok(err.startsWith(`The brain refused (${status}): `), err);
  }
});

Deno.test("what is no brain, no file or no place for one fails in one line and changes nothing", async () => {
  await using place = new Place();
  const empty = await place.run(["export"], {
    env: { MEMORY_PERSIST_PATH: place.path("typo/memories.json") },
  });
  assert.deepEqual([empty.code, empty.out], [1, ""]);
  assert.match(empty.err, /^Cannot export: there is no brain at .*\n$/);
  assert.deepEqual([...Deno.readDirSync(place.folder)], []);
  await place.run(["import", "-"], { stdin: "[]" });
  await Deno.mkdir(place.path("folder"));
  const before = [...Deno.readDirSync(place.folder)].map(({ name }) => name).sort();
  const cases: readonly [string[], RegExp][] = [
    [["import", place.path("none.json")], /^Cannot read .*: there is no such file/],
    [["import", place.path("folder")], /^Cannot read .*: /],
    [["export", "--output", place.path("none/out.json")], /^Cannot write .*: there is no such/],
    [["export", "--output", place.path("folder")], /^Cannot write .*: it is there and is no file/],
  ];
  for (const [args, message] of cases) {
    const { code, err, out } = await place.run(args);
    assert.deepEqual([code, out], [1, ""], err);
    assert.match(err, message);
    assert.match(err, /^[^\n]+\n$/);
  }
  assert.deepEqual([...Deno.readDirSync(place.folder)].map(({ name }) => name).sort(), before);
});

const hasScript = await new Deno.Command("script", { args: ["--version"], stdout: "null" })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name: `progress is shown on a terminal only${hasScript ? "" : " (skipped: no script(1) here)"}`,
  ignore: !hasScript,
  async fn() {
    await using place = new Place();
    await Deno.writeTextFile(place.path("in.ndjson"), NDJSON);
    const quiet = await place.run(["import", place.path("in.ndjson"), "--dry-run"]);
    assert.ok(!/\r|MB/.test(quiet.err), quiet.err);
    const args = ["import", place.path("in.ndjson")];
    const { code, out } = await place.runOnTerminal(args);
    assert.equal(code, 0);
    assert.match(out, /\rread 0\.0 MB\r?\n/);
    assert.match(out, /Done: 3 imported/);
  },
});
