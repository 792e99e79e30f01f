/** Coming from other programs and going to them: on a folder at rest, and on a brain that runs. */
import assert from "node:assert/strict";
import { KEY, Place } from "./program.ts";

/** An archive of `conversations.json` (`[{"uuid":"c1","name":"Fence","chat_messages":[…]}]`), as Claude's is. */
const ARCHIVE =
  "UEsDBBQAAAAIAABgP1wpu0wNBAAAAAIAAAAKAAAAdXNlcnMuanNvbouOBQBQSwMEFAAAAAgAAGA/XHs+8ZFuAAAA" +
  "mAAAABIAAABjb252ZXJzYXRpb25zLmpzb25NizEKwzAQBL8SrjaBpHTjwpAvpDAmHNJiqdDZ+E4QCPp7Lo2dbmeZ" +
  "mT5Ua47UU7hRR8IFvh+QAMeQ2F4FqrxAqZ8OufxkhUTsTqkWFj8Mb3N8phzSZVvVdKDWndH9P2LVrMZiZzgi8n6l" +
  "Nrf5C1BLAQIUAxQAAAAIAABgP1wpu0wNBAAAAAIAAAAKAAAAAAAAAAAAAACAAQAAAAB1c2Vycy5qc29uUEsBAhQD" +
  "FAAAAAgAAGA/XHs+8ZFuAAAAmAAAABIAAAAAAAAAAAAAAIABLAAAAGNvbnZlcnNhdGlvbnMuanNvblBLBQYAAAAA" +
  "AgACAHgAAADKAAAAAAA=";
const ENTITY = { type: "entity", name: "Anna", entityType: "person", observations: ["gardens"] };
const GRAPH = [
  ENTITY,
  { type: "entity", name: "Acme", entityType: "company", observations: [] },
  { type: "relation", from: "Anna", to: "Acme", relationType: "works at" },
].map((line) => `${JSON.stringify(line)}\n`).join("");

/** In no order: a memory has its place in an export by when it came in. */
async function memoriesIn(place: Place, remote: readonly string[] = []): Promise<string[]> {
  const all = ["export", "--format", "ndjson", "--include-embeddings"];
  const { out } = await place.run([...all, ...remote]);
  return out.split("\n").toSorted();
}

Deno.test("notes come in once, go out as Markdown, and come back with nothing lost", async () => {
  await using place = new Place();
  await Deno.mkdir(place.path("vault/.obsidian"), { recursive: true });
  await Deno.writeTextFile(place.path("vault/.obsidian/app.json"), "{}");
  await Deno.writeTextFile(place.path("vault/Fence.md"), "---\ntags: [house]\n---\nCedar. #diy\n");
  await Deno.writeTextFile(place.path("vault/Empty.md"), "");
  const from = ["import", place.path("vault"), "--from", "obsidian"];
  const left = "Left out:\n  1 x is empty (Empty.md)\n";
  const counts = "1 imported, 0 updated, 0 skipped, 0 failed.\n";
  const dry = await place.run([...from, "--dry-run"]);
  assert.deepEqual([dry.code, dry.out, dry.err], [
    0,
    "",
    `Nothing was changed. It would be: ${counts}${left}`,
  ]);
  assert.equal((await place.run(from)).err, `Done: ${counts}${left}`);
  const again = "Done: 0 imported, 0 updated, 1 skipped, 0 failed.\n" +
    "Skipped are those that are here already: --on-conflict overwrite takes what was edited since, " +
    "--collection NAME what is of another folder of the same name.\n";
  assert.equal((await place.run(from)).err, again + left);

  await place.run(["import", "-", "--format", "ndjson"], {
    stdin:
      `{"content":"\\r\\n---\\n\\ttext ","metadata":{"__proto__":[1e21,"no"]},"embedding":[1,2]}\n`,
  });
  const out = place.path("markdown");
  const to = await place.run(["export", "--to", "markdown", "--output", out]);
  assert.deepEqual([to.code, to.out, to.err], [0, "", "Exported 2 memories.\n"]);
  await using copy = new Place();
  await Deno.rename(out, copy.path("markdown"));
  const back = await copy.run(["import", copy.path("markdown"), "--from", "markdown"]);
  assert.equal(back.err, "Done: 2 imported, 0 updated, 0 skipped, 0 failed.\n");
  assert.deepEqual(await memoriesIn(copy), await memoriesIn(place));
});

Deno.test("a running brain takes other programs' files and gives them back", async () => {
  await using place = new Place();
  const program = await place.serve();
  const remote = ["--url", program.url, "--key", KEY];
  await Deno.writeFile(place.path("claude.zip"), Uint8Array.fromBase64(ARCHIVE));
  const zip = await place.run(["import", place.path("claude.zip"), "--from", "claude", ...remote]);
  assert.deepEqual([zip.code, zip.err], [
    0,
    "Done: 2 imported, 0 updated, 0 skipped, 0 failed.\n" +
    "Left out:\n  1 x holds nothing to remember (users.json)\n",
  ]);
  const graph = ["import", "-", "--from", "server-memory", ...remote];
  const came = await place.run(graph, { stdin: GRAPH });
  assert.equal(came.err, "Done: 3 imported, 0 updated, 0 skipped, 0 failed.\n");
  const lines = (await place.run(["export", "--to", "server-memory", ...remote])).out;
  assert.ok(lines.endsWith(GRAPH), lines);
  assert.equal(lines.split("\n").length, 6);

  const bad = await place.run(graph, { stdin: GRAPH.replace("Anna", "Ann") + "{}\n" });
  assert.deepEqual([bad.code, bad.err], [
    1,
    "Cannot import: 1 of what should be memories cannot be; nothing was imported " +
    "(--on-error skip takes the others)\nNot taken:\n" +
    "  standard input: has a line that is neither entity nor relation\n",
  ]);
  const skip = await place.run([...graph, "--on-error", "skip"], { stdin: `${GRAPH}{}\n` });
  assert.match(skip.err, /^Done: 0 imported, 0 updated, 3 skipped, 0 failed\.\nNot taken:\n/);

  const vector = `{"content":"It has a vector of its own.","embedding":[1,2,3.5]}\n`;
  await place.run(["import", "-", "--format", "ndjson", ...remote], { stdin: vector });
  const out = place.path("markdown");
  const notes = await place.run(["export", "--to", "markdown", "--output", out, ...remote]);
  assert.deepEqual([notes.code, notes.out, notes.err], [0, "", "Exported 6 memories.\n"]);
  await using copy = new Place();
  await Deno.rename(out, copy.path("markdown"));
  await copy.run(["import", copy.path("markdown"), "--from", "markdown"]);
  assert.deepEqual(await memoriesIn(copy), await memoriesIn(place, remote));

  const other = await place.run(["import", "-", "--from", "chatgpt", ...remote], { stdin: "[]" });
  assert.deepEqual([other.code, other.err], [
    1,
    "Cannot import: there is nothing from chatgpt in it\n",
  ]);
});
