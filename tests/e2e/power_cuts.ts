/** A brain on a real disk of its own whose power is cut again and again. */
import assert from "node:assert/strict";
import { random } from "../random.ts";
import type { Ground } from "./deaths.ts";
import type { Place, Program } from "./program.ts";
import type { Cut, TestDisk } from "./test_disk.ts";

/** What is still in memory may get into the file system's journal, without the data; or nothing. */
export function powerCuts(
  place: Place,
  disk: TestDisk,
  seed: number,
  launch: (folder: string) => Program = (folder) => launchIn(place, folder),
): Ground {
  const chance = random(seed ^ 0x5bd1e995);
  const folder = `${disk.folder}/brain`;
  return {
    name: "power cut",
    folder,
    launch: () => launch(folder),
    strike: async (program) => {
      // Where there is no power there is no answer either. Those that our kernel's test of a cut
      // still lets through prove nothing: now and then fdatasync says yes while the cut goes on.
      program.hangUp();
      await disk.cutPower(cutOf(chance));
      await program.exitCode(0).catch(() => killUnlessOver(program));
    },
    rise: () => disk.restart(),
  };
}

/** One that ended a moment ago cannot be killed, as the runtime says by a TypeError. */
function killUnlessOver(program: Program): void {
  try {
    program.kill();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** The very first writes of a brain in a folder that was not there before, and then the dark. */
export async function cutAfterFirstWrites(
  place: Place,
  disk: TestDisk,
  seed: number,
): Promise<void> {
  const chance = random(seed);
  const folder = `${disk.folder}/new-${seed}/deep/folder`;
  const program = launchIn(place, folder);
  await program.ready();
  const written: string[] = [];
  for (let more = 1 + Math.floor(chance() * 3); more > 0; more--) {
    const content = `first ${seed} ${more}`;
    await program.want(201, "POST", "/memories", { content });
    written.push(content);
  }
  await disk.cutPower(cutOf(chance));
  await program.crash();
  await disk.restart();
  const next = launchIn(place, folder);
  await next.ready();
  const reply = await next.want(200, "GET", "/memories");
  const found = JSON.parse(reply.text).memories.map(({ content }: { content: string }) => content);
  assert.deepEqual(found.toSorted(), written.toSorted(), `seed ${seed}`);
  assert.equal((await next.stop()).code, 0);
  await Deno.remove(`${disk.folder}/new-${seed}`, { recursive: true });
}

function cutOf(chance: () => number): Cut {
  return chance() < 0.5 ? "logFlushed" : "nothingFlushed";
}

function launchIn(place: Place, folder: string): Program {
  return place.launch({ MEMORY_PERSIST_PATH: `${folder}/memories.json` });
}
