/** Who can write into the sink can destroy backups, and can do nothing else: all of it is noticed. */
import assert from "node:assert/strict";
import { BackupKeys } from "../src/manager/backups/keys.ts";
import { packed, unpacked } from "../src/manager/backups/packing.ts";
import { seal, unseal } from "../src/manager/backups/sealing.ts";
import { ManagerError } from "../src/manager/errors.ts";
import { joinBytes } from "../src/lines.ts";
import {
  ADA,
  ADDRESS,
  KEY_A,
  KEY_B,
  kitOf,
  linesOf,
  never,
  piecesOf,
} from "./manager/backup_kit.ts";
import { randomOf } from "./fakes/store_kit.ts";

const HEAD_BYTES = 48;
const SEALED_CHUNK_BYTES = 65_536 + 16;

async function backedUp(text = linesOf(2)) {
  const kit = kitOf(text);
  await kit.backups.create(ADA, ADDRESS, never());
  const [data, manifest] = kit.sink.files.values();
  assert.ok(data !== undefined && manifest !== undefined);
  const isRefused = async (file: { bytes: Uint8Array }, bytes: Uint8Array, what: string) => {
    const before = file.bytes;
    file.bytes = bytes;
    await assert.rejects(
      kit.backups.verify(ADA, "backup-1", never()),
      (error) => error instanceof ManagerError && error.code === "backup_failed",
      what,
    );
    file.bytes = before;
  };
  return { ...kit, data, manifest, isRefused };
}

Deno.test("every byte of a backup that is changed is noticed", async () => {
  const { data, manifest, isRefused } = await backedUp();
  for (const file of [data, manifest]) {
    for (let at = 0; at < file.bytes.length; at++) {
      const changed = file.bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << at % 8);
      await isRefused(file, changed, `byte ${at} of ${file.bytes.length}`);
    }
  }
});

Deno.test("a backup that is cut short or goes on is noticed, at every length", async () => {
  const { data, manifest, isRefused, backups } = await backedUp();
  for (const file of [data, manifest]) {
    for (let length = 0; length < file.bytes.length; length++) {
      await isRefused(file, file.bytes.slice(0, length), `the first ${length} bytes`);
    }
    await isRefused(file, joinBytes([file.bytes, Uint8Array.of(0x0a)]), "one byte more");
    await isRefused(file, joinBytes([file.bytes, file.bytes]), "twice");
  }
  await backups.verify(ADA, "backup-1", never());
});

Deno.test("chunks that are swapped, left out, doubled or made the last are noticed", async () => {
  const random = randomOf(1);
  const noise = Array.from({ length: 9_000 }, () => random().toString(36)).join("") + "\n";
  const { data, isRefused } = await backedUp(noise.repeat(2));
  const head = data.bytes.slice(0, HEAD_BYTES);
  const chunks: Uint8Array[] = [];
  for (let at = HEAD_BYTES; at < data.bytes.length; at += SEALED_CHUNK_BYTES) {
    chunks.push(data.bytes.slice(at, at + SEALED_CHUNK_BYTES));
  }
  const [a, b, c] = chunks;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  for (
    const [what, order] of Object.entries({
      swapped: [b, a, ...chunks.slice(2)],
      "left out": [a, ...chunks.slice(2)],
      doubled: [a, a, ...chunks.slice(1)],
      "the first as the last": [a],
      "all but the last": chunks.slice(0, -1),
      none: [],
    })
  ) {
    await isRefused(data, joinBytes([head, ...order]), what);
  }
});

Deno.test("no backup can be put in place of another user's, life's or day's", async () => {
  const kit = kitOf();
  const owners = [ADA, { slug: "bob", life: "life-1" }, { slug: "ada", life: "life-2" }];
  for (const owner of owners) await kit.backups.create(owner, ADDRESS, never(), "b");
  await kit.backups.create(ADA, ADDRESS, never(), "other");
  const pairs = Map.groupBy(kit.sink.files, ([name]) => name.replace(/\.[^/]*$/, ""));
  const mine = pairs.get("ada/life-1/b");
  assert.ok(mine !== undefined);
  for (const [name, theirs] of pairs) {
    if (name === "ada/life-1/b") continue;
    for (const swapped of [[0], [1], [0, 1]]) {
      const kept = mine.map(([, file]) => file.bytes);
      for (const n of swapped) {
        const [from, to] = [theirs[n]?.[1], mine[n]?.[1]];
        assert.ok(from !== undefined && to !== undefined);
        to.bytes = from.bytes;
      }
      const what = `${swapped} of ${name}`;
      await assert.rejects(kit.backups.verify(ADA, "b", never()), { code: "backup_failed" }, what);
      mine.forEach(([, file], n) => file.bytes = kept[n] ?? file.bytes);
    }
  }
  await kit.backups.verify(ADA, "b", never());
});

Deno.test("what is sealed opens for its key and its owner alone", async () => {
  const [keys, others] = [new BackupKeys([KEY_A]), new BackupKeys([KEY_B])];
  const salt = new Uint8Array(32).fill(7);
  const sealed = await Array.fromAsync(seal(piecesOf("fence"), keys, "ada", salt));
  const open = async (by: BackupKeys, context: string) =>
    joinBytes(await Array.fromAsync(unseal(ReadableStream.from(sealed), by, context)));
  assert.deepEqual(await open(keys, "ada"), new TextEncoder().encode("fence"));
  await assert.rejects(open(keys, "bob"), {
    name: "DamagedError",
    message: "chunk 0 does not open",
  });
  await assert.rejects(open(others, "ada"), { code: "backup_failed", message: /not among ours/ });
});

Deno.test("the chunks alone tell whether one is missing, moved or added, without a manifest", async () => {
  const keys = new BackupKeys([KEY_A]);
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  const pieces = ReadableStream.from([noise, noise, noise]);
  const sealed = await Array.fromAsync(seal(pieces, keys, "ada", new Uint8Array(32).fill(7)));
  const [head = noise, a = noise, b = noise, c = noise] = sealed;
  const opened = async (...parts: Uint8Array[]) =>
    joinBytes(await Array.fromAsync(unseal(ReadableStream.from(parts), keys, "ada"))).length;
  assert.equal(await opened(...sealed), 3 * noise.length);
  const isDamaged = { name: "DamagedError", message: /^chunk \d does not open$/ };
  for (const order of [[], [a], [a, b], [a, c], [b, a, c], [a, b, c, c], [a, b, b], [a, b, a, c]]) {
    await assert.rejects(opened(head, ...order), isDamaged);
  }
  assert.equal(new Set([a, b, c].map((chunk) => chunk.toHex())).size, 3, "no nonce twice");
});

Deno.test("what unpacks to more than it says, or not at all, is given up", async () => {
  const zeros = new Uint8Array(8 << 20);
  const bomb = [joinBytes(await Array.fromAsync(packed(ReadableStream.from([zeros]))))];
  let most = 0;
  const unpack = async (pieces: Uint8Array[], mostBytes: number) => {
    for await (const piece of unpacked(ReadableStream.from(pieces), mostBytes)) {
      most = Math.max(most, piece.length);
    }
  };
  await unpack(bomb, zeros.length);
  await assert.rejects(unpack(bomb, zeros.length - 1), {
    name: "DamagedError",
    message: "it holds more than it says",
  });
  assert.ok(most <= 2.5 * (1 << 20), `${most} bytes at once`);
  for (const bad of [[new Uint8Array(99).fill(1)], [joinBytes(bomb).slice(0, -1)], []]) {
    await assert.rejects(unpack(bad, zeros.length), { message: "it cannot be unpacked" });
  }
});
