/** The reference set beside the original: the same calls by chance, and the same answers, whole. */
import assert from "node:assert/strict";
import { listTools } from "../src/mcp/calls.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { GraphModel, randomCall, READING, spoilt, WRITING } from "./graph_model.ts";
import { type Json, withApp } from "./http_app.ts";
import { isAvailable, NpmProgram } from "./npm_program.ts";
import { answerOf, boxOf } from "./reference_box.ts";

const PACKAGE = "@modelcontextprotocol/server-memory@2026.8.31";
const CALLS = 600, RESTARTS = 4;

console.log(`TEST_SEED=${seed}`);
const ignore = !await isAvailable(`npm:${PACKAGE}`);

async function original(): Promise<NpmProgram> {
  const env = (folder: string) => ({ MEMORY_FILE_PATH: `${folder}/memory.jsonl` });
  const program = new NpmProgram(`npm:${PACKAGE}`, env);
  await program.initialize("2025-06-18");
  return program;
}

/** Words are ours; and our title stands among the annotations, as older clients want it. */
function bare(value: Json): Json {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const { description: _words, title: _title, execution: _tasks, ...rest } = value;
  return Object.fromEntries(Object.entries(rest).map(([key, part]) => [key, bare(part)]));
}

Deno.test({
  name: `the reference set answers as ${PACKAGE} does` +
    (ignore ? " (skipped: its registry cannot be reached)" : ""),
  ignore,
  async fn() {
    await using program = await original();
    const random = randomOf(seed);
    const model = new GraphModel();
    const disk = new SimulatedDisk();
    for (let life = 0; life < RESTARTS; life++) {
      await withApp(async (app) => {
        const box = boxOf(app);
        if (life === 0) {
          const theirs = await program.request("tools/list", {});
          assert.deepEqual(bare(listTools(box).tools), bare(theirs.tools));
          for (const [n, { name, annotations, title }] of theirs.tools.entries()) {
            assert.deepEqual(box.tools[n]?.annotations, { title, ...annotations }, name);
          }
        }
        for (let n = 0; n < CALLS / RESTARTS; n++) {
          const right = randomCall(random, [...WRITING, ...READING]);
          const isSpoilt = random() < 0.1;
          const call = isSpoilt ? spoilt(random, right) : right;
          const theirs = await program.request("tools/call", call);
          const ours = await answerOf(box, call);
          const about = `life ${life}, call ${n}: ${JSON.stringify(call)}`;
          assert.deepEqual(ours, theirs, about);
          // The model is what other tests hold the tools against.
          if (!isSpoilt) assert.deepEqual(model.answer(call), theirs, about);
        }
      }, { disk, firstId: life * 1_000_000 });
    }
  },
});
