/** Backups, `verify` and `restore` with the real program: the drill as an operator would do it. */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";
import { Place } from "./program.ts";

const CONTENTS = ["the fence gets cedar posts", 'ümläut 🙂 "quoted"\n', "x".repeat(50_000)];

async function exported(place: Place): Promise<string> {
  const { code, out, err } = await place.run(["export", "--include-embeddings"]);
  assert.equal(code, 0, err);
  return out.replace(/"exported_at":"[^"]*"/, "");
}

/** Every file of a folder, by its path, with what is in it. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (!isDirectory) found.set(path, (await Deno.readFile(path)).toHex());
    else for (const [inner, bytes] of await filesOf(path)) found.set(inner, bytes);
  }
  return found;
}

Deno.test("the drill: fill, back up, kill, verify, wipe, restore, verify, start: byte for byte the same", async () => {
  await using place = new Place();
  const first = await place.serve();
  for (const [n, content] of CONTENTS.entries()) {
    await first.want(201, "POST", "/memories", { content, tags: ["t"], metadata: { n } });
  }
  await first.want(201, "POST", "/memories", { content: "own vector", embedding: [0.1, -2, 3e-8] });
  await first.crash();
  // At a start with memories and without a backup, one is made at once.
  const second = await place.serve();
  const written = await eventually(30_000, "a backup", () => second.event("backup_written"));
  const backup = place.path(`exports/${written["file"]}`);
  assert.deepEqual([written.level, written["memories"]], ["info", 4]);
  const stats = await second.want(200, "GET", "/stats");
  assert.deepEqual([stats.at("backups", "kept"), stats.at("backups", "last_file")], [
    1,
    backup.slice(place.folder.length + 1),
  ]);
  const busy = await place.run(["verify"]);
  assert.deepEqual([busy.code, busy.out], [75, ""]);
  assert.equal((await place.run(["restore", backup])).code, 75);
  await second.crash();

  const before = await filesOf(place.folder);
  const well = await place.run(["verify"]);
  assert.deepEqual([well.code, well.err], [0, ""]);
  assert.match(well.out, /: 4 memories\n[^]*\nSound: everything can be read\.\n$/);
  assert.deepEqual(await filesOf(place.folder), before);
  const wanted = await exported(place);

  const third = await place.serve();
  for (const id of (await third.want(200, "GET", "/memories")).text.matchAll(/"id":"([^"]+)"/g)) {
    await third.want(204, "DELETE", `/memories/${id[1]}`);
  }
  await third.want(201, "POST", "/memories", { content: "a slip" });
  await third.crash();
  const lost = await exported(place);
  assert.notEqual(lost, wanted);

  const restored = await place.run(["restore", backup]);
  assert.equal(restored.code, 0, restored.err);
  assert.match(
    restored.err,
    /^Restored 4 memories\.\n.*kept in (\S+);.*\nTo undo it, restore that folder\.\n$/,
  );
  assert.equal((await place.run(["verify"])).code, 0);
  const fourth = await place.serve();
  assert.equal((await fourth.want(200, "GET", "/memories")).at("total"), 4);
  assert.equal((await fourth.stop()).code, 0);
  assert.equal(await exported(place), wanted);

  const kept = /kept in (\S+);/.exec(restored.err)?.[1] ?? assert.fail(restored.err);
  assert.equal((await place.run(["restore", kept])).code, 0);
  assert.equal(await exported(place), lost);
});

Deno.test("verify finds damage, says where, changes nothing, and ends with 65", async () => {
  await using place = new Place();
  const program = await place.serve({ BACKUP_INTERVAL_HOURS: "0" });
  for (const content of CONTENTS) await program.want(201, "POST", "/memories", { content });
  await program.crash();
  const journal = place.path("journal/000001.log");
  const bytes = await Deno.readFile(journal);
  bytes[500] = 0;
  await Deno.writeFile(journal, bytes);
  const before = await filesOf(place.folder);
  const { code, out, err } = await place.run(["verify"]);
  assert.deepEqual([code, err], [65, ""]);
  assert.match(out, /DAMAGE: journal\/000001\.log: [^]*\nNot sound: damage in \d+ places?\.\n$/);
  const report = JSON.parse((await place.run(["verify", "--json"])).out);
  assert.equal(report.sound, false);
  assert.deepEqual(await filesOf(place.folder), before);

  await Deno.mkdir(place.path("exports"), { recursive: true });
  const backup = place.path("exports/backup-20260131T120000Z-00000000.json");
  await Deno.writeTextFile(backup, "[]");
  const file = await place.run(["verify", backup]);
  assert.deepEqual([file.code, file.err], [65, ""]);
  assert.match(file.out, /^DAMAGE: .*not those that its name tells/);
  const refused = await place.run(["restore", backup]);
  assert.deepEqual([refused.code, refused.out], [65, ""]);
  assert.match(refused.err, /^Cannot take the backup: .*; nothing was changed\n$/);
});

Deno.test("what is not there cannot be verified or restored, and no folder is made", async () => {
  await using place = new Place();
  const env = { MEMORY_PERSIST_PATH: place.path("typo/memories.json") };
  const verified = await place.run(["verify"], { env });
  assert.deepEqual([verified.code, verified.out], [1, ""]);
  assert.match(verified.err, /^Cannot verify: there is no brain at .*\n$/);
  const restored = await place.run(["restore", place.path("none.json")], { env });
  assert.deepEqual([restored.code, restored.out], [1, ""]);
  assert.match(restored.err, /^Cannot restore: there is no such file; nothing was changed\n$/);
  const file = await place.run(["verify", place.path("none.json")], { env });
  assert.deepEqual([file.code, file.out], [1, ""]);
  assert.match(file.err, /^Cannot verify: there is no such file, or it is no regular one\n$/);
  assert.deepEqual([...Deno.readDirSync(place.folder)], []);
});
