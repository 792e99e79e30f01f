/** What a real API server does with claims and volumes: kept by `api_server_test.ts`. */
import assert from "node:assert/strict";
import { eventually } from "../e2e/conditions.ts";
import { type ApiClient, at, MERGE } from "./api_client.ts";
import { claimOf, CLAIMS, volumeOf } from "./fact_objects.ts";
import { remove, told } from "./replies.ts";

export async function claims(api: ApiClient): Promise<void> {
  await api.apply(`${CLAIMS}/data-1`, claimOf("data-1", "2Gi"));
  await api.apply(`${CLAIMS}/data-2`, claimOf("data-2", "2Gi", { storageClassName: "fixed" }));
  const pending = await api.apply(`${CLAIMS}/data-1`, claimOf("data-1", "3Gi"));
  assert.deepEqual(told(pending), [422, "Invalid", "spec"]);
  await bind(api, "data-1");
  await bind(api, "data-2");
  const repeated = await api.apply(`${CLAIMS}/data-1`, claimOf("data-1", "2Gi"));
  assert.equal(at(repeated.body, "spec.volumeName"), "volume-data-1");
  const grown = await api.apply(`${CLAIMS}/data-1`, claimOf("data-1", "3Gi"));
  assert.deepEqual([grown.status, at(grown.body, "status.capacity.storage")], [200, "2Gi"]);
  const replies = [
    await api.apply(`${CLAIMS}/data-1`, claimOf("data-1", "2Gi")),
    await api.apply(`${CLAIMS}/data-2`, claimOf("data-2", "3Gi", { storageClassName: "fixed" })),
    await api.ask("PATCH", `${CLAIMS}/data-1`, { spec: { volumeName: "other" } }, MERGE),
    await api.apply(
      `${CLAIMS}/data-3`,
      claimOf("data-3", "1Gi", { accessModes: ["ReadWriteOncePod"] }),
    ),
  ];
  assert.deepEqual(replies.map(told), [
    [422, "Invalid", "spec.resources.requests.storage"],
    [403, "Forbidden"],
    [422, "Invalid", "spec"],
    [422, "Invalid", "spec.accessModes"],
  ]);
}

export async function volumes(api: ApiClient): Promise<void> {
  const keep = ["second-brain.test/keep"];
  const claim = `${CLAIMS}/data-kept`;
  const volume = "/api/v1/persistentvolumes/volume-data-kept";
  const phase = (wanted: string) =>
    eventually(20_000, wanted, async () => {
      return at((await api.ask("GET", volume)).body, "status.phase") === wanted || undefined;
    });
  await api.apply(claim, claimOf("data-kept", "1Gi", {}, { finalizers: keep }));
  await bind(api, "data-kept");
  const ending = await remove(api, claim, {});
  assert.notEqual(at(ending.body, "metadata.deletionTimestamp"), undefined);
  const onto = await api.apply(claim, claimOf("data-kept", "1Gi", {}, { finalizers: keep }));
  assert.deepEqual([onto.status, typeof at(onto.body, "metadata.deletionTimestamp")], [
    200,
    "string",
  ]);
  const more = { metadata: { finalizers: [...keep, "second-brain.test/more"] } };
  const held = told(await api.ask("PATCH", claim, more, MERGE));
  assert.deepEqual(held, [422, "Invalid", "metadata.finalizers"]);
  await api.ask("PATCH", claim, { metadata: { finalizers: null } }, MERGE);
  await phase("Released");
  assert.equal((await api.ask("GET", claim)).status, 404);

  await api.apply(claim, claimOf("data-kept", "1Gi", { volumeName: "volume-data-kept" }));
  const bound = () => api.ask("GET", claim).then(({ body }) => at(body, "status.phase"));
  assert.equal(await bound(), "Pending");
  await api.ask("PATCH", volume, { spec: { claimRef: null } }, MERGE);
  await phase("Bound");
  await eventually(10_000, "bound", async () => await bound() === "Bound" || undefined);
}

async function bind(api: ApiClient, claim: string): Promise<void> {
  const path = `${CLAIMS}/${claim}`;
  const { body } = await api.ask("GET", path);
  assert.equal(
    (await api.ask("POST", "/api/v1/persistentvolumes", volumeOf(claim, body))).status,
    201,
  );
  await eventually(20_000, `${claim} is bound`, async () => {
    return at((await api.ask("GET", path)).body, "status.phase") === "Bound" || undefined;
  });
}
