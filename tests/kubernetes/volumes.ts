/**
 * The storage driver of a test cluster: a volume is a folder. It follows the standard one for
 * drivers outside of Kubernetes: what it made with reclaim policy Delete goes once it is Released,
 * the folder before the object (so also what was Released, kept, and is told to be deleted before a
 * new claim has it); with Retain, and where only the object is deleted, the folder stays.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { type ApiClient, APPLY, MERGE } from "./api_client.ts";
import { bytesOf, type Claim, type Cluster, type Volume } from "./objects.ts";

const DRIVER = "folder.second-brain.test";
const VOLUMES = "/api/v1/persistentvolumes";
const MADE_BY = "pv.kubernetes.io/provisioned-by";

export class Volumes {
  readonly #api: ApiClient;
  readonly #folder: string;
  readonly #className: string;

  constructor(api: ApiClient, folder: string, className: string) {
    this.#api = api;
    this.#folder = folder;
    this.#className = className;
  }

  folderOf(volume: string): string {
    return `${this.#folder}/${volume}`;
  }

  async names(): Promise<readonly string[]> {
    return (await readdir(this.#folder)).sort();
  }

  async addClass(): Promise<void> {
    const path = `/apis/storage.k8s.io/v1/storageclasses/${this.#className}?fieldManager=agent`;
    await this.#api.want([200, 201], "PATCH", path, {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: {
        name: this.#className,
        annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
      },
      provisioner: DRIVER,
      allowVolumeExpansion: true,
      reclaimPolicy: "Delete",
      volumeBindingMode: "Immediate",
    }, APPLY);
  }

  async pass({ claims, volumes }: Cluster): Promise<void> {
    const byName = new Map(volumes.map((volume) => [volume.metadata.name, volume]));
    for (const claim of claims) {
      if (claim.spec.storageClassName !== this.#className) continue;
      const volume = byName.get(claim.spec.volumeName ?? `pvc-${claim.metadata.uid}`);
      if (claim.status.phase === "Bound" && volume) await this.#grow(claim, volume);
      const isNew = claim.status.phase === "Pending" && !claim.spec.volumeName && !volume;
      if (isNew && !claim.metadata.deletionTimestamp) await this.#make(claim);
    }
    for (const volume of volumes) if (isDone(volume)) await this.#remove(volume);
  }

  async #make({ metadata, spec }: Claim): Promise<void> {
    const name = `pvc-${metadata.uid}`;
    await mkdir(this.folderOf(name), { recursive: true });
    await this.#api.want([201, 409], "POST", VOLUMES, {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name, annotations: { [MADE_BY]: DRIVER } },
      spec: {
        capacity: spec.resources.requests,
        accessModes: spec.accessModes,
        storageClassName: this.#className,
        persistentVolumeReclaimPolicy: "Delete",
        csi: { driver: DRIVER, volumeHandle: name },
        claimRef: {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          namespace: metadata.namespace,
          name: metadata.name,
          uid: metadata.uid,
        },
      },
    });
  }

  async #grow({ metadata, spec, status }: Claim, volume: Volume): Promise<void> {
    const wanted = bytesOf(spec.resources.requests.storage);
    if (wanted <= bytesOf(status.capacity?.storage ?? "0")) return;
    const capacity = { storage: spec.resources.requests.storage };
    const claims = `/api/v1/namespaces/${metadata.namespace}/persistentvolumeclaims`;
    if (wanted > bytesOf(volume.spec.capacity.storage)) {
      const path = `${VOLUMES}/${volume.metadata.name}`;
      await this.#api.want([200, 404], "PATCH", path, { spec: { capacity } }, MERGE);
    }
    const path = `${claims}/${metadata.name}/status`;
    await this.#api.want([200, 404], "PATCH", path, { status: { capacity } }, MERGE);
  }

  async #remove({ metadata }: Volume): Promise<void> {
    await rm(this.folderOf(metadata.name), { recursive: true, force: true });
    await this.#api.want([200, 404, 409], "DELETE", `${VOLUMES}/${metadata.name}`, {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid: metadata.uid },
    });
  }
}

function isDone({ metadata, spec, status }: Volume): boolean {
  return status.phase === "Released" && spec.persistentVolumeReclaimPolicy === "Delete" &&
    metadata.annotations[MADE_BY] === DRIVER && !metadata.deletionTimestamp;
}
