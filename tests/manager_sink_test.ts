/** The contract of sinks, for the one in memory that other tests stand on, and for a real folder. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../src/clock.ts";
import { SinkError } from "../src/manager/backup_sink.ts";
import { realSinkFiles, type SinkFiles } from "../src/manager/backup_sink/files.ts";
import { FolderSink } from "../src/manager/backup_sink/folder.ts";
import { ADA, ADDRESS, kitOf, never, piecesOf, textOf } from "./manager/backup_kit.ts";
import { RamSink } from "./manager/ram_sink.ts";
import { sinkContract } from "./manager/sink_contract.ts";

const DAY_MS = 24 * 60 * 60_000;
const LATER = Date.UTC(2030, 0, 31);
const clock: Clock = { now: () => LATER, after: () => assert.fail("it waits for nothing") };

async function withFolder(
  test: (folder: string, sinkOn: (files?: SinkFiles) => FolderSink) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "second-brain-sink-"));
  let ids = 0;
  try {
    await test(
      folder,
      (files = realSinkFiles) =>
        new FolderSink({ path: folder, files, clock, newId: () => `draft-${++ids}` }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

sinkContract("in memory", (test) => test(new RamSink()));
sinkContract("a folder", (test) => withFolder((_, sinkOn) => test(sinkOn())));

Deno.test("a name that leads out of the folder is none", () =>
  withFolder(async (folder, sinkOn) => {
    const sink = sinkOn();
    for (
      const name of ["", "..", "../x", "a/../../x", "/etc/x", "a//b", "a/", "A", ".incoming/x"]
    ) {
      await assert.rejects(sink.put(name, piecesOf("x"), never()), /that is no name/, name);
      await assert.rejects(textOf(sink.read(name, never())), /that is no name/, name);
      await assert.rejects(sink.delete(name, never()), /that is no name/, name);
    }
    await assert.rejects(sink.list("../", never()), /that is no name/);
    assert.deepEqual(await readdir(folder), []);
  }));

Deno.test("a link in the folder is not followed, whatever it leads to", () =>
  withFolder(async (outside) => {
    await writeFile(join(outside, "secret"), "secret");
    await withFolder(async (folder, sinkOn) => {
      const sink = sinkOn();
      await symlink(outside, join(folder, "away"));
      await mkdir(join(folder, "a"));
      await symlink(join(outside, "secret"), join(folder, "a", "link"));
      const isFault = (fault: string) => (error: unknown) =>
        error instanceof SinkError && error.fault === fault;
      for (const name of ["away/secret", "a/link"]) {
        await assert.rejects(textOf(sink.read(name, never())), isFault("missing"), name);
        const put = sink.put(name, piecesOf("mine"), never());
        await assert.rejects(put, isFault("unavailable"), name);
      }
      await sink.delete("away/secret", never());
      await sink.delete("a/link", never());
      assert.deepEqual(await sink.list("", never()), []);
    });
    assert.equal(await Deno.readTextFile(join(outside, "secret")), "secret");
  }));

Deno.test("nothing is written, or swept away, where the folder of what comes in is a link", () =>
  withFolder(async (outside) => {
    await writeFile(join(outside, "old"), "mine");
    await utimes(join(outside, "old"), 1, 1);
    await withFolder(async (folder, sinkOn) => {
      await symlink(outside, join(folder, ".incoming"));
      const put = sinkOn().put("a/b", piecesOf("secret"), never());
      await assert.rejects(put, (error) => error instanceof SinkError);
    });
    assert.deepEqual(await readdir(outside), ["old"]);
  }));

Deno.test("a volume that is not mounted is said so, and not taken for one without backups", () =>
  withFolder(async (folder, sinkOn) => {
    const sink = sinkOn();
    await rm(folder, { recursive: true });
    const isAway = { name: "SinkError", fault: "unavailable" };
    await assert.rejects(sink.put("a/b", piecesOf("x"), never()), isAway);
    await assert.rejects(textOf(sink.read("a/b", never())), isAway);
    await assert.rejects(sink.list("a/", never()), isAway);
    await assert.rejects(sink.delete("a/b", never()), isAway);
    await mkdir(folder);
  }));

Deno.test("what those left who died while writing is removed after a day", () =>
  withFolder(async (folder, sinkOn) => {
    const incoming = join(folder, ".incoming");
    await mkdir(incoming);
    for (const [name, ageMs] of [["old", DAY_MS + 1], ["new", DAY_MS - 1000]] as const) {
      await writeFile(join(incoming, name), "x");
      const at = new Date(LATER - ageMs);
      await utimes(join(incoming, name), at, at);
    }
    const sink = sinkOn();
    assert.deepEqual(await sink.list("", never()), []);
    await sink.put("a/b", piecesOf("x"), never());
    assert.deepEqual(await readdir(incoming), ["new"]);
  }));

Deno.test("the folders of a user who is gone go with his last backup", () =>
  withFolder(async (folder, sinkOn) => {
    const sink = sinkOn();
    await sink.put("ada/life-1/x", piecesOf("x"), never());
    await sink.put("bob/life-1/x", piecesOf("x"), never());
    await sink.delete("ada/life-1/x", never());
    assert.deepEqual((await readdir(folder)).toSorted(), [".incoming", "bob"]);
  }));

Deno.test("whichever operation on the disk fails, a name has all of its old bytes or its new", () =>
  withFolder(async (folder, sinkOn) => {
    for (let failing = 1;; failing++) {
      let calls = 0;
      const fault = () => {
        if (++calls === failing) throw Object.assign(new Error(folder), { code: "EIO" });
      };
      const sink = sinkOn(failingFiles(fault));
      await sinkOn().put("ada/x", piecesOf("former"), never());
      const put = await sink.put("ada/x", piecesOf("newer", 2), never()).then(
        () => "put",
        (error: unknown) => error,
      );
      if (calls < failing) {
        assert.ok(failing > 10, "it was made to fail at every step");
        break;
      }
      assert.ok(put instanceof SinkError && put.fault === "unavailable", `${failing}: ${put}`);
      assert.equal(put.message, "Cannot write a backup: the disk says EIO");
      const read = await textOf(sinkOn().read("ada/x", never()));
      assert.ok(["former", "newer"].includes(read), `${failing}: ${read}`);
      assert.deepEqual(await readdir(join(folder, ".incoming")), []);
    }
  }));

Deno.test("what is written is forced to the disk, then named, and then the name is", () =>
  withFolder(async (folder, sinkOn) => {
    const trace: string[] = [];
    const sink = sinkOn(failingFiles((call, path) => {
      if (["write", "sync", "rename", "syncFolder", "makeFolder"].includes(call)) {
        trace.push(`${call} ${path.slice(folder.length)}`);
      }
    }));
    await sink.put("ada/x", piecesOf("newer"), never());
    assert.deepEqual(trace, [
      "makeFolder /.incoming",
      "write /.incoming/draft-1",
      "sync /.incoming/draft-1",
      "makeFolder /ada",
      "syncFolder ",
      "rename /.incoming/draft-1",
      "syncFolder /ada",
    ]);
  }));

Deno.test("a disk without room is full, also where it takes a part first", () =>
  withFolder(async (folder, sinkOn) => {
    let room = 3;
    const sink = sinkOn({
      ...realSinkFiles,
      async create(path) {
        const file = await realSinkFiles.create(path);
        return {
          read: (buffer) => file.read(buffer),
          sync: () => file.sync(),
          close: () => file.close(),
          async write(bytes) {
            if (room === 0) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
            const written = await file.write(bytes.subarray(0, room));
            room -= written;
            return written;
          },
        };
      },
    });
    await assert.rejects(sink.put("a/b", piecesOf("fence"), never()), {
      name: "SinkError",
      fault: "full",
      message: "Cannot write a backup: the disk is full",
    });
    assert.deepEqual(await readdir(join(folder, ".incoming")), []);
    room = 99;
    await sink.put("a/b", piecesOf("fence"), never());
    assert.equal(await textOf(sink.read("a/b", never())), "fence");
  }));

Deno.test("a large backup passes through in pieces: never much of it is in memory", () =>
  withFolder(async (_, sinkOn) => {
    // More of it with SINK_MIB, to look at the memory.
    const PIECE_BYTES = 64 * 1024;
    const PIECES = Number(Deno.env.get("SINK_MIB") ?? 8) * 16;
    const noise = crypto.getRandomValues(new Uint8Array(PIECE_BYTES));
    const folder = sinkOn();
    let exported = 0, sunk = 0, furthest = 0, most = 0;
    const measured = async function* (pieces: AsyncIterable<Uint8Array>) {
      for await (const piece of pieces) {
        sunk += piece.length;
        furthest = Math.max(furthest, exported - sunk);
        const { heapUsed, external } = Deno.memoryUsage();
        most = Math.max(most, heapUsed + external);
        yield piece;
      }
    };
    const kit = kitOf("", {
      sink: {
        put: (name, pieces, signal) => folder.put(name, measured(pieces), signal),
        read: (name, signal) => folder.read(name, signal),
        list: (prefix, signal) => folder.list(prefix, signal),
        delete: (name, signal) => folder.delete(name, signal),
      },
    });
    kit.export = async function* () {
      for (let n = 0; n < PIECES; n++) {
        await Promise.resolve();
        const piece = noise.slice();
        new DataView(piece.buffer).setUint32(n % 1000 * 4, n);
        if (n === PIECES - 1) piece[PIECE_BYTES - 1] = 10;
        exported += piece.length;
        yield piece;
      }
    };
    const before = Deno.memoryUsage();
    const backup = await kit.backups.create(ADA, ADDRESS, never());
    assert.ok(backup.bytes > PIECES * PIECE_BYTES, "noise is not made smaller");
    assert.ok(furthest < 1 << 20, `${furthest} bytes were under way`);
    const grown = most - before.heapUsed - before.external;
    console.log(`  ${furthest} bytes were under way at most; memory grew by ${grown} bytes`);
    let read = 0;
    for await (const piece of kit.backups.read(ADA, backup.id, never())) read += piece.length;
    assert.equal(read, PIECES * PIECE_BYTES);
  }));

/** The real ones, each of which is told of first, and may be made to fail before it does anything. */
function failingFiles(fault: (call: string, path: string) => void): SinkFiles {
  const real = realSinkFiles;
  const then = <T>(call: string, path: string, work: () => Promise<T>) =>
    Promise.try(() => fault(call, path)).then(work);
  return {
    async create(path) {
      fault("create", path);
      const file = await real.create(path);
      return {
        read: (buffer) => file.read(buffer),
        close: () => file.close(),
        write: (bytes) => then("write", path, () => file.write(bytes)),
        sync: () => then("sync", path, () => file.sync()),
      };
    },
    open: (path) => then("open", path, () => real.open(path)),
    info: (path) => then("info", path, () => real.info(path)),
    async *names(path) {
      fault("names", path);
      yield* real.names(path);
    },
    makeFolder: (path) => then("makeFolder", path, () => real.makeFolder(path)),
    rename: (from, to) => then("rename", from, () => real.rename(from, to)),
    remove: (path) => real.remove(path),
    removeFolder: (path) => real.removeFolder(path),
    syncFolder: (path) => then("syncFolder", path, () => real.syncFolder(path)),
  };
}
