/** Where an export puts its files: in a folder of its own, whole or not at all, and never outside. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFolder } from "../src/cli/target_folder.ts";
import { CommandError } from "../src/cli/terminal.ts";
import { each } from "./fakes/formats.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a folder is written whole, for its owner alone, or not at all", async () => {
  await inFolder(async (folder) => {
    const names = async () => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    const path = join(folder, "out");
    const files = [{ path: "a.md", text: "a" }, { path: "b/c.md", text: "c" }];
    async function* broken() {
      yield* files;
      await Promise.resolve();
      throw new CommandError("it broke");
    }
    await assert.rejects(writeFolder(path, broken()), /it broke/);
    assert.deepEqual(await names(), []);
    await Deno.mkdir(path);
    await writeFolder(path, each(files));
    assert.deepEqual(await names(), ["out"]);
    assert.equal(await Deno.readTextFile(join(path, "b/c.md")), "c");
    assert.equal((await Deno.stat(join(path, "b/c.md"))).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(join(path, "b"))).mode! & 0o777, 0o700);
    const cases: readonly [string, RegExp][] = [
      [path, /has something in it; name a new folder$/],
      [join(path, "a.md"), /it is there and is no folder$/],
      [join(folder, "none/out"), /there is no such file or folder$/],
      [".", /it is where you are; name a new folder$/],
      [join(folder, "link"), /it is a link; name a new folder$/],
    ];
    for (const name of ["../evil.md", "a/../../evil.md", "..", "."]) {
      const evil = writeFolder(join(folder, "new"), each([{ path: name, text: "x" }]));
      await assert.rejects(evil, /^CommandError: Cannot write ".*new": a name leads out$/);
    }
    assert.deepEqual(await names(), ["out"]);
    await Deno.mkdir(join(folder, "empty"));
    await Deno.symlink(join(folder, "empty"), join(folder, "link"));
    const none = () => assert.fail("was read");
    for (const [place, reason] of cases) {
      await assert.rejects(writeFolder(place, { [Symbol.asyncIterator]: none }), reason);
    }
    assert.deepEqual((await names()).toSorted(), ["empty", "link", "out"]);
    assert.equal(await Deno.readTextFile(join(path, "a.md")), "a");
  });
});

Deno.test("an end by a signal leaves nothing of a folder behind", async () => {
  await inFolder(async (folder) => {
    const module = import.meta.resolve("../src/cli/target_folder.ts");
    const script = `
      import { writeFolder } from "${module}";
      async function* endless() {
        for (let n = 0;; n++) {
          if (n === 100) console.log("under way");
          yield { path: n + "/a.md", text: "cedar" };
        }
      }
      await writeFolder("${folder}/out", endless());`;
    const config = new URL("../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-check", "--config", config, "-"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await new Blob([script]).stream().pipeTo(child.stdin);
    const reader = child.stdout.getReader();
    await reader.read();
    assert.equal([...Deno.readDirSync(folder)].length, 1);
    child.kill("SIGTERM");
    await reader.cancel();
    assert.equal((await child.status).code, 143);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});
