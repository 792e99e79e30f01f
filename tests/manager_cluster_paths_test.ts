/** What the real adapter asks the API server, where it looks for kinds, and what it keeps to itself. */
import assert from "node:assert/strict";
import { ClusterError, type ClusterFault } from "../src/manager/cluster.ts";
import { mapReply, scriptedApi, statusReply } from "./manager/scripted_api.ts";

const MAPS = { apiVersion: "v1", kind: "ConfigMap" };
const MAP = { ...MAPS, namespace: "a", name: "x" };
const OBJECT = { ...MAPS, metadata: { name: "x", namespace: "a" } };
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "key", namespace: "a" } };

function isFault(fault: ClusterFault, message = /(?:)/): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ClusterError, `${error}`);
    assert.equal(error.fault, fault, error.message);
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("no Secret's data is in a message, whatever the server says", async () => {
  const value = "c2VjcmV0LXdvcmRz";
  const message = `Secret "key" is invalid: data[x]: Invalid value: "${value}"`;
  const details = { name: "key", causes: [{ field: "data[x]", message }] };
  const api = scriptedApi(() => statusReply(422, "Invalid", { message, details }));
  await assert.rejects(api.cluster.apply({ ...SECRET, data: { x: value } }), (error) => {
    isFault("invalid")(error);
    assert.equal(String(error), "ClusterError: The API server answered 422 Invalid at data[x]");
    return true;
  });
  await assert.rejects(api.cluster.list(SECRET), isFault("invalid", /not listed/));
  const watch = api.cluster.watch(SECRET, { resourceVersion: "1" }, new AbortController().signal);
  await assert.rejects(watch.next(), isFault("invalid", /not listed/));
});

Deno.test("no name leads to another path", async () => {
  const api = scriptedApi(() => Response.json(mapReply("x")));
  for (const name of ["..", ".", "", "a/b", "a?b", "%2e%2e", "a b", "ä", "a\n"]) {
    await assert.rejects(api.cluster.get({ ...MAP, name }), isFault("invalid"));
    await assert.rejects(api.cluster.get({ ...MAP, namespace: name }), isFault("invalid"));
    const kind = { apiVersion: `${name}/v1`, kind: "X" };
    await assert.rejects(api.cluster.list(kind), isFault("invalid"));
  }
  const labels = { a: "b,c" };
  await assert.rejects(api.cluster.list(MAPS, { labels }), isFault("invalid"));
  await assert.rejects(api.cluster.get({ ...MAPS, name: "x" }), isFault("invalid", /namespace/));
  assert.deepEqual(api.calls, []);
});

Deno.test("which kinds there are is asked once, and again for what was not there", async () => {
  const api = scriptedApi(() => Response.json(mapReply("x")));
  await Promise.all([api.cluster.get(MAP), api.cluster.get(MAP), api.cluster.get(MAP)]);
  assert.deepEqual(api.discoveries, ["/api/v1"]);
  const unknown = { apiVersion: "snapshot.storage.k8s.io/v1", kind: "VolumeSnapshot" };
  for (let n = 0; n < 5; n++) {
    await assert.rejects(api.cluster.list(unknown), isFault("unsupported"));
  }
  assert.equal(api.discoveries.length, 2);
  await api.clock.advance(61_000);
  await assert.rejects(api.cluster.list(unknown), isFault("unsupported"));
  assert.equal(api.discoveries.length, 3);
});

Deno.test("what the server needs alone is left out, and items say what they are", async () => {
  const managed = { managedFields: [{ manager: "brain-manager" }] };
  const api = scriptedApi(({ path }) =>
    path.includes("limit=")
      ? Response.json({
        metadata: { resourceVersion: "3" },
        items: [{ metadata: { name: "x", ...managed } }],
      })
      : Response.json(mapReply("x", managed))
  );
  assert.deepEqual(await api.cluster.get(MAP), mapReply("x"));
  assert.deepEqual(await api.cluster.list(MAPS), {
    items: [{ ...MAPS, metadata: { name: "x" } }],
    resourceVersion: "3",
  });
});

Deno.test("what is sent is what the server wants of it", async () => {
  const api = scriptedApi(() => Response.json(mapReply("x")));
  await api.cluster.apply(OBJECT, { dryRun: true });
  await api.cluster.delete(MAP, { uid: "u", graceS: 60 });
  const told = api.calls.map(({ method, path, headers, body }) => ({
    method,
    path,
    type: headers.get("content-type"),
    token: headers.get("authorization"),
    body: JSON.parse(body),
  }));
  const place = "/api/v1/namespaces/a/configmaps/x";
  assert.deepEqual(told, [{
    method: "PATCH",
    path: `${place}?fieldManager=brain-manager&force=true&dryRun=All`,
    type: "application/apply-patch+yaml",
    token: "Bearer token-1",
    body: OBJECT,
  }, {
    method: "DELETE",
    path: place,
    type: "application/json",
    token: "Bearer token-1",
    body: {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Background",
      preconditions: { uid: "u" },
      gracePeriodSeconds: 60,
    },
  }]);
});
