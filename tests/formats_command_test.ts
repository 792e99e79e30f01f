/** `import --from` and `export --to`: which options go together, and what is said of what is left. */
import assert from "node:assert/strict";
import { parseCommandLine } from "../src/cli/arguments.ts";
import { UsageError } from "../src/cli/command_line.ts";
import { realTerminal } from "../src/cli/console.ts";
import { runExport } from "../src/cli/export.ts";
import { exportMarkdown, serverMemoryPieces } from "../src/cli/export_to.ts";
import { runImport } from "../src/cli/import.ts";
import { ForeignRecords } from "../src/cli/import_from.ts";
import { CommandError } from "../src/cli/terminal.ts";
import { each } from "./fakes/formats.ts";

/** Command lines that are refused in one line, before anything is read. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "import a --from notion":
    /--from must be one of mem0, server-memory, chatgpt, claude, obsidian, markdown/,
  "import --from obsidian": /needs a FILE/,
  "export --to obsidian": /--to must be one of markdown, server-memory/,
  "import a --from mem0 --format json": /^Cannot use --format: what --from names/,
  "import a --from mem0 --key b": /^Cannot use --key: it goes with --url$/,
  "import a --from claude --user-id u": /^Cannot use --user-id: of those only mem0 has users$/,
  "import a --from claude --collection b":
    /^Cannot use --collection: it goes with --from obsidian or markdown$/,
  "import a --collection b": /^Cannot use --collection: it goes with /,
  "export --to server-memory --format json": /^Cannot use --format: what --to names/,
  "export --to server-memory --include-embeddings": /server-memory has no room for vectors$/,
  "export --to markdown": /^Cannot export as markdown: name a new folder with --output$/,
  "export --to markdown --output -": /^Cannot export as markdown: /,
};

for (const [text, expected] of Object.entries(REFUSED)) {
  Deno.test(`refused before anything is opened: "${text}"`, async () => {
    const local = () => assert.fail("a brain was opened");
    await assert.rejects(async () => {
      const line = parseCommandLine(text.split(" "));
      const run = line.command === "import" ? runImport : runExport;
      await run(line, { ...realTerminal, env: () => undefined }, local);
    }, (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, expected);
      assert.match(error.message, /^Cannot [^\n]*$/);
      return true;
    });
  });
}

const encoder = new TextEncoder();

/** Lines of a list, read from standard input; what came of them, and what was said meanwhile. */
async function brought(
  lines: readonly string[],
  skipsFaults: boolean,
  from = "server-memory",
) {
  const progress: string[] = [];
  const readPieces = () => each([encoder.encode(lines.join("\n"))]);
  const terminal = { readPieces, progress: (line: string) => void progress.push(line) };
  const records = new ForeignRecords({ from, path: "-", skipsFaults }, terminal);
  let taken = "";
  const decoder = new TextDecoder();
  const read = (async () => {
    for await (const piece of records.lines()) taken += decoder.decode(piece, { stream: true });
  })();
  const error = await read.then(() => undefined, (error) => error);
  return { taken: taken.split("\n").slice(0, -1), error, report: records.report(), progress };
}

const entity = (n: number) =>
  JSON.stringify({ type: "entity", name: `${n}`, entityType: "x".repeat(200), observations: [] });
const ENTITIES = Array.from({ length: 2_500 }, (_, n) => entity(n));
const FAULTS = Array.from({ length: 12 }, () => "{}");
const FAULT = "  standard input: has a line that is neither entity nor relation";

Deno.test("everything is read, and shown, before a fault ends it, or is passed over", async () => {
  const good = await brought(ENTITIES, false);
  assert.deepEqual([good.taken.length, good.error, good.report], [2_500, undefined, []]);
  assert.deepEqual(good.progress, [
    "read 1000 records",
    "read 2000 records",
    "read 2500 records\n",
  ]);
  const report = ["Not taken:", ...FAULTS.slice(2).map(() => FAULT), "  and 2 more"];
  const ended = await brought([...FAULTS, ...ENTITIES], false);
  assert.ok(ended.error instanceof CommandError);
  assert.deepEqual(ended.error.message.split("\n"), [
    "Cannot import: 12 of what should be memories cannot be; nothing was imported " +
    "(--on-error skip takes the others)",
    ...report,
  ]);
  const passed = await brought([...FAULTS, ...ENTITIES], true);
  assert.deepEqual([passed.taken, passed.error, passed.report], [good.taken, undefined, report]);
});

Deno.test("what is left out is counted by its reason, and a name obeys no terminal", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["a.md", "\x1b[31m\n\u202e.png"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "");
    }
    for (let n = 10; n < 30; n++) await Deno.writeTextFile(`${folder}/${n}.jpg`, "");
    const records = new ForeignRecords(
      { from: "markdown", path: folder, skipsFaults: false },
      realTerminal,
    );
    await assert.rejects(
      Array.fromAsync(records.lines()),
      /there is nothing from markdown in it\nLeft/,
    );
    const names = Array.from({ length: 9 }, (_, n) => `${n + 10}.jpg`);
    assert.deepEqual(records.report(), [
      "Left out:",
      `  21 x is no Markdown (?[31m??.png, ${names.join(", ")}, …)`,
      "  1 x is empty (a.md)",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("reasons are no more than can be read, and obey no terminal either", async () => {
  const content = Array.from({ length: 60 }, (_, n) => ({ type: `\x1b[${n}m\u202e` }));
  const messages = [{ uuid: "m", sender: "human", content }];
  const chat = JSON.stringify([{ uuid: "c", name: "Fence", chat_messages: messages }]);
  const { report } = await brought([chat], false, "claude");
  assert.deepEqual(report.slice(0, 2), ["Left out:", "  1 x is ?[0m? (claude conversation Fence)"]);
  assert.deepEqual(report.slice(50), [
    "  1 x is ?[49m? (claude conversation Fence)",
    "  10 x others (claude conversation Fence, …)",
  ]);
});

const MEMORY = {
  id: "01990000-0000-7000-8000-000000000001",
  content: "x",
  memory_type: "semantic",
  importance_score: 0.5,
  tags: [],
  metadata: {},
  created_at: "2026-01-31T12:00:00.000Z",
  updated_at: "2026-01-31T12:00:00.000Z",
  access_count: 0,
  last_accessed_at: null,
};

/** What an export from a brain that has one memory says at its end, and what it writes. */
async function exported(text: string) {
  const said: string[] = [];
  let out = "";
  const headers = { "X-Total-Count": "1" };
  const terminal = {
    ...realTerminal,
    env: () => undefined,
    out: (bytes: Uint8Array) => Promise.resolve(void (out += new TextDecoder().decode(bytes))),
    say: (line: string) => void said.push(line),
    fetch: () => Promise.resolve(new Response(`${JSON.stringify(MEMORY)}\n`, { headers })),
  };
  const line = parseCommandLine(`export --url http://127.0.0.1:1 --key k ${text}`.split(" "));
  await runExport(line, terminal, () => assert.fail("a brain was opened"));
  return { said, out };
}

Deno.test("an export says what stays behind, and a dry run of it writes nothing", async () => {
  const stays =
    "That form has names and texts alone: tags, metadata, importance and times stay behind.";
  const { said, out } = await exported("--to server-memory");
  assert.deepEqual(said, ["Exported 1 memory.", stays]);
  assert.equal(JSON.parse(out).observations[0], "x");
  const dry = "Nothing was written. It would be: 1 memory.";
  assert.deepEqual(await exported("--dry-run --to server-memory"), { said: [dry, stays], out: "" });
  assert.deepEqual(await exported("--dry-run"), { said: [dry], out: "" });
  const folder = await Deno.makeTempDir();
  try {
    const markdown = await exported(`--dry-run --to markdown --output ${folder}/out`);
    assert.deepEqual(markdown, { said: [dry], out: "" });
    await exported(`--dry-run --output ${folder}/out`);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an export that broke off, or is none of ours, is no export", async () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [MEMORY, /it broke off after 1 of 2 memories$/],
    [{ ...MEMORY, embedding: ["x"] }, /a memory is not as ours are$/],
    [{ ...MEMORY, more: 1 }, /a memory is not as ours are$/],
  ];
  const folder = await Deno.makeTempDir();
  try {
    for (const [one, reason] of cases) {
      const exported = () => ({ pieces: each([encoder.encode(JSON.stringify(one))]), total: 2 });
      const path = `${folder}/out`;
      await assert.rejects(exportMarkdown(exported(), path, undefined), reason);
      await assert.rejects(Array.fromAsync(serverMemoryPieces(exported())), reason);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
