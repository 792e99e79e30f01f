/** Which backups are kept, and what is removed beside them. */
import assert from "node:assert/strict";
import { ADA, ADDRESS, type Kit, kitOf, linesOf, never, piecesOf } from "./manager/backup_kit.ts";

const DAY_MS = 24 * 60 * 60_000;

async function idsOf({ backups }: Kit): Promise<string[]> {
  return (await backups.list(ADA, never())).backups.map(({ id }) => id);
}

Deno.test("the newest are kept, and never fewer than one", async () => {
  const kit = kitOf();
  for (let n = 0; n < 4; n++) {
    await kit.backups.create(ADA, ADDRESS, never());
    await kit.clock.advance(1000);
  }
  assert.deepEqual(await idsOf(kit), ["backup-4", "backup-3", "backup-2", "backup-1"]);
  assert.deepEqual(await kit.backups.prune(ADA, 3, never()), { removed: 1 });
  assert.deepEqual(await idsOf(kit), ["backup-4", "backup-3", "backup-2"]);
  assert.deepEqual(await kit.backups.prune(ADA, 0, never()), { removed: 2 });
  assert.deepEqual(await idsOf(kit), ["backup-4"]);
  assert.equal(kit.sink.files.size, 2);
});

Deno.test("empty backups do not push out the last one that has memories", async () => {
  const kit = kitOf();
  for (let n = 0; n < 5; n++) {
    if (n === 2) kit.export = () => piecesOf("");
    await kit.backups.create(ADA, ADDRESS, never());
    await kit.clock.advance(1000);
  }
  assert.deepEqual(await kit.backups.prune(ADA, 2, never()), { removed: 2 });
  assert.deepEqual(await idsOf(kit), ["backup-5", "backup-4", "backup-2"]);
  kit.export = () => piecesOf(linesOf(1));
  await kit.backups.create(ADA, ADDRESS, never());
  assert.deepEqual(await kit.backups.prune(ADA, 2, never()), { removed: 2 });
  assert.deepEqual(await idsOf(kit), ["backup-6", "backup-5"]);
});

Deno.test("a damaged backup does not take the place of a good one", async () => {
  const kit = kitOf();
  for (let n = 0; n < 3; n++) {
    await kit.backups.create(ADA, ADDRESS, never());
    await kit.clock.advance(1000);
  }
  const names = [...kit.sink.files.keys()];
  const [, , data = "", , , manifest = ""] = names;
  kit.sink.files.delete(data); // Of the second.
  const file = kit.sink.files.get(manifest); // Of the third.
  if (file !== undefined) file.bytes = file.bytes.slice(1);
  const { backups, damaged } = await kit.backups.list(ADA, never());
  assert.deepEqual([backups.map(({ id }) => id), damaged], [["backup-1"], 2]);
  await kit.clock.advance(2 * DAY_MS);
  assert.deepEqual(await kit.backups.prune(ADA, 1, never()), { removed: 0 });
  assert.deepEqual([...kit.sink.files.keys()], names.filter((name) => name !== data));
});

Deno.test("what never became a backup is removed a day later, and not before", async () => {
  const kit = kitOf();
  await kit.sink.put("ada/life-1/lost.00ff.data", piecesOf("x"), never());
  await kit.sink.put("ada/life-2/lost.00ff.data", piecesOf("x"), never());
  await kit.clock.advance(DAY_MS);
  await kit.backups.prune(ADA, 1, never());
  assert.equal(kit.sink.files.size, 2);
  await kit.clock.advance(1);
  await kit.backups.prune(ADA, 1, never());
  assert.deepEqual([...kit.sink.files.keys()], ["ada/life-2/lost.00ff.data"]);
});
