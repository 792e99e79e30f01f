/** The objects that the facts about a real API server are asked with, as small as they can be. */
import { at, type Json } from "./api_client.ts";

export const NAMESPACE = "/api/v1/namespaces";
export const CLAIMS = `${NAMESPACE}/user-a/persistentvolumeclaims`;

const LABELS = { app: "brain" };

export function namespaceOf(name: string, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, ...metadata } };
}

export function configMapOf(name: string, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata } };
}

export function storageClassOf(name: string, allowVolumeExpansion: boolean): object {
  const apiVersion = "storage.k8s.io/v1";
  const provisioner = "second-brain.test/none";
  return {
    apiVersion,
    kind: "StorageClass",
    metadata: { name },
    provisioner,
    allowVolumeExpansion,
  };
}

export function claimOf(
  name: string,
  storage: string,
  spec: object = {},
  metadata: object = {},
): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, ...metadata },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "fast",
      resources: { requests: { storage } },
      ...spec,
    },
  };
}

/** A volume that is kept, for this very claim. */
export function volumeOf(name: string, claim: Json): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `volume-${name}` },
    spec: {
      capacity: at(claim, "spec.resources.requests"),
      accessModes: ["ReadWriteOnce"],
      storageClassName: at(claim, "spec.storageClassName"),
      persistentVolumeReclaimPolicy: "Retain",
      csi: { driver: "second-brain.test", volumeHandle: name },
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: "user-a",
        name,
        uid: at(claim, "metadata.uid"),
      },
    },
  };
}

export function podOf(container: object): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "brain-0", labels: LABELS },
    spec: podSpecOf(container, "data-1"),
  };
}

export function setOf(container: object, claimName = "data-1"): object {
  const template = { metadata: { labels: LABELS }, spec: podSpecOf(container, claimName) };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "brain" },
    spec: {
      serviceName: "brain",
      replicas: 0,
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: LABELS },
      template,
    },
  };
}

function podSpecOf(container: object, claimName: string): object {
  return {
    serviceAccountName: "brain",
    automountServiceAccountToken: false,
    containers: [{ name: "brain", image: "brain:test", ...container }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
  };
}
