/** The drill: what the schedule backed up is all that there was, to the last byte of an export. */
import assert from "node:assert/strict";
import { State } from "../src/state.ts";
import { restore } from "../src/store/restoration.ts";
import { backupsOn, DAILY, FOLDER, HOUR, pass } from "./fakes/backup_kit.ts";
import { bytesAt } from "./fakes/damage.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { opened, textOf } from "./fakes/housed_brain.ts";
import { below, idOf, PATH, randomChange, randomOf, seed, TIME } from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

/** An export without the moment it was made at. */
async function canonical({ brain }: Awaited<ReturnType<typeof opened>>): Promise<string> {
  const request = { format: "json", includeEmbeddings: "own" } as const;
  const text = await textOf(brain.exports.stream(request).pieces);
  return text.replace(/"exported_at":"[^"]*"/, "");
}

Deno.test("filled, backed up by the clock, wiped, restored, started: the same export, byte for byte", async () => {
  const random = randomOf(seed);
  const all = await opened({ backupPlan: DAILY });
  for (let n = 0; n < 300; n++) {
    const change = randomChange(random, n);
    if (change.op !== "put") continue;
    const { embedding: _, ...memory } = change.memory;
    // A few have a vector of their own, all of one length.
    const vector = random() < 0.3 ? { embedding: Float32Array.of(random(), n, -1 / 3) } : {};
    await all.brain.memories.create({ ...memory, id: idOf(n), ...vector });
    if (random() < 0.2) all.brain.memories.read(idOf(below(random, 2) === 0 ? n : n));
  }
  await pass(all, HOUR);
  const before = await canonical(all);
  const [name = ""] = backupsOn(all.disk);
  await all.brain.close();

  const wiped = new SimulatedDisk();
  wiped.put(FOLDER + name, bytesAt(all.disk, FOLDER + name));
  const restored = await restore({
    fs: new SimulatedFileSystem(wiped),
    memoriesPath: PATH,
    source: FOLDER + name,
    state: new State(),
    defaults: { newId: () => assert.fail("a record without an id"), now: TIME },
    holder: "the drill",
  });
  assert.deepEqual(restored, { memories: all.brain.stats.totalMemories, kept: undefined });
  const started = await opened({ disk: wiped, backupPlan: DAILY });
  assert.equal(await canonical(started), before);
  assert.ok(before.includes('"embedding":[') && restored.memories > 100);
  await pass(started, 48 * HOUR);
  assert.deepEqual(backupsOn(wiped), [name], "the same memories need no other backup");
  await started.brain.close();
});
