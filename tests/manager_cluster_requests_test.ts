/** The real adapter against servers that do what servers do on a bad day. */
import assert from "node:assert/strict";
import { ClusterError, type ClusterFault } from "../src/manager/cluster.ts";
import { fixedToken, tokenFile } from "../src/manager/cluster/access.ts";
import { connectKubernetes } from "../src/manager/cluster/connect.ts";
import { systemClock } from "../src/clock.ts";
import { FakeClock } from "./fakes/indexing.ts";
import {
  mapReply,
  pageReply,
  type ScriptedApi,
  scriptedApi,
  silentReply,
  statusReply,
} from "./manager/scripted_api.ts";

const MAPS = { apiVersion: "v1", kind: "ConfigMap" };
const MAP = { ...MAPS, namespace: "a", name: "x" };
const OBJECT = { ...MAPS, metadata: { name: "x", namespace: "a" } };

function isFault(fault: ClusterFault, message = /(?:)/): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ClusterError, `${error}`);
    assert.equal(error.fault, fault, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** The outcome, and how much time of the clock it took. */
async function timed<T>({ clock }: ScriptedApi, work: Promise<T>): Promise<[unknown, number]> {
  let end: number | undefined;
  let outcome: unknown;
  const begun = clock.now();
  const done = work.then((value) => outcome = value, (error) => outcome = error)
    .finally(() => end = clock.now());
  for (let n = 0; n < 200 && end === undefined; n++) await clock.advance(500);
  await done;
  return [outcome, (end ?? NaN) - begun];
}

Deno.test("a list that grew too old in the middle begins anew, a few times", async () => {
  const api = scriptedApi(({ path }, n) => {
    if (path.includes("continue=old")) return statusReply(410, "Expired");
    return pageReply(["a", "b"], n < 3 ? "old" : undefined);
  });
  const { items, resourceVersion } = await api.cluster.list(MAPS);
  assert.deepEqual(items.map(({ metadata }) => metadata.name), ["a", "b"]);
  assert.equal(resourceVersion, "100");
  assert.equal(api.calls.length, 3);

  const never = scriptedApi(({ path }) =>
    path.includes("continue") ? statusReply(410, "Expired") : pageReply(["a"], "old")
  );
  await assert.rejects(never.cluster.list(MAPS), isFault("unavailable", /longer than/));
  assert.equal(never.calls.length, 8);
});

Deno.test("an unreadable reply is asked for again where that is harmless, and only there", async () => {
  for (const body of ["{", '"text"', '{"metadata":{}}', ""]) {
    const api = scriptedApi(() => new Response(body));
    const [error] = await timed(api, api.cluster.create(OBJECT));
    assert.ok(error instanceof ClusterError && error.fault === "unavailable", body);
    assert.equal(api.calls.length, 1);
  }
  const api = scriptedApi((_, n) => n < 3 ? new Response("{") : Response.json(mapReply("x")));
  const [found] = await timed(api, api.cluster.get(MAP));
  assert.deepEqual([found, api.calls.length], [mapReply("x"), 3]);
});

Deno.test("a reply without an end is given up", async () => {
  const piece = new Uint8Array(2 ** 20).fill(0x20);
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(piece) }),
    );
  const api = scriptedApi(endless);
  await assert.rejects(api.cluster.create(OBJECT), isFault("unavailable", /more than 67108864/));
});

Deno.test("a token that was refused is read again, once, and kept for a minute", async () => {
  let file = "token-1\n";
  let reads = 0;
  const clock = new FakeClock();
  const readFile = () => {
    reads++;
    return Promise.resolve(file);
  };
  const api = scriptedApi(({ headers }) => {
    const isNew = headers.get("authorization") === "Bearer token-2";
    return isNew ? Response.json(mapReply("x")) : statusReply(401, "Unauthorized");
  }, tokenFile("/token", readFile, clock));
  const [early] = await timed(api, api.cluster.create(OBJECT));
  assert.ok(early instanceof ClusterError && early.fault === "unavailable" && early.status === 401);
  file = "token-2\n";
  const before = api.calls.length;
  assert.deepEqual(await api.cluster.create(OBJECT), mapReply("x"));
  assert.equal(api.calls.length - before <= 2, true);
  const readBefore = reads;
  await api.cluster.create(OBJECT);
  assert.equal(reads, readBefore);
  await clock.advance(61_000);
  await api.cluster.create(OBJECT);
  assert.equal(reads, readBefore + 1);
});

Deno.test("a token that cannot be read is said, without its path", async () => {
  const missing = () => Promise.reject(new Deno.errors.NotFound("no such file: /run/token"));
  const token = tokenFile("/run/token", missing, new FakeClock());
  const api = scriptedApi(() => Response.json(mapReply("x")), token);
  const [error] = await timed(api, api.cluster.create(OBJECT));
  assert.equal(
    String(error),
    "ClusterError: Cannot reach the API server: Cannot read the service account's token: NotFound; " +
      "look at its file and its rights",
  );
});

Deno.test("with 429 it waits as long as it is told, for writes too", async () => {
  const headers = { "retry-after": "7" };
  const api = scriptedApi((_, n) =>
    n < 3 ? statusReply(429, "TooManyRequests", { headers }) : Response.json(mapReply("x"))
  );
  const [made, ms] = await timed(api, api.cluster.create(OBJECT));
  assert.deepEqual([made, api.calls.length, ms], [mapReply("x"), 3, 14_000]);

  const long = { "retry-after": "600" };
  const busy = scriptedApi(() => statusReply(429, "TooManyRequests", { headers: long }));
  const [error, waited] = await timed(busy, busy.cluster.get(MAP));
  assert.ok(error instanceof ClusterError && error.status === 429);
  assert.deepEqual([busy.calls.length, waited], [1, 0]);
});

Deno.test("what fails is repeated where that is harmless, with longer and longer waits", async () => {
  const uid = "11111111-1111-1111-1111-111111111111";
  const cases: readonly [string, (api: ScriptedApi) => Promise<unknown>, number][] = [
    ["get", ({ cluster }) => cluster.get(MAP), 5],
    ["list", ({ cluster }) => cluster.list(MAPS), 5],
    ["apply", ({ cluster }) => cluster.apply(OBJECT), 5],
    ["delete with uid", ({ cluster }) => cluster.delete(MAP, { uid }), 5],
    ["delete", ({ cluster }) => cluster.delete(MAP), 1],
    ["create", ({ cluster }) => cluster.create(OBJECT), 1],
    ["create, tried", ({ cluster }) => cluster.create(OBJECT, { dryRun: true }), 5],
    ["patch", ({ cluster }) => cluster.patch(MAP, { data: {} }), 1],
    ["replace", ({ cluster }) => {
      return cluster.replace({ ...OBJECT, metadata: { ...OBJECT.metadata, resourceVersion: "7" } });
    }, 1],
    ["apply to a version", ({ cluster }) => {
      return cluster.apply({ ...OBJECT, metadata: { ...OBJECT.metadata, resourceVersion: "7" } });
    }, 1],
  ];
  for (const [name, run, attempts] of cases) {
    const api = scriptedApi(() => statusReply(503, "ServiceUnavailable"));
    const [error, ms] = await timed(api, run(api));
    assert.ok(error instanceof ClusterError && error.fault === "unavailable", name);
    assert.equal(api.calls.length, attempts, name);
    // Half of 0.4, 0.8, 1.6 and 3.2 s.
    assert.equal(ms, attempts === 1 ? 0 : 3_000, name);
  }
});

Deno.test("a server that does not answer is given up in time", async () => {
  const api = scriptedApi(silentReply);
  const [read, readMs] = await timed(api, api.cluster.get(MAP));
  assert.ok(read instanceof ClusterError && read.fault === "unavailable");
  assert.deepEqual([readMs <= 40_000, api.calls.length], [true, 3]);
  const [written, writtenMs] = await timed(api, api.cluster.create(OBJECT));
  assert.ok(written instanceof ClusterError && written.fault === "unavailable");
  assert.deepEqual([writtenMs, api.calls.length], [40_000, 4]);
});

Deno.test("a connection that breaks after a write is unavailable, and the write is sent once", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received: string[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(65_536);
      const count = await connection.read(buffer) ?? 0;
      const [line = ""] = new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n");
      received.push(line.split("?")[0] ?? "");
      if (line.startsWith("GET /api/v1 ")) {
        const resources = [{ name: "configmaps", kind: "ConfigMap", namespaced: true }];
        const body = JSON.stringify({ resources });
        const head =
          `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
        await connection.write(new TextEncoder().encode(head + body));
      }
      connection.close();
    }
  })();
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const access = {
    url,
    caCert: undefined,
    certificate: undefined,
    token: fixedToken("secret-token"),
  };
  using cluster = connectKubernetes(access, { clock: systemClock, random: Math.random });
  await assert.rejects(cluster.create(OBJECT), (error) => {
    isFault("unavailable", /Cannot reach/)(error);
    assert.doesNotMatch(String(error), /secret-token|127\.0\.0\.1/);
    return true;
  });
  listener.close();
  await serving.catch(() => {});
  assert.deepEqual(received, ["GET /api/v1 HTTP/1.1", "POST /api/v1/namespaces/a/configmaps"]);
});

Deno.test("the token is not carried along to where a redirect leads", async () => {
  const api = scriptedApi(() => new Response(null, { status: 302, headers: { location: "/x" } }));
  await assert.rejects(api.cluster.create(OBJECT), isFault("unavailable"));
  assert.equal(api.calls.length, 1);
});

Deno.test("not more than sixteen are asked at once, in the order in which they came", async () => {
  const gate = Promise.withResolvers<void>();
  let inside = 0;
  let most = 0;
  const api = scriptedApi(async ({ path }) => {
    most = Math.max(most, ++inside);
    await gate.promise;
    inside--;
    return Response.json(mapReply(path.slice(path.lastIndexOf("/") + 1)));
  });
  const names = Array.from({ length: 40 }, (_, n) => `x${n}`);
  const asked = names.map((name) => api.cluster.get({ ...MAP, name }));
  await api.clock.advance(1_000);
  assert.deepEqual([most, api.calls.length], [16, 16]);
  gate.resolve();
  const found = await Promise.all(asked);
  assert.deepEqual(found.map((one) => one?.metadata.name), names);
  const order = api.calls.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  assert.deepEqual([most, order], [16, names]);
});

Deno.test("rights that went with their namespace: what is refused there is not found", async () => {
  let isThere = false;
  const api = scriptedApi(({ path }) =>
    path.startsWith("/api/v1/namespaces/a/")
      ? statusReply(403, "Forbidden")
      : isThere
      ? Response.json({ apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } })
      : statusReply(404, "NotFound", { details: { name: "a", kind: "namespaces" } })
  );
  const { cluster } = api;
  assert.equal(await cluster.get(MAP), undefined);
  assert.deepEqual((await cluster.list(MAPS, { namespace: "a" })).items, []);
  await cluster.delete(MAP);
  await assert.rejects(cluster.apply(OBJECT), isFault("not_found"));
  isThere = true;
  await assert.rejects(cluster.get(MAP), isFault("forbidden"));
  await assert.rejects(cluster.list(MAPS, { namespace: "a" }), isFault("forbidden"));
});
