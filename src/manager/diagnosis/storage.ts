/** Whether the cluster's storage can do what brains need: grow, and be copied where that is wanted. */
import { z } from "zod";
import type { Capabilities, Cluster } from "../cluster.ts";
import { kubeObjectSchema } from "../kube_object.ts";
import type { Settings } from "../settings.ts";
import { bad, type Finding, ok, warn } from "./finding.ts";

const STORAGE_CLASS = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass" } as const;
const SNAPSHOT_CLASS = {
  apiVersion: "snapshot.storage.k8s.io/v1",
  kind: "VolumeSnapshotClass",
} as const;
const BY_DEFAULT = "storageclass.kubernetes.io/is-default-class";

const storageClassSchema = kubeObjectSchema.extend({
  provisioner: z.string(),
  allowVolumeExpansion: z.boolean().nullish(),
});
const snapshotClassSchema = kubeObjectSchema.extend({
  driver: z.string(),
  deletionPolicy: z.string(),
});

export async function storageFindings(
  cluster: Pick<Cluster, "get" | "list">,
  { storageClass: name, snapshotClass }: Settings,
  capabilities: Capabilities,
): Promise<Finding[]> {
  const { items } = await cluster.list(STORAGE_CLASS);
  const found = items.find(({ metadata }) =>
    name === undefined ? metadata.annotations?.[BY_DEFAULT] === "true" : metadata.name === name
  );
  if (found === undefined) {
    return [bad(
      "storage class",
      name === undefined ? "the cluster has no default" : `there is no "${name}"`,
      "set STORAGE_CLASS to one that the cluster has",
    )];
  }
  const parsed = storageClassSchema.parse(found);
  return [
    parsed.allowVolumeExpansion === true
      ? ok("storage class", `"${parsed.metadata.name}", whose volumes can grow`)
      : bad(
        "storage class",
        `volumes of "${parsed.metadata.name}" cannot grow`,
        "set allowVolumeExpansion on it, or users cannot get a larger tier",
      ),
    ...(snapshotClass === undefined
      ? [ok("snapshots", "not set up; backups are the brains' own exports")]
      : [await snapshotFinding(cluster, snapshotClass, parsed.provisioner, capabilities)]),
  ];
}

async function snapshotFinding(
  cluster: Pick<Cluster, "get">,
  name: string,
  driver: string,
  { snapshots }: Capabilities,
): Promise<Finding> {
  const check = "snapshots";
  if (!snapshots) {
    return bad(check, "the cluster serves no VolumeSnapshot", "install its snapshot controller");
  }
  const found = await cluster.get({ ...SNAPSHOT_CLASS, name });
  if (found === undefined) {
    return bad(check, `there is no "${name}"`, "set SNAPSHOT_CLASS to one that the cluster has");
  }
  const parsed = snapshotClassSchema.parse(found);
  if (parsed.driver !== driver) {
    return bad(
      check,
      `"${name}" is another driver's`,
      "take the one of the storage class's driver",
    );
  }
  return parsed.deletionPolicy === "Retain" ? ok(check, `"${name}"`) : warn(
    check,
    `"${name}" deletes what a snapshot is made of together with it`,
    "set its deletionPolicy to Retain, so that a lost namespace takes no backups with it",
  );
}
