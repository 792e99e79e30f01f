/**
 * Claude's memory tool beside the one that its makers' own library keeps in files: the same calls by
 * chance, the same answers. Where the library and the documentation differ, ours is as the latter
 * says; what that is, is written here.
 */
import assert from "node:assert/strict";
import { claudeMemoryTools } from "../src/mcp/claude_memory.ts";
import { anyCall } from "./claude_memory_calls.ts";
import { FileTree } from "./claude_memory_model.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { type Json, withApp } from "./http_app.ts";
import { isAvailable } from "./npm_program.ts";

const PACKAGE = "@anthropic-ai/sdk@1.12.0";
const CALLS = 800;

const ignore = !await isAvailable(`npm:${PACKAGE}`);

/** Reads calls, and writes the answers. A directory with nothing in it is none of ours. */
const PROGRAM = `
import { BetaLocalFilesystemMemoryTool } from "npm:${PACKAGE}/tools/memory/node";
const tool = await BetaLocalFilesystemMemoryTool.init(".");
function prune(path) {
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) prune(path + "/" + name);
  }
  if (path !== "./memories" && [...Deno.readDirSync(path)].length === 0) Deno.removeSync(path);
}
const answers = [];
for (const args of JSON.parse(await new Response(Deno.stdin.readable).text())) {
  try {
    answers.push({ text: await tool[args.command](args), isError: false });
  } catch (error) {
    answers.push({ text: error.message, isError: true });
  }
  prune("./memories");
}
console.log(JSON.stringify(answers));
`;

async function originalAnswers(calls: readonly Json[]): Promise<Json[]> {
  const cwd = await Deno.makeTempDir({ prefix: "second-brain-npm-" });
  try {
    await Deno.writeTextFile(`${cwd}/program.ts`, PROGRAM);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-config", "--no-lock", "--no-check", "-A", "program.ts"],
      cwd,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(JSON.stringify(calls)));
    await input.close();
    return JSON.parse(new TextDecoder().decode((await child.output()).stdout));
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

/** What the documentation says in other words. */
function bare({ text, isError }: Json): Json {
  if (isError) {
    const said = text.replace(/^Error: /, "").replace(/(does not exist)\. Please .*$/, "$1")
      .replace(/^(The path .*) is not a file\.$/, "$1 does not exist");
    return { text: said, isError };
  }
  // A directory of theirs has the size that the disk gives it, one of ours what is in it.
  return { text: text.replace(/^[\d.]+[BKMG]\t(.*)$/gm, sizeless), isError };
}

function sizeless(line: string, path: string, _at: number, text: string): string {
  const [, shown] = /levels deep in (.*), excluding/.exec(text) ?? [];
  return path.endsWith("/") || path === shown ? `-\t${path}` : line;
}

Deno.test({
  name: `files behave as those of ${PACKAGE} do, seed ${seed}` +
    (ignore ? " (skipped: its registry cannot be reached)" : ""),
  ignore,
  async fn() {
    const random = randomOf(seed);
    const calls: Json[] = [], ours: Json[] = [];
    await withApp(async (app) => {
      const [tool] = claudeMemoryTools(app.brain);
      const tree = new FileTree();
      for (let n = 0; n < CALLS; n++) {
        const args = anyCall(random, [...tree.files().keys()], false);
        tree.answer(args);
        const result = await tool?.call(args, new AbortController().signal);
        calls.push(args);
        ours.push({ text: result?.text, isError: result?.isError ?? false });
      }
    });
    const theirs = await originalAnswers(calls);
    for (const [n, args] of calls.entries()) {
      const about = `call ${n}: ${JSON.stringify(args)}`;
      // Where theirs leaves it to the operating system to refuse, ours has words of its own.
      const isSystems = theirs[n].isError && /^E[A-Z]+: /.test(theirs[n].text);
      if (isSystems) assert.equal(ours[n].isError, true, about);
      else assert.deepEqual(bare(ours[n]), bare(theirs[n]), about);
    }
  },
});
