/**
 * What has our labels, and no record knows: of a user whose record was lost, or of a defect. It is
 * reported, never touched: what is on it may be all that is left of somebody.
 */
import type { KubeObject } from "../kube_object.ts";
import type { RegisterList } from "../register.ts";
import { namespaceOf } from "../user_id.ts";
import { LIFE_LABEL } from "../volumes.ts";

type Known = Pick<RegisterList, "users" | "unreadable">;

export function orphanedNamespaces(namespaces: readonly KubeObject[], known: Known): string[] {
  const records = new Map(known.users.map(({ record }) => [namespaceOf(record.slug), record]));
  const broken = new Set(known.unreadable.map(({ name }) => name));
  const isOrphan = ({ metadata: { name, labels, deletionTimestamp } }: KubeObject) => {
    const record = records.get(name);
    if (broken.has(name) || deletionTimestamp !== undefined) return false;
    if (record?.life !== labels?.[LIFE_LABEL]) return true;
    return record?.state === "deleted" && record.operation === null;
  };
  return namespaces.filter(isOrphan).map(({ metadata: { name } }) => name);
}

/** Volumes that were set aside for a life of which there is no record. */
export function orphanedVolumes(volumes: readonly KubeObject[], known: Known): string[] {
  const lives = new Set(known.users.map(({ record }) => record.life));
  const broken = new Set(known.unreadable.map(({ name }) => name));
  const isOrphan = ({ metadata: { labels, deletionTimestamp } }: KubeObject) =>
    deletionTimestamp === undefined && !lives.has(labels?.[LIFE_LABEL] ?? "") &&
    !broken.has(namespaceOf(labels?.["second-brain/user"] ?? ""));
  return volumes.filter(isOrphan).map(({ metadata: { name } }) => name);
}
