/** What the cluster refuses while a request is answered, as it may be told to whoever asked. */
import { ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";

/** In words of ours: the server's own may name what the caller has no business with. */
export function asManagerError(error: unknown): unknown {
  if (!(error instanceof ClusterError)) return error;
  if (error.fault === "unavailable") {
    return new ManagerError(
      "cluster_unavailable",
      "Cannot answer: the cluster does not answer; try again",
      { retryAfterS: 5 },
    );
  }
  return new ManagerError(
    "cluster_refused",
    `Cannot answer: the cluster refused it (${error.fault}); see what the doctor says`,
  );
}
