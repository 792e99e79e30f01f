/** Migration: an export of many users, taken apart and brought in, however often it is broken off. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { splitByUser } from "../src/manager/migration/split.ts";
import { DiskMigrationFolder } from "../src/manager/migration_folder/disk.ts";
import { slugOf } from "../src/manager/user_id.ts";
import { idOf } from "./fakes/store_kit.ts";
import type { Json } from "./http_app.ts";
import { textOf } from "./manager/backup_kit.ts";
import { RamMigrationFolder, run, Town } from "./manager/migration_kit.ts";

const ADA = "ada", BOB = "Bob@example.org";
const BOB_LINES = `${slugOf(BOB)}.lines`;

/** Ada has three, one of them without an id; Bob one; one is nobody's. */
const RECORDS: readonly Json[] = [
  { id: idOf(1), user_id: ADA, content: "one", created_at: "2024-01-01T00:00:00.000Z" },
  { id: idOf(2), user_id: BOB, content: "two", metadata: JSON.parse('{"__proto__":{"a":1}}') },
  { user_id: ADA, content: "three", created_at: "2024-01-03T00:00:00.000Z", importance_score: 1 },
  { id: idOf(4), content: "nobody's" },
  { id: idOf(5), user_id: ADA, content: "five", created_at: "2024-01-05T00:00:00.000Z" },
];
const LINES = RECORDS.map((record) => JSON.stringify(record) + "\n").join("");

const isUnassigned = { outcome: "unassigned", index: 3, reason: "it has no user_id" };
const NOTHING = {
  ...{ created: true, imported: 0, updated: 0, skipped: 0, failed: 0, errors: [], reason: null },
};

async function contentsOf(town: Town, user: string): Promise<string[]> {
  return (await town.memoriesOf(user)).map(({ content }: Json) => content);
}

Deno.test("each user gets a brain with his memories, whatever the form of the file", async () => {
  const keyed = Object.fromEntries(
    RECORDS.map(({ id, ...record }, n) => [id ?? idOf(90 + n), n % 2 ? record : { id, ...record }]),
  );
  const forms: readonly [string, boolean][] = [
    [LINES, true],
    [JSON.stringify(RECORDS), false],
    [JSON.stringify({ version: 1, memories: RECORDS }, null, 2), false],
    [JSON.stringify({ memories: keyed }, null, 2).replaceAll("\n", "\r\n"), false],
  ];
  for (const [text, isLines] of forms) {
    await using town = new Town();
    const folder = new RamMigrationFolder();
    const { summary, lines } = await run(town, text, { folder, isLines, concurrency: 1 });
    assert.deepEqual(summary, {
      ...{ users: 2, done: 2, done_before: 0, failed: 0, records: 5, unassigned: 1 },
      ...{ imported: 4, updated: 0, skipped: 0, refused: 0, dry_run: false },
    });
    const slug = "bob-example-org--";
    assert.deepEqual(
      lines.map((line) => "slug" in line ? { ...line, slug: line.slug.slice(0, 17) } : line),
      [
        isUnassigned,
        { ...NOTHING, user_id: ADA, slug: "ada", outcome: "done", records: 3, imported: 3 },
        { ...NOTHING, user_id: BOB, slug, outcome: "done", records: 1, imported: 1 },
      ],
    );
    assert.deepEqual(await contentsOf(town, ADA), ["one", "three", "five"]);
    const [two] = await town.memoriesOf(BOB);
    assert.equal(JSON.stringify(two.metadata), '{"__proto__":{"a":1}}');
    assert.equal(two.id, idOf(2));
    const kept = folder.text("unassigned.lines").split("\n");
    assert.equal(kept[0], '{"index":3,"reason":"it has no user_id"}');
    assert.ok(folder.text("unassigned.lines").includes("nobody's"));
  }
});

Deno.test("broken off at any call and run again, everything is there once", async () => {
  for (let failing = 1;; failing++) {
    await using town = new Town();
    const folder = new RamMigrationFolder();
    let calls = 0;
    const fault = () => {
      if (++calls >= failing) throw new Error("killed");
    };
    folder.fault = fault;
    town.fault = fault;
    const outcome = await run(town, LINES, { folder, isLines: true, concurrency: 1 })
      .then(() => "done", () => "killed");
    if (outcome === "done" && calls < failing) {
      assert.ok(failing > 10, `${failing} calls`);
      break;
    }
    folder.crash();
    folder.fault = () => {};
    town.fault = () => {};
    const { summary } = await run(town, LINES, { folder, isLines: true });
    assert.deepEqual([summary.done + summary.done_before, summary.unassigned], [2, 1]);
    assert.deepEqual(await contentsOf(town, ADA), ["one", "three", "five"], `call ${failing}`);
    assert.deepEqual(await contentsOf(town, BOB), ["two"], `call ${failing}`);
  }
});

Deno.test("run again with the same file nobody is asked; with another, what is newer comes in", async () => {
  await using town = new Town();
  const folder = new RamMigrationFolder();
  await run(town, LINES, { folder, isLines: true });
  town.fault = () => assert.fail("somebody was asked");
  const again = await run(town, LINES, { folder, isLines: true });
  assert.deepEqual([again.summary.done_before, again.summary.imported], [2, 4]);
  town.fault = () => {};
  const more = LINES + JSON.stringify({ id: idOf(6), user_id: BOB, content: "six" }) + "\n";
  const { summary } = await run(town, more, { folder, isLines: true });
  assert.deepEqual([summary.done, summary.imported, summary.skipped], [2, 1, 4]);
  assert.deepEqual((await contentsOf(town, BOB)).toSorted(), ["six", "two"]);
});

Deno.test("who is in leaves no memories behind on the disk; whose were refused, those to look at", async () => {
  await using town = new Town();
  const folder = new RamMigrationFolder();
  const bad = JSON.stringify({ id: idOf(6), user_id: BOB, content: "" }) + "\n";
  await run(town, LINES + bad, { folder, isLines: true });
  const left = () => [...folder.files.keys()].toSorted();
  assert.deepEqual(left(), [BOB_LINES, "journal.lines", "split.json", "unassigned.lines"]);
  // Cut off before they were removed.
  await folder.append("ada.lines", new Uint8Array(1));
  await run(town, LINES + bad, { folder, isLines: true });
  assert.deepEqual(left(), [BOB_LINES, "journal.lines", "split.json", "unassigned.lines"]);
});

Deno.test("one user who fails holds no other up, and is tried again by the next run", async () => {
  await using town = new Town();
  const folder = new RamMigrationFolder();
  town.fault = (call) => {
    if (call === "ada /import") throw new TypeError("no route");
  };
  const text = LINES + JSON.stringify({ user_id: "a\u0000b", content: "x" }) + "\nno json\n";
  const { summary, lines } = await run(town, text, { folder, isLines: true });
  assert.deepEqual([summary.done, summary.failed, summary.unassigned], [1, 1, 3]);
  assert.deepEqual(lines.filter(({ outcome }) => outcome === "unassigned"), [
    isUnassigned,
    {
      ...{ outcome: "unassigned", index: 5 },
      reason: "Cannot take this user id: it has control characters",
    },
    {
      ...{ outcome: "unassigned", index: 6 },
      reason: "Cannot read the JSON: it is not well-formed",
    },
  ]);
  const ada = lines.find((line) => "user_id" in line && line.user_id === ADA);
  const failed = { ...NOTHING, user_id: ADA, slug: "ada", outcome: "failed", records: 3 };
  assert.deepEqual(ada, { ...failed, reason: "Cannot reach the brain: no connection" });
  town.fault = () => {};
  assert.equal((await run(town, text, { folder, isLines: true })).summary.failed, 0);
  assert.deepEqual(await contentsOf(town, ADA), ["one", "three", "five"]);
});

Deno.test("a record that the brain does not take is named, and the others come in", async () => {
  await using town = new Town();
  const bad = JSON.stringify({ id: idOf(9), user_id: ADA, content: "" }) + "\n";
  const folder = new RamMigrationFolder();
  const { summary, lines } = await run(town, bad + LINES, { folder, isLines: true });
  assert.deepEqual([summary.done, summary.imported, summary.refused], [2, 4, 1]);
  const ada = lines.find((line) => "user_id" in line && line.user_id === ADA);
  assert.ok(ada !== undefined && "errors" in ada);
  assert.deepEqual(ada.errors.map(({ index, id }) => [index, id]), [[0, idOf(9)]]);
});

Deno.test("a dry run tells who there is, and touches nothing", async () => {
  await using town = new Town();
  const folder = new RamMigrationFolder();
  folder.fault = () => assert.fail("it was written");
  town.fault = () => assert.fail("somebody was asked");
  const { summary, lines } = await run(town, LINES, { folder, isLines: true, dryRun: true });
  assert.deepEqual([summary.users, summary.done, summary.records, summary.dry_run], [
    2,
    0,
    5,
    true,
  ]);
  assert.deepEqual(lines.map((line) => "records" in line ? line.records : line.outcome), [
    "unassigned",
    3,
    1,
  ]);
});

Deno.test("a part that is not whole is not imported, not even its beginning", async () => {
  await using town = new Town();
  const folder = new RamMigrationFolder();
  await splitByUser(
    { open: () => new Response(LINES).body ?? assert.fail(), isLines: true },
    folder,
    9,
  );
  const [line = ""] = folder.text("ada.lines").split("\n");
  folder.files.set("ada.lines", new TextEncoder().encode(`${line}\n`));
  const { lines } = await run(town, LINES, { folder, isLines: true });
  const ada = lines.find((line) => "user_id" in line && line.user_id === ADA);
  assert.match(ada?.reason ?? "", /^Cannot import: the user's part in the folder is not whole/);
  assert.deepEqual(await contentsOf(town, ADA), []);
});

Deno.test("a file that breaks off, or has too many users, brings nobody in", async () => {
  await using town = new Town();
  const folder = new RamMigrationFolder();
  const cut = JSON.stringify(RECORDS).slice(0, -1);
  await assert.rejects(run(town, cut, { folder }), {
    code: "wrong_state",
    message: /the document ends too early/,
  });
  await assert.rejects(run(town, LINES, { folder, isLines: true, mostUsers: 1 }), {
    code: "wrong_state",
    message: "Cannot migrate: the file has more than 1 users",
  });
  assert.deepEqual([...town.apps.keys()], []);
});

Deno.test("records without ids get the same ones again, in the order of the file", async () => {
  const made = Array.from({ length: 300 }, (_, n) => ({ user_id: ADA, content: `${n % 7}` }));
  const text = made.map((record) => JSON.stringify(record) + "\n").join("");
  const idsOf = async () => {
    const folder = new RamMigrationFolder();
    const open = () => new Response(text).body ?? assert.fail();
    await splitByUser({ open, isLines: true }, folder, 9);
    const lines = folder.text("ada.lines").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line).id);
  };
  const ids = await idsOf();
  assert.deepEqual(ids, await idsOf());
  assert.deepEqual(ids, ids.toSorted());
  assert.equal(new Set(ids).size, 300);
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.ok(ids.every((id) => uuid.test(id)));
});

Deno.test("a large file passes through: what waits to be written is bounded", async () => {
  const folder = new RamMigrationFolder();
  let pulled = 0, most = 0;
  folder.fault = () => most = Math.max(most, pulled);
  const append = folder.append.bind(folder);
  folder.append = async (name, bytes) => {
    await append(name, bytes);
    pulled -= bytes.length;
    folder.files.clear();
  };
  const open = async function* () {
    for (let n = 0; n < 40; n++) {
      await Promise.resolve();
      const content = "x".repeat(1 << 20);
      const line = new TextEncoder().encode(
        JSON.stringify({ user_id: `u${n % 3}`, content }) + "\n",
      );
      pulled += line.length;
      yield line;
    }
  };
  const split = await splitByUser({ open, isLines: true }, folder, 9);
  assert.deepEqual(split.users.map(({ records }) => records), [14, 13, 13]);
  assert.ok(most > 16 << 20 && most < 18 << 20, `${most} bytes waited`);
});

Deno.test("a folder on the disk keeps what it was told to, and removes only what is its own", async () => {
  const path = await mkdtemp(join(tmpdir(), "second-brain-migration-"));
  try {
    await writeFile(join(path, "README.md"), "mine");
    await using town = new Town();
    const folder = await DiskMigrationFolder.open(path);
    await run(town, LINES, { folder, isLines: true });
    const again = await run(town, LINES, {
      folder: await DiskMigrationFolder.open(path),
      isLines: true,
    });
    assert.equal(again.summary.done_before, 2);
    const names = ["README.md", "journal.lines", "split.json", "unassigned.lines"];
    assert.deepEqual((await readdir(path)).toSorted(), names);
    assert.equal((await textOf(folder.read("unassigned.lines"))).split("\n").length, 3);
    await assert.rejects(folder.read("../x").next(), /that is no name/);
    await folder.clear();
    assert.deepEqual(await readdir(path), ["README.md"]);
  } finally {
    await rm(path, { recursive: true });
  }
});
