/** Names that lead elsewhere: a real process, real files, and what lies around the data folder. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { KEY, Place, type Program } from "./program.ts";
import { head, RawClient } from "./raw.ts";

const ELSEWHERE = [
  "../outside",
  "..%2foutside",
  "%2e%2e%2foutside",
  "..\\outside",
  "/etc/hostname",
  "exports/../../outside",
  "memories.json\0",
  "a".repeat(300),
  "con",
  "\u202egpj.exe",
];

/** Every path below a folder, with what it is and a hash of what is in it. */
async function treeOf(folder: string, skip: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (path === skip) continue;
    if (isSymlink) tree[path] = `-> ${await Deno.readLink(path)}`;
    else if (isDirectory) Object.assign(tree, { [path]: "folder" }, await treeOf(path, skip));
    else tree[path] = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
  }
  return tree;
}

async function sayEverywhere(program: Program, name: string): Promise<void> {
  const memory = { content: name, tags: [name.slice(0, 64)], metadata: { [name]: name } };
  await program.want(201, "POST", "/memories", memory, {
    "Idempotency-Key": name.replace(/[^ -~]/g, "-").slice(0, 255),
  });
  await program.want(422, "POST", "/memories", { content: "x", id: name });
  await program.want(422, "POST", "/memories", { content: "x", memory_type: name });
  await program.want(200, "POST", "/import", [{ content: name, file: name }]);
  await program.want(422, "POST", "/export", { destination: name });
  await program.want(422, "POST", "/export", { destination: "file", name });
  await program.want(201, "POST", "/export", { destination: "file" });
  for (const method of ["GET", "PUT", "DELETE"]) {
    // As it stands, which a library would tidy up before it sends it.
    for (const folder of ["memories", "exports", "docs"]) {
      const target = name.replaceAll("\0", "%00").replaceAll(/[^!-~]/g, encodeURIComponent);
      using client = await RawClient.connect(program.port);
      await client.send(head(`${method} /${folder}/${target}`, KEY, "Content-Length: 0"));
      const status = await client.status();
      assert.ok([400, 404, 405].includes(status), `${method} /${folder}/${target}: ${status}`);
    }
  }
}

Deno.test("whatever is named, nothing outside of the data folder is touched, and in it nothing has a client's name", async () => {
  await using place = new Place();
  const data = place.path("data");
  for (const name of ["outside", "exports", "data-evil"]) {
    await Deno.mkdir(place.path(name));
    await Deno.writeTextFile(place.path(`${name}/kept`), name);
  }
  await Deno.mkdir(data);
  const before = await treeOf(place.folder, data);
  const program = await place.serve({ MEMORY_PERSIST_PATH: `${data}/memories.json` });
  for (const name of ELSEWHERE) await sayEverywhere(program, name);
  assert.equal((await program.stop()).code, 0);
  assert.deepEqual(await treeOf(place.folder, data), before);
  const own =
    /^\/(memories(\.prev)?\.json|journal(\/\d+\.log)?|exports(\/(export|backup)-[\dTZ]+-[0-9a-f]{8}\.json)?|quarantine|\.lock|ballast\.bin)$/;
  const left = Object.keys(await treeOf(data, "")).map((path) => path.slice(data.length));
  assert.deepEqual(left.filter((path) => !own.test(path)), []);
  assert.equal(left.filter((path) => path.startsWith("/exports/export-")).length, ELSEWHERE.length);
});
