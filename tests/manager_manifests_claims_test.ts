/** What a user's data lies on: claims that grow, never shrink, and can be given another volume. */
import assert from "node:assert/strict";
import type { KubeObject } from "../src/manager/kube_object.ts";
import { claimOver } from "../src/manager/manifests.ts";
import { bytesOf, bytesText } from "../src/manager/manifests/quantities.ts";
import { allOf } from "./manager/kube_shapes.ts";
import { objectsOf } from "./manager/manifest_kit.ts";

const GIB = 1024 ** 3;

Deno.test("a claim is for one pod where both the server and the driver can", () => {
  const modes = [[true, true], [true, false], [false, true]].map(
    ([server = false, driver = false]) => {
      const objects = objectsOf({
        settings: { readWriteOncePod: driver },
        capabilities: { readWriteOncePod: server },
      });
      return allOf("PersistentVolumeClaim", objects)[0]?.spec.accessModes;
    },
  );
  assert.deepEqual(modes, [["ReadWriteOncePod"], ["ReadWriteOnce"], ["ReadWriteOnce"]]);
});

Deno.test("a claim keeps its size after a downgrade, and a kept volume is asked for by name", () => {
  const record = {
    claim: { number: 4, storageBytes: 10 * GIB },
    keptClaims: [{ number: 3, dropAt: "2026-01-08T00:00:00.000Z" }],
    volume: { name: "pvc-9", uid: "u", storageBytes: 10 * GIB },
  };
  const objects = objectsOf({ tier: "free", record, settings: { storageClass: "fast" } });
  const [claim = assert.fail()] = allOf("PersistentVolumeClaim", objects);
  assert.deepEqual([claim.metadata.name, claim.metadata.finalizers, claim.spec], [
    "data-4",
    ["second-brain/keep-volume"],
    {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "fast",
      volumeName: "pvc-9",
      resources: { requests: { storage: "10Gi" } },
    },
  ]);
  const { hard } = allOf("ResourceQuota", objects)[0]?.spec ?? assert.fail();
  // The one in use, the one that a restore has replaced, and one for the next restore.
  assert.deepEqual([hard["persistentvolumeclaims"], hard["requests.storage"]], ["3", "30Gi"]);
});

Deno.test("over a claim that is there, what cannot change stays, and it only grows", () => {
  const wanted = (storage: string, spec: object = {}): KubeObject => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data-1", labels: { a: "new" } },
    spec: {
      accessModes: ["ReadWriteOncePod"],
      storageClassName: "new",
      ...spec,
      resources: { requests: { storage } },
    },
  });
  const there = {
    ...wanted("5Gi", {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "old",
      volumeName: "pvc-1",
      volumeMode: "Filesystem",
    }),
    metadata: { name: "data-1", labels: { a: "old" }, uid: "u" },
  };
  const result = (storage: string, spec: object = {}) => ({
    ...wanted(storage),
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "old",
      volumeName: "pvc-1",
      ...spec,
      resources: { requests: { storage } },
    },
  });
  assert.deepEqual(claimOver(wanted("10Gi"), there), result("10Gi"));
  assert.deepEqual(claimOver(wanted("1Gi"), there), result("5Gi"));
  assert.deepEqual(claimOver(wanted("5120Mi", { volumeName: "other" }), there), result("5Gi"));
});

Deno.test("amounts are written as Kubernetes does, and read however a person wrote them", () => {
  const amounts = [0, 1, 1000, 1024, 1536, 5e9, 1024 ** 2, 3 * GIB / 2, 1024 * GIB];
  const texts = amounts.map(bytesText);
  assert.deepEqual(texts, ["0", "1", "1k", "1Ki", "1536", "5G", "1Mi", "1536Mi", "1Ti"]);
  assert.deepEqual(texts.map(bytesOf), amounts);
  const read = ["7", "1Ki", "1k", "1.5Gi", "2G", "1Ti", "3M", "1Ei"].map(bytesOf);
  assert.deepEqual(read, [7, 1024, 1000, 1.5 * GIB, 2e9, 1024 * GIB, 3e6, 1024 ** 6]);
  for (const text of ["", "-1", "1Xi", "Gi", "1e3", " 1"]) {
    assert.throws(() => bytesOf(text), /^TypeError: Cannot read the amount/);
  }
});
