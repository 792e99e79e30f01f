/** The embedding cache: what it keeps, and that nothing done to its file ever reaches a caller. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { cachedEmbedder, servedModels } from "../src/embedder/cached.ts";
import { bytesOf, embeddingKey, vectorIn } from "../src/embedder/cache_row.ts";
import { never } from "./embedder_contract.ts";
import { FakeEmbedder, vectorOf } from "./fakes/indexing.ts";
import { Place } from "./fakes/cache_place.ts";

const key = (n: number) => embeddingKey("fake-1", undefined, `text ${n}`);
const entry = (n: number, length = 8) => ({ key: key(n), vector: vectorOf(`text ${n}`, length) });

Deno.test("the cache keeps vectors bit by bit, also over a restart, and knows no others", async () => {
  using place = new Place();
  const cache = place.open();
  const vector = Float32Array.of(0.1, -0, 3.4e38, 1e-45);
  await cache.put([{ key: key(1), vector }, entry(2)]);
  const expected = [entry(2).vector, undefined, vector];
  assert.deepEqual(await cache.get([key(2), key(3), key(1)]), expected);
  assert.deepEqual(await place.open().get([key(2), key(3), key(1)]), expected);
  assert.deepEqual(place.logged, []);
});

Deno.test("the cache's key tells model, dimensions and text apart", () => {
  const keys = [
    embeddingKey("m", undefined, "text"),
    embeddingKey("n", undefined, "text"),
    embeddingKey("m", 8, "text"),
    embeddingKey("m", undefined, "Text"),
    embeddingKey("m", undefined, "a\ud800"),
    embeddingKey("m", undefined, "a\ud801"),
    embeddingKey("m", undefined, "a\ufffd"),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.every((one) => /^[0-9a-f]{64}$/.test(one)));
});

Deno.test("a row's vector is the same wherever its bytes lie", () => {
  const key = embeddingKey("m", 3, "a");
  const vector = Float32Array.of(0.25, -1, 3e-7);
  const { blob, crc } = bytesOf({ key, vector });
  const around = new Uint8Array(blob.length + 8);
  for (const [from, room] of [[0, 0], [0, 1], [1, 8], [4, 8]] as const) {
    around.set(blob, from);
    const lying = around.slice(0, blob.length + room).subarray(from, from + blob.length);
    assert.deepEqual(vectorIn(key, lying, crc), vector);
  }
});

Deno.test("the cache's file is for its owner only and holds no text", async () => {
  using place = new Place();
  const cache = place.open();
  const embedder = cachedEmbedder(new FakeEmbedder(), cache);
  await embedder.embed(["my secret diary"], { signal: never() });
  cache.close();
  for (const { name } of Deno.readDirSync(place.folder)) {
    assert.equal((Deno.statSync(`${place.folder}/${name}`).mode ?? 0) & 0o777, 0o600, name);
    assert.ok(!new TextDecoder().decode(Deno.readFileSync(place.path)).includes("diary"));
  }
});

Deno.test("a row whose bits flipped is a miss, alone", async () => {
  using place = new Place();
  await place.open().put([entry(1), entry(2)]);
  place.open().close();
  const bytes = Deno.readFileSync(place.path);
  const needle = new Uint8Array(entry(1).vector.buffer);
  const at = bytes.findIndex((_, from) => needle.every((byte, i) => bytes[from + i] === byte));
  assert.ok(at > 0);
  bytes[at + 5] = (bytes[at + 5] ?? 0) ^ 1;
  Deno.writeFileSync(place.path, bytes);
  const cache = place.open();
  assert.deepEqual(await cache.get([key(1), key(2)]), [undefined, entry(2).vector]);
  assert.deepEqual(place.quarantined(), []);
  await cache.put([entry(1)]);
  assert.deepEqual(await cache.get([key(1)]), [entry(1).vector]);
});

const RUINED: Record<string, (place: Place) => void | (() => void)> = {
  "garbage": ({ path }) => Deno.writeFileSync(path, crypto.getRandomValues(new Uint8Array(9_999))),
  "cut short": ({ path }) => Deno.truncateSync(path, 6_000),
  "zeroed in the middle": ({ path }) => {
    const bytes = Deno.readFileSync(path);
    Deno.writeFileSync(path, bytes.fill(0, 4_096, 12_288));
  },
  "of another program": ({ path }) => {
    Deno.removeSync(path);
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE bookmarks (url TEXT)");
    db.close();
  },
  "of a later version": ({ path }) => {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version=99");
    db.close();
  },
  "locked": ({ path }) => {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
    return () => db.close();
  },
  "a directory": ({ path }) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
  "a symbolic link": ({ path, folder }) => {
    Deno.renameSync(path, `${folder}/elsewhere.db`);
    Deno.symlinkSync(`${folder}/elsewhere.db`, path);
  },
  "a link to nowhere": ({ path, folder }) => {
    Deno.removeSync(path);
    Deno.symlinkSync(`${folder}/nowhere`, path);
  },
};

/** Ways to lose the file from under the process. */
const TAKEN: Record<string, (place: Place) => void> = {
  "deleted": ({ path }) => {
    for (const end of ["", "-wal"]) Deno.removeSync(path + end);
  },
  "deleted alone": ({ path }) => Deno.removeSync(path),
  "moved away": ({ path }) => Deno.renameSync(path, `${path}.old`),
};

for (const [ruin, make] of Object.entries(RUINED)) {
  Deno.test(`a cache file that is ${ruin} is moved aside and begun anew`, async () => {
    using place = new Place();
    const first = place.open();
    await first.put(Array.from({ length: 60 }, (_, n) => entry(n, 256)));
    first.close();
    const release = make(place);
    try {
      const cache = place.open();
      assert.deepEqual(await cache.get([key(1)]), [undefined]);
      await cache.put([entry(1)]);
      assert.deepEqual(await cache.get([key(1)]), [entry(1).vector]);
      assert.ok(place.quarantined().includes("20260102T030405.678Z-embeddings.db"));
      assert.equal(Deno.lstatSync(place.path).isFile, true);
    } finally {
      release?.();
    }
  });
}

Deno.test("a cache file that goes bad under the running process is replaced", async () => {
  using place = new Place();
  const cache = place.open();
  await cache.put(Array.from({ length: 500 }, (_, n) => entry(n, 1_536)));
  cache.close();
  const open = place.open();
  // Behind SQLite's back, and more of it than it keeps in memory.
  Deno.writeFileSync(place.path, new Uint8Array(Deno.statSync(place.path).size).fill(7));
  const vectors = await open.get(Array.from({ length: 500 }, (_, n) => key(n)));
  assert.ok(vectors.includes(undefined));
  await open.put([entry(1)]);
  assert.deepEqual(await open.get([key(1)]), [entry(1).vector]);
  assert.deepEqual(place.logged, [
    "the embedding cache could not be used: it is moved aside and begun anew",
  ]);
});

Deno.test("a cache that cannot be had at all is a cache that is empty", async () => {
  using place = new Place();
  const cache = place.open({ path: `${place.folder}/no/such/folder/embeddings.db` });
  await cache.put([entry(1)]);
  assert.deepEqual(await cache.get([key(1)]), [undefined]);
  assert.equal(cache.working, false);
  assert.equal(cache.bytes, 0);
  assert.equal(place.logged.at(-1), "the embedding cache is off: its file cannot be used");
});

Deno.test("only the last file that could not be used is kept", () => {
  using place = new Place();
  for (const day of ["01", "02", "03"]) {
    Deno.writeTextFileSync(place.path, "not a database at all, and no mistake");
    place.open({ now: () => new Date(`2026-01-${day}T00:00:00Z`) }).close();
  }
  assert.deepEqual(place.quarantined(), ["20260103T000000.000Z-embeddings.db"]);
});

Deno.test("the cache stays within its size, the oldest rows giving way", async () => {
  using place = new Place();
  const maxBytes = 1024 * 1024;
  const cache = place.open({ maxBytes });
  cache.areAllAsked = true;
  for (let n = 0; n < 600; n += 20) {
    await cache.put(Array.from({ length: 20 }, (_, i) => entry(n + i, 1_024)));
    assert.ok(cache.bytes <= maxBytes * 1.5, `${cache.bytes}`);
  }
  const kept = await cache.get(Array.from({ length: 600 }, (_, n) => key(n)));
  const first = kept.findIndex((vector) => vector !== undefined);
  assert.ok(first > 300 && first < 590, `${first}`);
  assert.ok(kept.slice(first).every((vector) => vector !== undefined));
  cache.close();
  assert.ok(Deno.statSync(place.path).size <= maxBytes * 1.5);
  assert.equal(Deno.lstatSync(place.folder).isDirectory, true);

  const smaller = place.open({ maxBytes: maxBytes / 4 });
  smaller.areAllAsked = true;
  await smaller.put([entry(600, 1_024)]);
  assert.ok(smaller.bytes <= maxBytes / 4, `${smaller.bytes}`);
});

Deno.test("the model that served is remembered over a restart, and none is at first", async () => {
  using place = new Place();
  assert.equal(place.open().served, undefined);
  for (const dimensions of [undefined, 8]) {
    const served = { model: "m", dimensions, length: 8 };
    const cache = place.open();
    cache.serve(served);
    await cache.put([]);
    assert.deepEqual(place.open().served, served);
  }
});

Deno.test("a file of before models were remembered goes on with all its rows", async () => {
  using place = new Place();
  const first = place.open();
  await first.put([entry(1), entry(2)]);
  first.close();
  const db = new DatabaseSync(place.path);
  db.exec("DROP TABLE served");
  db.close();
  const cache = place.open();
  assert.equal(cache.served, undefined);
  assert.deepEqual(await cache.get([key(1), key(2)]), [entry(1).vector, entry(2).vector]);
  assert.deepEqual(place.quarantined(), []);
});

Deno.test("rows that are in use stay longer than older ones, and than newer ones of another life", async () => {
  using place = new Place();
  const maxBytes = 1024 * 1024;
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => entry(from + n, 1_024));
  const keys = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => key(from + n));
  await place.open({ maxBytes }).put(many(0, 200));
  const cache = place.open({ maxBytes });
  // A write while not all that is in use was asked for.
  await cache.put(many(250, 50));
  await cache.get(keys(0, 50));
  await cache.use(keys(50, 50));
  await cache.use([key(9_999)]);
  cache.areAllAsked = true;
  await cache.put(many(200, 50));
  const kept = async (from: number) =>
    (await cache.get(keys(from, 100))).filter((vector) => vector !== undefined).length;
  assert.deepEqual([await kept(0), await kept(200)], [100, 100]);
  assert.ok(await kept(100) < 50);
  assert.deepEqual([cache.isTooSmall, place.logged], [false, []]);
  // All are in use: the oldest go, and it is said once.
  await cache.put(many(300, 200));
  await cache.put(many(500, 200));
  assert.deepEqual([await kept(0), await kept(600)], [0, 100]);
  const said = "the embedding cache is too small for what is in use";
  assert.deepEqual([cache.isTooSmall, place.logged], [true, [said]]);
  const today = new FakeEmbedder();
  assert.equal(servedModels(today, () => today, cache).isTooSmall(), true);
});

for (const [how, take] of Object.entries(TAKEN)) {
  Deno.test(`a cache file that is ${how} under the running process is begun anew, and says so`, async () => {
    using place = new Place();
    let second = 0;
    const cache = place.open({ now: () => new Date(1_000 * second) });
    let lost = 0;
    cache.whenLost(() => lost++);
    await cache.put([entry(1)]);
    take(place);
    second++;
    assert.deepEqual(await cache.get([key(1)]), [undefined]);
    await cache.put([entry(2)]);
    assert.equal(lost, 1);
    second++;
    const restarted = place.open();
    assert.deepEqual(await restarted.get([key(2)]), [entry(2).vector]);
    assert.deepEqual(place.logged, ["the embedding cache was taken away: it is begun anew"]);
  });
}

Deno.test("rows that are lost to damage are told, so many times at most", async () => {
  using place = new Place();
  await place.open().put(Array.from({ length: 30 }, (_, n) => entry(n)));
  place.open().close();
  const db = new DatabaseSync(place.path);
  db.exec("UPDATE vectors SET crc = crc + 1");
  db.close();
  const cache = place.open();
  let lost = 0;
  cache.whenLost(() => lost++);
  for (let n = 0; n < 30; n++) assert.deepEqual(await cache.get([key(n)]), [undefined]);
  assert.equal(lost, 10);
});
