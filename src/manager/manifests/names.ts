/** What a user's objects are called, and how they are marked as his. The names are fixed: there is
 * one brain in a namespace. */
import type { UserRecord } from "../record.ts";
import { namespaceOf } from "../user_id.ts";

export const BRAIN = "brain";
export const KEY_SECRET = "brain-key";
/** Copies of the operator's own keys, for all brains. Each has its key under `key`. */
export const EMBEDDING_SECRET = "brain-embedding-key";
export const QDRANT_SECRET = "brain-qdrant-key";
export const LIMITS_MAP = "brain-limits";
export const QDRANT_CLAIM = "qdrant-1";
export const HTTP_PORT = 8000;

/** What the Service, the policies and the StatefulSet know the pod by; never to be changed. */
export const POD_SELECTOR = {
  "app.kubernetes.io/name": "second-brain",
  "app.kubernetes.io/component": "brain",
};

/**
 * Of the pod. His tier is not among them: a pod that has only grown was not made anew, and labels
 * of its template would say it was.
 */
export function podLabels({ slug, life }: UserRecord) {
  return {
    ...POD_SELECTOR,
    "app.kubernetes.io/part-of": "second-brain",
    "app.kubernetes.io/managed-by": "brain-manager",
    "second-brain/user": slug,
    "second-brain/life": life,
  };
}

/** Of everything else. */
export function labelsOf(record: UserRecord) {
  return { ...podLabels(record), "second-brain/tier": record.tier };
}

export function metadataOf(record: UserRecord, name: string) {
  return { name, namespace: namespaceOf(record.slug), labels: labelsOf(record) };
}
