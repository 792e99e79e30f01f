/** What is in the bundle, and what of it is run when: Qdrant's client, and not what comes with it. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";
import { BUNDLING, PROGRAMS } from "../.build/compile.ts";
import config from "../deno.json" with { type: "json" };
import { eventually } from "./e2e/conditions.ts";
import { Place } from "./e2e/program.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CLIENT = "@qdrant/js-client-rest";

/** A folder of its own: all that is in a place is searched for keys. */
async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "second-brain-bundle-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function bundle(output: string, more: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...BUNDLING, ...PROGRAMS.brain.bundling, ...more, `--output=${output}`, "main.ts"],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

Deno.test("Qdrant's client is in the bundle, its HTTP client for Node and its compiler are not", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "second-brain.js");
    await bundle(path, ["--sourcemap=external"]);
    const { sources } = z.object({ sources: z.array(z.string()) })
      .parse(JSON.parse(await readFile(`${path}.map`, "utf8")));
    const from = (name: string) => sources.filter((source) => source.includes(`/${name}/`)).length;
    assert.deepEqual([from(CLIENT), from("undici"), from("typescript")], [1, 0, 0]);
    // Nor the manager: who breaks into a brain finds nothing that speaks to a cluster.
    assert.equal(from("manager"), 0);
    const { size } = await stat(path);
    // A fifth of it is the protocol of assistants, which is run only when it is asked for.
    assert.ok(size < 2_450_000, `${size} bytes`);
  });
});

/** Stands for the client, and tells when it is run. */
const TELLTALE = `
console.error("the client was run");
export class QdrantClient {
  api() {
    return { getCollection: () => Promise.reject(new TypeError("nobody there")) };
  }
}`;

/** The bundle, but with another client in it. */
async function bundleWith(client: string, folder: string): Promise<string> {
  const path = join(folder, "second-brain.js"), other = join(folder, "client.js");
  await writeFile(other, client);
  const imports = { ...config.imports, [CLIENT]: pathToFileURL(other).href };
  // The same versions of all else, without a word to the registry.
  const lock = { path: join(folder, "deno.lock"), frozen: false };
  await copyFile(join(ROOT, "deno.lock"), lock.path);
  const configuration = join(folder, "deno.json");
  await writeFile(configuration, JSON.stringify({ ...config, imports, lock }));
  await bundle(path, [`--config=${configuration}`]);
  return path;
}

async function withBundle(path: string, run: () => Promise<void>): Promise<void> {
  const before = Deno.env.get("SECOND_BRAIN_BUNDLE");
  Deno.env.set("SECOND_BRAIN_BUNDLE", path);
  try {
    await run();
  } finally {
    if (before === undefined) Deno.env.delete("SECOND_BRAIN_BUNDLE");
    else Deno.env.set("SECOND_BRAIN_BUNDLE", before);
  }
}

Deno.test("Qdrant's client is run where vectors go to a Qdrant, and for nothing else", async () => {
  await inFolder(async (folder) => {
    await withBundle(await bundleWith(TELLTALE, folder), async () => {
      await using place = new Place();
      const version = await place.run(["version"]);
      assert.deepEqual([version.code, version.err], [0, ""]);
      const plain = await place.serve();
      const health = await place.run(["healthcheck"], { env: { PORT: String(plain.port) } });
      assert.deepEqual([health.code, health.err], [0, "ready\n"]);
      const memory = { content: "a", embedding: [1, 0] };
      assert.equal((await plain.ask("POST", "/memories", memory)).status, 201);
      plain.kill("SIGTERM");
      assert.equal((await plain.ended).err, "");

      const kept = await place.serve({ QDRANT_URL: "http://127.0.0.1:6333" });
      await eventually(10_000, "the client is run", () => kept.err.includes("the client was run"));
      kept.kill("SIGTERM");
      assert.equal((await kept.ended).code, 0);
    });
  });
});
