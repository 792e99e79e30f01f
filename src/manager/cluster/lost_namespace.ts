/**
 * The manager's rights in a user's namespace are given there, and go with it. So where there is no
 * namespace, the server refuses what it would else not find, and has to be asked for that as well.
 */
import { ClusterError } from "../cluster.ts";

/** What a refusal comes to. `get` asks for a path. */
export async function unlessLost(
  error: ClusterError,
  namespace: string | undefined,
  get: (path: string) => Promise<unknown>,
): Promise<ClusterError> {
  if (error.fault !== "forbidden" || namespace === undefined) return error;
  try {
    await get(`/api/v1/namespaces/${encodeURIComponent(namespace)}`);
    return error;
  } catch (cause) {
    if (!(cause instanceof ClusterError && cause.fault === "not_found")) throw cause;
    return cause;
  }
}
