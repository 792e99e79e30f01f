/** Backups of brains: what is made comes back, what failed leaves nothing, and which are kept. */
import assert from "node:assert/strict";
import { BrainAccessError } from "../src/manager/brain_access.ts";
import { parseBackupKeys } from "../src/manager/backups/keys.ts";
import { SinkError } from "../src/manager/backup_sink.ts";
import { joinBytes } from "../src/lines.ts";
import {
  ADA,
  ADDRESS,
  KEY_A,
  KEY_B,
  type Kit,
  kitOf,
  linesOf,
  never,
  piecesOf,
  textOf,
} from "./manager/backup_kit.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { withPauses } from "./pauses.ts";

const DAY_MS = 24 * 60 * 60_000;
const START = "1970-01-01T00:00:00.000Z";

async function idsOf({ backups }: Kit): Promise<string[]> {
  return (await backups.list(ADA, never())).backups.map(({ id }) => id);
}

Deno.test("what was backed up comes back byte for byte, and is not to be seen in the sink", async () => {
  const text = linesOf(3);
  const { backups, sink } = kitOf(text);
  const backup = await backups.create(ADA, ADDRESS, never());
  const data = sink.files.get("ada/life-1/backup-1.0101010101010101.data");
  assert.deepEqual(backup, {
    id: "backup-1",
    at: START,
    bytes: data?.bytes.length,
    memories: 3,
  });
  assert.deepEqual(await backups.list(ADA, never()), { backups: [backup], damaged: 0 });
  assert.deepEqual(await backups.verify(ADA, "backup-1", never()), backup);
  assert.equal(await textOf(backups.read(ADA, "backup-1", never())), text);
  const all = new TextDecoder("latin1").decode(
    joinBytes([...sink.files.values()].map(({ bytes }) => bytes)),
  );
  assert.ok(!all.includes("fence"));
});

Deno.test("an empty brain is backed up too", async () => {
  const { backups } = kitOf("");
  const { memories } = await backups.create(ADA, ADDRESS, never());
  assert.equal(memories, 0);
  assert.equal(await textOf(backups.read(ADA, "backup-1", never())), "");
});

Deno.test(`any length comes back, however it is cut into pieces (seed ${seed})`, async () => {
  const random = randomOf(seed);
  // Around the chunks of 64 KiB; noise, so that packing does not make them smaller.
  for (const length of [1, 65_474, 65_519, 65_520, 65_536, 65_537, 131_072, 200_000]) {
    const noise = Uint8Array.from({ length }, () => random() * 256);
    noise[length - 1] = 10;
    const kit = kitOf();
    kit.export = async function* () {
      await Promise.resolve();
      for (let at = 0; at < length;) {
        const next = at + 1 + Math.floor(random() * 100_000);
        yield noise.subarray(at, next);
        at = next;
      }
    };
    await kit.backups.create(ADA, ADDRESS, never());
    const read = joinBytes(await Array.fromAsync(kit.backups.read(ADA, "backup-1", never())));
    assert.ok(read.length === length && read.every((byte, i) => byte === noise[i]), `${length}`);
  }
});

Deno.test("a large backup is made and read in slices: nobody else waits for it", async () => {
  const kit = kitOf();
  // It becomes very small, so that nothing of the sink's or the cipher's comes in between.
  const piece = new TextEncoder().encode(linesOf(1).padEnd(65_535) + "\n");
  kit.export = async function* () {
    await Promise.resolve();
    for (let n = 0; n < 128; n++) yield piece;
  };
  const made = await withPauses(() => kit.backups.create(ADA, ADDRESS, never()));
  assert.equal(made.result.memories, 2 * 128);
  const read = await withPauses(() => kit.backups.verify(ADA, "backup-1", never()));
  for (const { longestMs } of [made, read]) assert.ok(longestMs < 20, `${longestMs} ms`);
});

Deno.test("a step that is run again gets the backup that is there", async () => {
  const kit = kitOf();
  const first = await kit.backups.create(ADA, ADDRESS, never(), "operation-7");
  await kit.clock.advance(1000);
  kit.export = () => piecesOf("another\n");
  assert.deepEqual(await kit.backups.create(ADA, ADDRESS, never(), "operation-7"), first);
  assert.equal(kit.sink.files.size, 2);
});

Deno.test("two who make the same backup at once both get one that is good", async () => {
  const kit = kitOf();
  const make = () => kit.backups.create(ADA, ADDRESS, never(), "operation-7");
  const [one, other] = await Promise.all([make(), make()]);
  assert.deepEqual([one.memories, other.memories], [3, 3]);
  assert.deepEqual(await idsOf(kit), ["operation-7"]);
  await kit.backups.verify(ADA, "operation-7", never());
});

Deno.test("an export without an end is given up, and leaves nothing", async () => {
  const kit = kitOf();
  kit.export = async function* () {
    while (true) yield* piecesOf(linesOf(2));
  };
  await assert.rejects(kit.backups.create(ADA, ADDRESS, never(), "endless", 100_000), {
    name: "ManagerError",
    code: "backup_failed",
  });
  assert.deepEqual([...kit.sink.files.keys()], []);
});

Deno.test("an export that breaks off, or ends in the middle of a line, is no backup", async () => {
  const kit = kitOf();
  const broken = new BrainAccessError("broken", "Cannot export: it broke off");
  kit.export = async function* () {
    yield* piecesOf(linesOf(2));
    throw broken;
  };
  await assert.rejects(kit.backups.create(ADA, ADDRESS, never()), broken);
  kit.export = () => piecesOf(linesOf(2).slice(0, -1));
  await assert.rejects(kit.backups.create(ADA, ADDRESS, never()), {
    name: "BrainAccessError",
    fault: "broken",
    message: "Cannot export: the last memory is cut short",
  });
  assert.deepEqual([...kit.sink.files.keys()], []);
});

Deno.test("a brain that refuses and a sink that is full are said so, and not tried again", async () => {
  const kit = kitOf();
  const refused = new BrainAccessError("refused", "Cannot export: 401");
  const failing = kit.with({
    brains: { stats: () => Promise.reject(refused), export: kit.export },
  });
  await assert.rejects(failing.create(ADA, ADDRESS, never()), {
    name: "ManagerError",
    code: "backup_failed",
    message: "Cannot back up: Cannot export: 401",
  });
  kit.sink.fault = (call) => call === "put" ? "full" : undefined;
  await assert.rejects(kit.backups.create(ADA, ADDRESS, never()), {
    code: "backup_failed",
    message: "Cannot back up: the sink is full; give it more room",
  });
});

Deno.test("whichever call of the sink fails, the same step run again makes the backup", async () => {
  for (let failing = 1;; failing++) {
    const kit = kitOf();
    let calls = 0;
    kit.sink.fault = () => ++calls === failing ? "unavailable" : undefined;
    const made = await kit.backups.create(ADA, ADDRESS, never(), "operation-7").then(
      () => true,
      (error) => assert.ok(error instanceof SinkError && error.fault === "unavailable"),
    );
    if (made === true && calls < failing) break;
    kit.sink.fault = undefined;
    assert.equal((await kit.backups.create(ADA, ADDRESS, never(), "operation-7")).memories, 3);
    await kit.clock.advance(2 * DAY_MS);
    await kit.backups.prune(ADA, 1, never());
    assert.equal(kit.sink.files.size, 2, `call ${failing}`);
    await kit.backups.verify(ADA, "operation-7", never());
  }
});

Deno.test("a sink that keeps other bytes than it was given is noticed before it counts", async () => {
  const kit = kitOf();
  const { sink } = kit;
  const lying = kit.with({
    sink: {
      put: async (name, pieces, signal) => {
        const entry = await sink.put(name, pieces, signal);
        const file = sink.files.get(name);
        if (file !== undefined && name.endsWith(".data")) file.bytes[100] = ~(file.bytes[100] ?? 0);
        return entry;
      },
      read: (name, signal) => sink.read(name, signal),
      list: (prefix, signal) => sink.list(prefix, signal),
      delete: (name, signal) => sink.delete(name, signal),
    },
  });
  await assert.rejects(lying.create(ADA, ADDRESS, never()), {
    code: "backup_failed",
    message: "Cannot back up: chunk 0 does not open; it is damaged, or not what it is taken for",
  });
  assert.deepEqual([...sink.files.keys()], []);
});

Deno.test("who gives up is told his reason, and nothing stays", async () => {
  const kit = kitOf();
  const giving = new AbortController();
  kit.export = async function* () {
    yield* piecesOf(linesOf(1));
    giving.abort(new Error("enough"));
    yield* piecesOf(linesOf(1));
  };
  await assert.rejects(kit.backups.create(ADA, ADDRESS, giving.signal), /^Error: enough$/);
  assert.deepEqual([...kit.sink.files.keys()], []);
});

Deno.test("one is deleted manifest first, all of a life at once, and what is gone is fine", async () => {
  const kit = kitOf();
  await kit.backups.create(ADA, ADDRESS, never());
  await kit.backups.create(ADA, ADDRESS, never());
  await kit.backups.create({ slug: "ada", life: "life-2" }, ADDRESS, never());
  const deleted: string[] = [];
  kit.sink.fault = (call, name) => void (call === "delete" && deleted.push(name));
  await kit.backups.delete(ADA, "backup-1", never());
  await kit.backups.delete(ADA, "backup-1", never());
  await kit.backups.delete(ADA, "../ada", never());
  assert.deepEqual(deleted.map((name) => name.replace(/\.[0-9a-f]+\.data/, ".data")), [
    "ada/life-1/backup-1.manifest",
    "ada/life-1/backup-1.data",
  ]);
  await kit.backups.deleteAll(ADA, never());
  assert.deepEqual([...kit.sink.files.keys()].map((name) => name.split("/")[1]), [
    "life-2",
    "life-2",
  ]);
  for (const id of ["backup-1", "../life-2/backup-3", "", "A", "__proto__"]) {
    await assert.rejects(kit.backups.verify(ADA, id, never()), { code: "no_such_backup" });
  }
});

Deno.test("a new key is for new backups; the old ones open while theirs is known", async () => {
  const kit = kitOf();
  await kit.backups.create(ADA, ADDRESS, never());
  const rotated = kit.with({ keys: [KEY_B, KEY_A] });
  await rotated.create(ADA, ADDRESS, never(), "newer");
  await rotated.verify(ADA, "backup-1", never());
  await rotated.verify(ADA, "newer", never());
  const onlyNew = kit.with({ keys: [KEY_B] });
  await onlyNew.verify(ADA, "newer", never());
  await assert.rejects(onlyNew.verify(ADA, "backup-1", never()), {
    code: "backup_failed",
    message: /made with the key "[0-9a-f]{16}", which is not among ours; add that key/,
  });
  assert.equal((await onlyNew.list(ADA, never())).damaged, 1);
});

Deno.test("the file of keys is read, and what is wrong in it is named by its line alone", () => {
  const base64 = KEY_A.toBase64();
  assert.deepEqual(parseBackupKeys(`# new\r\n${KEY_B.toBase64()}\n\n ${base64} \n`), [
    KEY_B,
    KEY_A,
  ]);
  for (const bad of ["secret", base64.slice(1), `${base64}${base64}`, base64.replace("=", "")]) {
    assert.throws(() => parseBackupKeys(`${base64}\n${bad}\n`), {
      message: "Cannot read the backup keys: line 2 is not 32 bytes as base64",
    });
  }
  assert.throws(() => parseBackupKeys("# none\n"), /there must be 1 to 32/);
});
