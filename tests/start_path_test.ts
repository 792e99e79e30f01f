/** What is loaded when: nobody waits for a client that his command does not use. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const ROOT = new URL("../", import.meta.url);
const CLIENT = /js-client-rest|\/vector_index\/qdrant/;
/** The only way to it, which is taken where QDRANT_URL is set. */
const DOOR = "src/vector_index/qdrant/kept.ts";

const Graph = z.object({
  modules: z.array(z.object({
    specifier: z.string(),
    dependencies: z.array(z.object({
      code: z.object({ specifier: z.string().optional() }).optional(),
      isDynamic: z.boolean().default(false),
    })).default([]),
  })),
});

async function graphOf(path: string): Promise<z.infer<typeof Graph>["modules"]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", path],
    cwd: fileURLToPath(ROOT),
  }).output();
  return Graph.parse(JSON.parse(new TextDecoder().decode(stdout))).modules;
}

Deno.test("nothing of Qdrant's is loaded before its address was looked at, and its client with the first request", async () => {
  const modules = new Map((await graphOf("main.ts")).map((one) => [one.specifier, one]));
  const reached = new Set<string>();
  const reach = (from: string, isTaken: (to: string, isDynamic: boolean) => boolean) => {
    reached.add(from);
    for (const { code, isDynamic } of modules.get(from)?.dependencies ?? []) {
      const to = code?.specifier;
      if (to !== undefined && !reached.has(to) && isTaken(to, isDynamic)) reach(to, isTaken);
    }
  };
  const door = new URL(DOOR, ROOT).href;
  assert.ok(modules.has(door));
  reach(new URL("main.ts", ROOT).href, (to) => to !== door);
  assert.ok(reached.size > 100, "it sees what is loaded later, too");
  assert.deepEqual([...reached].filter((specifier) => CLIENT.test(specifier)), []);
  reach(door, (_, isDynamic) => !isDynamic);
  const ours = [...reached].filter((specifier) => CLIENT.test(specifier));
  assert.ok(ours.length > 5, "it sees what the address leads to");
  assert.deepEqual(ours.filter((specifier) => specifier.includes("js-client-rest")), []);
});
