/** The connections to a real cluster: whom they trust, and how many are kept. */
import type { Clock } from "../../clock.ts";
import type { ClusterAccess } from "./access.ts";
import { KubernetesCluster } from "./kubernetes.ts";

/**
 * Over TLS connections of its own. HTTP/1.1: a connection that is dead but not closed then costs
 * the one request that is on it, which goes on over another; with HTTP/2 all of them would hang on it.
 */
export function connectKubernetes(
  access: ClusterAccess,
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): KubernetesCluster {
  const client = Deno.createHttpClient({
    ...access.caCert === undefined ? {} : { caCerts: [access.caCert] },
    ...access.certificate ?? {},
    http2: false,
    poolMaxIdlePerHost: 16,
    poolIdleTimeout: 60_000,
  });
  const options = {
    access,
    clock,
    random,
    fetch: (url: string, init: RequestInit) => fetch(url, { ...init, client }),
  };
  return new KubernetesCluster(options, () => client.close());
}
