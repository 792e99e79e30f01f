/** The command line, as tables: what is understood, and what is said of what is not. */
import assert from "node:assert/strict";
import { commandPage, COMMANDS, helpPage, parseCommandLine } from "../src/cli/arguments.ts";
import { UsageError } from "../src/cli/command_line.ts";
import { explain } from "../src/cli/exit.ts";
import { LineWriter } from "../src/cli/line_writer.ts";
import { remoteOf } from "../src/cli/remote.ts";
import { runRestore } from "../src/cli/restore.ts";
import { runVerify } from "../src/cli/verify.ts";
import { AppError } from "../src/errors.ts";
import type { FolderReport } from "../src/folder_report.ts";

const GOOD: Readonly<Record<string, object>> = {
  "": { command: "serve" },
  "serve": { command: "serve" },
  "--help": { command: "help" },
  "-h": { command: "help" },
  "help": { command: "help" },
  "--version": { command: "version" },
  "-V": { command: "version" },
  "version": { command: "version" },
  "serve --help": { command: "serve", wantsHelp: true },
  "export -h": { command: "export", wantsHelp: true },
  "import --help": { command: "import", wantsHelp: true },
  "import a.json --help": { command: "import", operand: "a.json", wantsHelp: true },
  "help --help": { command: "help", wantsHelp: true },
  "export": { command: "export" },
  "export --format ndjson": { command: "export", options: { format: "ndjson" } },
  "export --format=json --output=x": {
    command: "export",
    options: { format: "json", output: "x" },
  },
  "export --include-embeddings --url http://a --key b": {
    command: "export",
    options: { "include-embeddings": true, url: "http://a", key: "b" },
  },
  "import a.json": { command: "import", operand: "a.json" },
  "import -": { command: "import", operand: "-" },
  "import --dry-run a.json": { command: "import", operand: "a.json", options: { "dry-run": true } },
  "import -- --odd.json": { command: "import", operand: "--odd.json" },
  "import a --on-conflict newest --on-error skip --user-id u": {
    command: "import",
    operand: "a",
    options: { "on-conflict": "newest", "on-error": "skip", "user-id": "u" },
  },
  "verify": { command: "verify" },
  "verify a.json": { command: "verify", operand: "a.json" },
  "verify --json": { command: "verify", options: { json: true } },
  "verify a.json --json": { command: "verify", operand: "a.json", options: { json: true } },
  "verify -h": { command: "verify", wantsHelp: true },
  "restore a.json": { command: "restore", operand: "a.json" },
  "restore --help": { command: "restore", wantsHelp: true },
  "restore -- -a.json": { command: "restore", operand: "-a.json" },
  "reindex": { command: "reindex" },
  "reindex --url http://a --key b": {
    command: "reindex",
    options: { url: "http://a", key: "b" },
  },
  "manager": { command: "manager" },
  "manager create 123 --tier free": { command: "manager" },
  "manager --help": { command: "manager", wantsHelp: true },
  "manager create --help": { command: "manager" },
  "healthcheck --url http://a": { command: "healthcheck", options: { url: "http://a" } },
};

for (const [line, expected] of Object.entries(GOOD)) {
  Deno.test(`understood: "${line}"`, () => {
    const whole = { operand: undefined, options: {}, wantsHelp: false, ...expected };
    const { options, ...rest } = parseCommandLine(line.split(" ").filter((word) => word !== ""));
    const { help: _, ...others } = options;
    assert.deepEqual({ ...rest, options: others }, whole);
  });
}

const BAD: Readonly<Record<string, RegExp>> = {
  "frobnicate": /there is no such command; try help$/,
  "constructor": /there is no such command/,
  "__proto__": /there is no such command/,
  "serve x": /^Cannot run "serve": takes no "x"; try serve --help$/,
  "--port 80": /^Cannot run "serve": .*'--port'/,
  "-x": /^Cannot run "serve": .*'-x'/,
  "version now": /takes no "now"/,
  "help export": /takes no "export"/,
  "export x": /takes no "x"/,
  "export --format xml": /--format must be one of json, ndjson/,
  "export --format": /'--format <value>' argument missing/,
  "export --format=": /--format must be one of json, ndjson/,
  "export --include-embeddings=yes": /'--include-embeddings' does not take an argument/,
  "export --on-conflict skip": /'--on-conflict'/,
  "import": /needs a FILE; try import --help$/,
  "import a b": /takes no "b"/,
  "import a --on-conflict merge": /--on-conflict must be one of skip, overwrite, newest, error/,
  "import a --on-error stop": /--on-error must be one of abort, skip/,
  "import a --dry-run=no": /'--dry-run' does not take an argument/,
  "verify a b": /takes no "b"/,
  "verify --json=yes": /'--json' does not take an argument/,
  "restore": /needs a FILE; try restore --help$/,
  "restore a b": /takes no "b"/,
  "restore a --force": /'--force'/,
  "healthcheck x": /takes no "x"/,
  "a\nb\x1b[31m": /^Cannot run "a\?b\?\[31m"/,
};

for (const [line, expected] of Object.entries(BAD)) {
  Deno.test(`refused in one line: ${JSON.stringify(line)}`, () => {
    assert.throws(() => parseCommandLine(line.split(" ")), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, expected);
      assert.match(error.message, /^Cannot run "[^"]*": [\x20-\x7e]*$/);
      return true;
    });
  });
}

Deno.test("the page of each command names each of its options, and the help page each command", () => {
  for (const [name, { options, summary }] of Object.entries(COMMANDS)) {
    assert.ok(helpPage().includes(`  ${name}`) && helpPage().includes(summary));
    const command = parseCommandLine([name, "--help"]).command;
    const page = commandPage(command);
    assert.match(page, new RegExp(`^Usage: second-brain ${name}`));
    for (const option of Object.keys(options)) assert.ok(page.includes(`  --${option}`), option);
    for (const text of page.split("\n")) assert.ok(text.length <= 100, text);
  }
});

const REPORT: FolderReport = {
  folder: "/data",
  sound: false,
  memories: 3,
  files: [{ file: "memories.json", bytes: 12 }],
  findings: [
    { kind: "damage", file: "journal/000001.log", detail: "a hole" },
    { kind: "torn_tail", file: "journal/000002.log", detail: "a tail" },
    { kind: "noted_before", file: "memories.json", detail: "gone" },
  ],
  backups: [
    { file: "exports/a.json", bytes: 34, memories: 3, fault: null },
    { file: "exports/b.json", bytes: 5, memories: null, fault: "Cannot read it" },
  ],
};

async function verified(args: readonly string[], report: FolderReport) {
  let text = "";
  const out = (bytes: Uint8Array) =>
    Promise.resolve(void (text += new TextDecoder().decode(bytes)));
  const code = await runVerify(parseCommandLine(["verify", ...args]), { out }, {
    folder: () => Promise.resolve(report),
    file: (file) => Promise.resolve({ file, bytes: 5, memories: null, fault: "Cannot read it" }),
  });
  return { code, text };
}

Deno.test("verify says for people and for programs what it found, and ends with 65 for damage", async () => {
  assert.deepEqual(await verified([], REPORT), {
    code: 65,
    text: [
      "/data: 3 memories",
      "  memories.json  12 bytes",
      "  exports/a.json  34 bytes, 3 memories, sound",
      "  DAMAGE: exports/b.json: Cannot read it",
      "  DAMAGE: journal/000001.log: a hole",
      "  note: journal/000002.log: a tail",
      "  noted before, not yet acknowledged: memories.json: gone",
      "Not sound: damage in 2 places.",
      "",
    ].join("\n"),
  });
  const one = { ...REPORT, memories: 1, findings: REPORT.findings.slice(0, 1) };
  const backups = [{ file: "exports/a.json", bytes: 34, memories: 1, fault: null }];
  assert.deepEqual((await verified([], { ...one, backups })).text.split("\n").slice(0, -1), [
    "/data: 1 memory",
    "  memories.json  12 bytes",
    "  exports/a.json  34 bytes, 1 memory, sound",
    "  DAMAGE: journal/000001.log: a hole",
    "Not sound: damage in 1 place.",
  ]);
  const { code, text } = await verified(["--json"], REPORT);
  assert.deepEqual([code, JSON.parse(text)], [65, REPORT]);
  const sound = { ...REPORT, sound: true, findings: [], backups: [] };
  const good = await verified([], sound);
  assert.deepEqual([good.code, good.text.split("\n").at(-2)], [
    0,
    "Sound: everything can be read.",
  ]);
  const file = await verified(["b.json"], sound);
  assert.deepEqual(file, { code: 65, text: "DAMAGE: b.json: Cannot read it\n" });
});

Deno.test("what is not good is not restored, and ends with 65; what is not there, with 1", async () => {
  const codes = { invalid: 65, malformed: 65, too_large: 65, not_found: 1 } as const;
  for (const code of ["invalid", "malformed", "too_large", "not_found"] as const) {
    const line = parseCommandLine(["restore", "a.json"]);
    const failing = () => Promise.reject(new AppError(code, "Cannot read it"));
    const failed = runRestore(line, { say: () => assert.fail("said") }, failing);
    const exitCode = codes[code];
    const message = "Cannot read it; nothing was changed";
    await assert.rejects(failed, { name: "CommandError", message, exitCode });
    assert.equal(explain(await failed.catch((error: unknown) => error)).code, exitCode);
  }
});

Deno.test("what the system refuses or fails at ends a restore in one line, with its own code", async () => {
  const full = Object.assign(new Error("os error 28"), { code: "ENOSPC" });
  const cases = [
    [new Deno.errors.NotCapable("x"), 73, "this program may use its data folder only"],
    [new Deno.errors.PermissionDenied("x"), 73, "this user may not"],
    [full, 74, "ENOSPC"],
  ] as const;
  for (const [error, exitCode, why] of cases) {
    const line = parseCommandLine(["restore", "a.json"]);
    const failed = runRestore(line, { say: () => {} }, () => Promise.reject(error));
    await assert.rejects(failed, { exitCode, message: `Cannot restore: ${why}` });
  }
});

const REMOTES: readonly [
  Record<string, string>,
  string | undefined,
  object | RegExp | undefined,
][] = [
  [{}, undefined, undefined],
  [{}, "k", undefined],
  [{ url: "http://a:1/", key: "k" }, undefined, { url: "http://a:1", key: "k" }],
  [{ url: "https://a/b//" }, "of the environment", {
    url: "https://a/b",
    key: "of the environment",
  }],
  [{ url: "http://a", key: "k" }, "another", { url: "http://a", key: "k" }],
  [{ key: "k" }, undefined, /it goes with --url/],
  [{ url: "ftp://a", key: "k" }, undefined, /must be an http or https address/],
  [{ url: "http://", key: "k" }, undefined, /must be an http or https address/],
  [{ url: "a", key: "k" }, undefined, /must be an http or https address/],
  [{ url: "http://a" }, undefined, /give its key/],
  [{ url: "http://a", key: "" }, "k", /give its key/],
];

Deno.test("a running brain is named by its address and its key, and by nothing less", () => {
  for (const [options, key, expected] of REMOTES) {
    const found = () => remoteOf(options, () => key);
    if (expected instanceof RegExp) assert.throws(found, { name: "UsageError", message: expected });
    else assert.deepEqual(found(), expected);
  }
});

/** A stream that takes a few bytes at a time, and only when it is let. */
class StuckSink {
  text = "";
  #gate = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#gate.promise;
    const taken = bytes.subarray(0, 100_000);
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }

  open(): void {
    this.#gate.resolve();
  }

  break(): void {
    this.#gate.reject(new Error("broken pipe"));
  }
}

Deno.test("lines for a stuck stream wait up to a bound, and what found no room is counted", async () => {
  const sink = new StuckSink();
  const dropped: number[] = [];
  const writer = new LineWriter(sink, (lines) => dropped.push(lines));
  const line = "x".repeat(1023) + "\n";
  for (let i = 0; i < 3000; i++) writer.write(line);
  await writer.flush(1);
  assert.deepEqual([sink.text, dropped], ["", []]);
  sink.open();
  await writer.flush(60_000);
  writer.write("last\n");
  await writer.flush(60_000);
  assert.equal(sink.text, line.repeat(1024) + "last\n");
  assert.deepEqual(dropped, [3000 - 1024]);
});

Deno.test("lines for a broken stream are let go of", async () => {
  const sink = new StuckSink();
  const writer = new LineWriter(sink, () => assert.fail("told"));
  writer.write("one\n");
  sink.break();
  await writer.flush(60_000);
  writer.write("two\n");
  await writer.flush(60_000);
  assert.equal(sink.text, "");
});
