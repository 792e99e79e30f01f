/** What every backup sink must do, whatever it is made of. */
import assert from "node:assert/strict";
import { type BackupSink, SinkError } from "../../src/manager/backup_sink.ts";
import { joinBytes } from "../../src/lines.ts";
import { never, piecesOf, textOf } from "./backup_kit.ts";

type Use = (test: (sink: BackupSink) => Promise<void>) => Promise<void>;

export function sinkContract(kind: string, use: Use): void {
  const test = (name: string, run: (sink: BackupSink) => Promise<void>) =>
    Deno.test(`${kind}: ${name}`, () => use(run));
  wholeness(test);
  listing(test);
}

type Test = (name: string, run: (sink: BackupSink) => Promise<void>) => void;

async function namesIn(sink: BackupSink, prefix: string): Promise<string[]> {
  return (await sink.list(prefix, never())).map(({ name }) => name);
}

function wholeness(test: Test): void {
  test("what was put is read, however large", async (sink) => {
    const noise = Uint8Array.from({ length: 300_001 }, (_, n) => n * 7919 >> 3);
    const put = await sink.put("a/b.data", ReadableStream.from([noise]), never());
    assert.deepEqual([put.name, put.bytes], ["a/b.data", noise.length]);
    const read = joinBytes(await Array.fromAsync(sink.read("a/b.data", never())));
    assert.ok(read.length === noise.length && read.every((byte, i) => byte === noise[i]));
    assert.equal((await sink.put("a/empty", piecesOf(""), never())).bytes, 0);
    assert.equal(await textOf(sink.read("a/empty", never())), "");
  });

  test("what is put again replaces what had the name", async (sink) => {
    await sink.put("a/b", piecesOf("the longer former one"), never());
    await sink.put("a/b", piecesOf("new"), never());
    assert.equal(await textOf(sink.read("a/b", never())), "new");
    assert.deepEqual(await namesIn(sink, ""), ["a/b"]);
  });

  test("a stream that fails, or is given up, is not there; the former one is", async (sink) => {
    await sink.put("a/b", piecesOf("former"), never());
    const failure = new Error("enough");
    const failing = async function* () {
      yield* piecesOf("some");
      throw failure;
    };
    for (const name of ["a/b", "a/new"]) {
      await assert.rejects(sink.put(name, failing(), never()), failure);
      const giving = new AbortController();
      const given = async function* () {
        yield* piecesOf("some");
        giving.abort(failure);
        yield* piecesOf("more");
      };
      await assert.rejects(sink.put(name, given(), giving.signal), failure);
    }
    assert.deepEqual(await namesIn(sink, ""), ["a/b"]);
    assert.equal(await textOf(sink.read("a/b", never())), "former");
  });

  test("what is not there is missing, and what is gone can be deleted again", async (sink) => {
    const isMissing = (error: unknown) => error instanceof SinkError && error.fault === "missing";
    await assert.rejects(textOf(sink.read("a/b", never())), isMissing);
    await sink.put("a/b", piecesOf("x"), never());
    await assert.rejects(textOf(sink.read("a", never())), isMissing);
    await sink.delete("a/b", never());
    await sink.delete("a/b", never());
    await assert.rejects(textOf(sink.read("a/b", never())), isMissing);
    await sink.put("a/b", piecesOf("again"), never());
    assert.equal(await textOf(sink.read("a/b", never())), "again");
  });

  test("who has given up gets his reason", async (sink) => {
    const reason = new Error("enough");
    const given = AbortSignal.abort(reason);
    await sink.put("a/b", piecesOf("x"), never());
    await assert.rejects(sink.put("a/c", piecesOf("x"), given), reason);
    await assert.rejects(textOf(sink.read("a/b", given)), reason);
    await assert.rejects(sink.delete("a/b", given), reason);
    assert.deepEqual(await namesIn(sink, ""), ["a/b"]);
  });

  test("many at once, of one name and of others, do not meet", async (sink) => {
    const texts = Array.from({ length: 12 }, (_, n) => `${n}`.repeat(5000));
    await Promise.all(texts.map((text, n) => sink.put(`a/${n % 4}`, piecesOf(text), never())));
    for (let n = 0; n < 4; n++) {
      const read = await textOf(sink.read(`a/${n}`, never()));
      assert.ok([texts[n], texts[n + 4], texts[n + 8]].includes(read), `${n}`);
    }
    await Promise.all(texts.flatMap((text, n) => [
      sink.put(`b/c/${n}`, piecesOf(text), never()),
      sink.delete(`b/c/${n}`, never()),
    ]));
  });
}

function listing(test: Test): void {
  test("a listing has what begins so, by name, with its size", async (sink) => {
    const names = ["ada/life-1/x.data", "ada/life-1/x.manifest", "ada/life-2/y", "adam/z"];
    for (const name of names.toReversed()) await sink.put(name, piecesOf(name), never());
    const of = async (prefix: string) =>
      (await sink.list(prefix, never())).map(({ name, bytes }) => [name, bytes]);
    const wanted = (some: string[]) => some.map((name) => [name, name.length]);
    assert.deepEqual(await of(""), wanted(names));
    assert.deepEqual(await of("ada"), wanted(names));
    assert.deepEqual(await of("ada/"), wanted(names.slice(0, 3)));
    assert.deepEqual(await of("ada/life-1/"), wanted(names.slice(0, 2)));
    assert.deepEqual(await of("ada/life-1/x.m"), wanted(names.slice(1, 2)));
    assert.deepEqual(await of("bob/life-1/"), []);
  });
}
