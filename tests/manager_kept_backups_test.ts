/** What is kept of a user: seen as it is, and taken away as it was asked, and not otherwise. */
import assert from "node:assert/strict";
import { PATIENT, recordOf, refusal, running, signedUp, waited, world } from "./manager/kit.ts";

const { signal } = new AbortController();
const CONTENT = { apiVersion: "snapshot.storage.k8s.io/v1", kind: "VolumeSnapshotContent" };

Deno.test("with the last backup deleted, the newest that is left is the last one, or none is", async () => {
  const { here, program } = await running();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    await waited(here, program.manager.backupUser("ada", PATIENT));
    ids.push((await recordOf(program))?.lastBackup?.id ?? assert.fail());
  }
  const left: unknown[] = [];
  for (const id of [ids[1], ids[2], ids[0]]) {
    await program.manager.deleteBackup("ada", id ?? "", signal);
    const { backups, missing } = await program.manager.listBackups("ada", signal);
    left.push([(await recordOf(program))?.lastBackup?.id, backups.map(({ id }) => id), missing]);
  }
  assert.deepEqual(left, [
    [ids[2], [ids[2], ids[0]], null],
    [ids[0], [ids[0]], null],
    [undefined, [], null],
  ]);
});

Deno.test("a backup that is not there cannot be deleted, whatever it is called", async () => {
  const { program } = await running();
  for (const id of ["nothing", "snapshot-nothing", "..", "A"]) {
    await assert.rejects(
      program.manager.deleteBackup("ada", id, signal),
      refusal("no_such_backup"),
    );
  }
});

Deno.test("of a backup that was taken out of the sink the list says that it is missing", async () => {
  const { here, program } = await running();
  await waited(here, program.manager.backupUser("ada", PATIENT));
  await waited(here, program.manager.backupUser("ada", PATIENT));
  const { lastBackup, slug, life } = await recordOf(program) ?? assert.fail();
  const id = lastBackup?.id ?? assert.fail();
  for (const { name } of await here.sink.list(`${slug}/${life}/${id}.`, signal)) {
    await here.sink.delete(name, signal);
  }
  const { backups, damaged, missing } = await program.manager.listBackups("ada", signal);
  assert.deepEqual([backups.length, damaged, missing], [1, 0, id]);
  // Whoever sees it gone can have it forgotten.
  await program.manager.deleteBackup("ada", id, signal);
  assert.equal((await recordOf(program))?.lastBackup?.id, backups[0]?.id);
});

Deno.test("a snapshot is listed, and deleted with what it holds", async () => {
  const here = await world({ settings: { snapshotClass: "snapshots" } });
  const program = here.start("one");
  await signedUp(here, program);
  await waited(here, program.manager.backupUser("ada", { method: "snapshot", ...PATIENT }));
  const { snapshots, backups } = await program.manager.listBackups("ada", signal);
  const id = `snapshot-${(await recordOf(program))?.lastOperation?.id}`;
  assert.deepEqual([snapshots.map(({ id, ready }) => [id, ready]), backups], [[[id, true]], []]);
  assert.equal((await here.cluster.list(CONTENT)).items.length, 1);
  await program.manager.deleteBackup("ada", id, signal);
  await here.clock.advance(60_000);
  assert.deepEqual((await program.manager.listBackups("ada", signal)).snapshots, []);
  assert.equal((await here.cluster.list(CONTENT)).items.length, 0);
  await assert.rejects(program.manager.deleteBackup("ada", id, signal), refusal("no_such_backup"));
});
