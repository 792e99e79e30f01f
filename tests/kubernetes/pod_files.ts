/**
 * What a Pod mounts, as files on this machine. A kubelet changes all files of a mount in one step
 * when their Secret or ConfigMap changes, by a link that it turns: so does this.
 */
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import type { Cluster, Pod, Source } from "./objects.ts";

type PodVolume = Pod["spec"]["volumes"][number];

export class PodFiles {
  readonly #pod: Pod;
  readonly #folder: string;
  /** What was written last, by the volume's name. */
  readonly #written = new Map<string, string>();
  #turns = 0;

  /** `folder` is the volume's: `data` in it is the volume itself, `mounts` all else. */
  constructor(pod: Pod, folder: string) {
    this.#pod = pod;
    this.#folder = folder;
  }

  async begin(): Promise<void> {
    // Another pod on this volume may have left its own.
    await rm(`${this.#folder}/mounts`, { recursive: true, force: true });
    await mkdir(`${this.#folder}/mounts`, { recursive: true });
    await mkdir(`${this.#folder}/data`, { recursive: true });
  }

  /** Writes what has changed; false while something that it needs is not there. */
  async write(cluster: Cluster): Promise<boolean> {
    for (const volume of this.#pod.spec.volumes) {
      const sources = sourcesOf(volume);
      if (sources.length === 0) continue;
      const files: Record<string, string> = {};
      for (const { kind, name, items } of sources) {
        const found = this.#find(cluster[kind], name);
        if (!found) return false;
        const all = Object.keys(found.data).map((key) => ({ key, path: key }));
        for (const { key, path } of items ?? all) {
          const value = found.data[key];
          if (value === undefined) return false;
          files[path] = kind === "secrets" ? value : new TextEncoder().encode(value).toBase64();
        }
      }
      await this.#turn(volume.name, files);
    }
    return true;
  }

  #find(all: readonly Source[], name: string): Source | undefined {
    const { namespace } = this.#pod.metadata;
    return all.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  }

  /** The values are in base64. */
  async #turn(name: string, files: Readonly<Record<string, string>>): Promise<void> {
    const text = JSON.stringify(files);
    if (this.#written.get(name) === text) return;
    const link = `${this.#folder}/mounts/${name}`;
    const folder = `${link}.${++this.#turns}`;
    for (const [path, value] of Object.entries(files)) {
      const file = `${folder}/${path}`;
      await mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await writeFile(file, Uint8Array.fromBase64(value), { mode: 0o600 });
    }
    await symlink(folder, `${link}.next`);
    await rename(`${link}.next`, link);
    await rm(`${link}.${this.#turns - 1}`, { recursive: true, force: true });
    this.#written.set(name, text);
  }

  /** The first container's environment, as this machine must have it; unset is what is optional. */
  environment(cluster: Cluster): Record<string, string> {
    const [{ env }] = this.#pod.spec.containers;
    const all: Record<string, string> = {};
    for (const { name, value, valueFrom } of env) {
      const ref = valueFrom?.secretKeyRef;
      if (!ref) {
        all[name] = this.translated(value);
        continue;
      }
      const secret = this.#find(cluster.secrets, ref.name)?.data[ref.key];
      if (secret !== undefined) all[name] = atob(secret);
    }
    return all;
  }

  /** A path within one of its mounts, as it is on this machine; anything else as it is. */
  translated(text: string): string {
    const [{ volumeMounts }] = this.#pod.spec.containers;
    const mounts = volumeMounts.toSorted((a, b) => b.mountPath.length - a.mountPath.length);
    for (const { name, mountPath } of mounts) {
      if (text !== mountPath && !text.startsWith(`${mountPath}/`)) continue;
      const volume = this.#pod.spec.volumes.find((one) => one.name === name);
      const place = volume?.persistentVolumeClaim ? "data" : `mounts/${name}`;
      return `${this.#folder}/${place}${text.slice(mountPath.length)}`;
    }
    return text;
  }
}

interface MountedSource {
  readonly kind: "secrets" | "configMaps";
  readonly name: string;
  readonly items: { key: string; path: string }[] | undefined;
}

function sourcesOf({ secret, configMap, projected }: PodVolume): MountedSource[] {
  const sources: MountedSource[] = [];
  if (secret) sources.push({ kind: "secrets", name: secret.secretName, items: secret.items });
  for (const source of [{ configMap }, ...projected?.sources ?? []]) {
    const { configMap: map } = source;
    if (map) sources.push({ kind: "configMaps", name: map.name, items: map.items });
    if (!("secret" in source) || !source.secret) continue;
    sources.push({ kind: "secrets", name: source.secret.name, items: source.secret.items });
  }
  return sources;
}
