/**
 * Who may ask a brain, and whom it may ask. Nothing passes but what is named here: in from the
 * ingress, the monitoring and the manager; out for names, to a shared Qdrant and to the provider of
 * embeddings, which by default is any public address, and none of the cluster's or its machines'.
 */
import type { NetworkPolicy, NetworkPolicyEgressRule } from "kubernetes-types/networking/v1";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import type { Tier } from "../tiers.ts";
import { BRAIN, HTTP_PORT, metadataOf } from "./names.ts";

/**
 * What is no public address: "this" network, private ones, those of carriers (clouds have metadata
 * and services there), loopback, link-local (metadata again), and what is for protocols, tests,
 * groups and nobody yet (RFC 6890).
 */
const NOT_PUBLIC = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** All public ones begin so; without those that hold an IPv4 address, which may be any. */
const PUBLIC_IPV6 = { cidr: "2000::/3", except: ["2001::/32", "2002::/16"] };

/** Where many clusters answer for names on each machine. */
const LOCAL_DNS = "169.254.20.10/32";

export function networkPolicy(record: UserRecord, tier: Tier, settings: Settings): KubeObject {
  const callers = new Set([
    settings.ingressNamespace,
    settings.monitoringNamespace,
    settings.managerNamespace,
  ]);
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf(record, BRAIN),
    spec: {
      // Every pod there is, now or later.
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      ingress: [{
        from: [...callers].map(podsOf),
        ports: [{ protocol: "TCP", port: HTTP_PORT }],
      }],
      egress: [
        names(),
        ...(tier.qdrant === "shared" ? sharedQdrant(settings) : []),
        provider(settings.embeddingBaseUrl),
      ],
    },
  } satisfies NetworkPolicy;
}

function podsOf(namespace: string) {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
}

function names() {
  return {
    to: [
      { ...podsOf("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } },
      { ipBlock: { cidr: LOCAL_DNS } },
    ],
    ports: [{ protocol: "UDP", port: 53 }, { protocol: "TCP", port: 53 }],
  } satisfies NetworkPolicyEgressRule;
}

function sharedQdrant({ qdrant }: Settings): NetworkPolicyEgressRule[] {
  if (qdrant === undefined) return [];
  return [{
    to: [{
      ...podsOf(qdrant.namespace),
      podSelector: { matchLabels: { "app.kubernetes.io/name": "qdrant" } },
    }],
    ports: [{ protocol: "TCP", port: 6333 }],
  }];
}

/**
 * Another one than the default may be in the cluster (there a policy sees the pod's port, and the
 * address has the Service's, so any will do) or at a private address, which then is all there is.
 */
function provider(baseUrl: string | undefined): NetworkPolicyEgressRule {
  const { hostname, port, protocol } = new URL(baseUrl ?? "https://public");
  const ports = [{
    protocol: "TCP",
    port: port === "" ? (protocol === "http:" ? 80 : 443) : Number(port),
  }];
  const namespace = /^[a-z0-9-]+\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?$/.exec(hostname)?.[1];
  if (namespace !== undefined) return { to: [podsOf(namespace)] };
  if (/^\d+(?:\.\d+){3}$/.test(hostname)) {
    return { to: [{ ipBlock: { cidr: `${hostname}/32` } }], ports };
  }
  if (hostname.startsWith("[")) {
    return { to: [{ ipBlock: { cidr: `${hostname.slice(1, -1)}/128` } }], ports };
  }
  return {
    to: [{ ipBlock: { cidr: "0.0.0.0/0", except: NOT_PUBLIC } }, { ipBlock: PUBLIC_IPV6 }],
    ports,
  };
}
