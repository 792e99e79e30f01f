/** Watches of the real adapter: how they end, and that they miss nothing in between. */
import assert from "node:assert/strict";
import { ClusterError, type WatchEvent } from "../src/manager/cluster.ts";
import { drain } from "./fakes/indexing.ts";
import {
  Lines,
  mapReply,
  type ScriptedApi,
  scriptedApi,
  statusReply,
} from "./manager/scripted_api.ts";

const MAPS = { apiVersion: "v1", kind: "ConfigMap" };

interface Watching extends ScriptedApi {
  readonly streams: readonly Lines[];
  readonly seen: string[];
  readonly end: () => void;
  /** What it ended with; undefined where it just ended. */
  readonly outcome: Promise<unknown>;
}

function watching(): Watching {
  const streams: Lines[] = [];
  const api = scriptedApi(({ signal }) => {
    const lines = new Lines(signal);
    streams.push(lines);
    return lines.response;
  });
  const controller = new AbortController();
  const seen: string[] = [];
  const events = api.cluster.watch(
    MAPS,
    { namespace: "a", resourceVersion: "5" },
    controller.signal,
  );
  const outcome = (async () => {
    for await (const event of events) seen.push(toldBy(event));
  })().then(() => undefined, (error: unknown) => error);
  return { ...api, streams, seen, end: () => controller.abort(), outcome };
}

function toldBy({ type, object: { metadata } }: WatchEvent): string {
  return `${type} ${metadata.name} ${metadata.resourceVersion}`;
}

function stream(watch: Watching, n = 0): Lines {
  return watch.streams[n] ?? assert.fail(`no stream ${n}`);
}

function isFault(error: unknown, fault: string, message: RegExp): void {
  assert.ok(error instanceof ClusterError, `${error}`);
  assert.equal(error.fault, fault);
  assert.match(error.message, message);
}

Deno.test("events come as they happen, however they are cut", async () => {
  const watch = watching();
  await drain();
  const { path } = watch.calls[0] ?? assert.fail();
  assert.equal(
    path,
    "/api/v1/namespaces/a/configmaps?watch=true&allowWatchBookmarks=true&resourceVersion=5" +
      "&timeoutSeconds=270",
  );
  const lines = stream(watch);
  const text = ["ADDED", "MODIFIED", "DELETED"]
    .map((type, n) =>
      `${JSON.stringify({ type, object: mapReply("ä", { resourceVersion: `${n}` }) })}\n`
    )
    .join("");
  for (const piece of text.match(/[^]{1,7}/g) ?? []) lines.send(piece);
  await drain();
  watch.end();
  assert.equal(await watch.outcome, undefined);
  assert.deepEqual(watch.seen, ["put ä 0", "put ä 1", "deleted ä 2"]);
  assert.equal(lines.isCancelled, true);
});

Deno.test("a watch that the server ends goes on where it was", async () => {
  const watch = watching();
  await drain();
  stream(watch).tell("ADDED", mapReply("a", { resourceVersion: "8" }));
  const bookmark = { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: "12" } };
  stream(watch).tell("BOOKMARK", bookmark);
  await watch.clock.advance(120_000);
  stream(watch).end();
  await watch.clock.advance(1_000);
  assert.match(watch.calls[1]?.path ?? "", /resourceVersion=12&/);
  stream(watch, 1).tell("DELETED", mapReply("a", { resourceVersion: "13" }));
  await drain();
  watch.end();
  assert.equal(await watch.outcome, undefined);
  assert.deepEqual(watch.seen, ["put a 8", "bookmark  12", "deleted a 13"]);
});

Deno.test("one that ends at once is not opened again without a rest", async () => {
  const api = scriptedApi(() => new Response(""));
  const controller = new AbortController();
  const events = api.cluster.watch(MAPS, { resourceVersion: "5" }, controller.signal);
  const next = events.next();
  await api.clock.advance(10_000);
  assert.equal(api.calls.length, 11);
  controller.abort();
  assert.deepEqual(await next, { done: true, value: undefined });
});

Deno.test("silence is told from quiet: bookmarks keep a watch, nothing at all ends it", async () => {
  const watch = watching();
  await drain();
  const bookmark = { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: "12" } };
  for (let minute = 0; minute < 10; minute++) {
    await watch.clock.advance(60_000);
    stream(watch).tell("BOOKMARK", bookmark);
  }
  await watch.clock.advance(149_000);
  assert.equal(watch.seen.length, 10);
  await watch.clock.advance(2_000);
  isFault(await watch.outcome, "unavailable", /nothing came for 150 s/);
  assert.equal(stream(watch).isCancelled, true);
});

Deno.test("what is too old is gone, in a line or at once", async () => {
  const watch = watching();
  await drain();
  const status = {
    kind: "Status",
    code: 410,
    reason: "Expired",
    message: "too old resource version",
  };
  stream(watch).tell("ERROR", status);
  isFault(await watch.outcome, "gone", /too old/);

  const api = scriptedApi(() => statusReply(410, "Expired", { message: "too old" }));
  const events = api.cluster.watch(MAPS, { resourceVersion: "5" }, new AbortController().signal);
  isFault(await events.next().catch((error: unknown) => error), "gone", /too old/);
});

Deno.test("lines that are no events, or have no end, break it", async () => {
  const cases: readonly [(lines: Lines) => void, RegExp][] = [
    [(lines) => lines.send('{"type":"ADDED","obj\n'), /no JSON/],
    [(lines) => lines.send('"text"\n'), /no event/],
    [(lines) => lines.tell("ADDED", { metadata: 1 }), /another shape/],
    [(lines) => lines.tell("WHATEVER", mapReply("a")), /not known/],
    [(lines) => {
      for (let n = 0; n < 9; n++) lines.send("x".repeat(2 ** 20));
      lines.send("\n");
    }, /more than 8388608 bytes/],
  ];
  for (const [send, message] of cases) {
    const watch = watching();
    await drain();
    stream(watch).tell("ADDED", mapReply("a"));
    send(stream(watch));
    isFault(await watch.outcome, "unavailable", message);
    assert.deepEqual(watch.seen, ["put a 7"]);
    assert.equal(stream(watch).isCancelled, true);
  }
});

Deno.test("half a line of a connection that broke is no event", async () => {
  const watch = watching();
  await drain();
  stream(watch).send('{"type":"ADDED","object":{');
  stream(watch).end();
  await watch.clock.advance(2_000);
  assert.match(watch.calls[1]?.path ?? "", /resourceVersion=5&/);
  watch.end();
  assert.equal(await watch.outcome, undefined);
});

Deno.test("one who leaves in the middle leaves nothing behind", async () => {
  const watch = watching();
  await drain();
  watch.end();
  await watch.outcome;
  assert.equal(watch.clock.waiting, 0);
  const streams: Lines[] = [];
  const api = scriptedApi(({ signal }) => {
    streams.push(new Lines(signal));
    return streams[0]?.response ?? assert.fail();
  });
  const signal = new AbortController().signal;
  const reading = (async () => {
    for await (const _ of api.cluster.watch(MAPS, { resourceVersion: "5" }, signal)) break;
  })();
  await drain();
  streams[0]?.tell("ADDED", mapReply("a"));
  await reading;
  assert.deepEqual([streams[0]?.isCancelled, api.clock.waiting], [true, 0]);
});
