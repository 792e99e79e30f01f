/** The cluster, for one who holds an operation: nothing is written without the lease of it. */
import type { Cluster } from "../cluster.ts";

/** `ensure` throws where the lease is another's. */
export function fencedCluster(cluster: Cluster, ensure: () => Promise<void>): Cluster {
  const fenced = async <T>(write: () => Promise<T>): Promise<T> => {
    await ensure();
    return await write();
  };
  return {
    apply: (object, options) => fenced(() => cluster.apply(object, options)),
    create: (object, options) => fenced(() => cluster.create(object, options)),
    replace: (object, options) => fenced(() => cluster.replace(object, options)),
    patch: (ref, patch, options) => fenced(() => cluster.patch(ref, patch, options)),
    delete: (ref, options) => fenced(() => cluster.delete(ref, options)),
    get: (ref) => cluster.get(ref),
    list: (kind, selection) => cluster.list(kind, selection),
    watch: (kind, selection, signal) => cluster.watch(kind, selection, signal),
    capabilities: () => cluster.capabilities(),
  };
}
