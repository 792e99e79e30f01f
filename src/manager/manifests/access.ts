/** How a brain is reached, and what keeps it from being moved while it is. */
import type { Service } from "kubernetes-types/core/v1";
import type { Ingress } from "kubernetes-types/networking/v1";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import type { Tier } from "../tiers.ts";
import { namespaceOf } from "../user_id.ts";
import { BRAIN, HTTP_PORT, KEY_SECRET, metadataOf, POD_SELECTOR } from "./names.ts";

export function service(record: UserRecord, tier: Tier): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(record, BRAIN),
    spec: {
      type: "ClusterIP",
      // A pod is ready only with all of its containers: a Qdrant beside the brain that does not
      // start must not take it out of here. The brain says by itself what it can do.
      ...(tier.qdrant === "sidecar" && { publishNotReadyAddresses: true }),
      selector: POD_SELECTOR,
      ports: [{ name: "http", protocol: "TCP", port: HTTP_PORT, targetPort: "http" }],
    },
  } satisfies Service;
}

/**
 * What the Prometheus operator asks the brain by. Its numbers are behind its key, as all it has: the
 * operator reads the key here, and so needs the right to read this one Secret.
 */
export function serviceMonitor(record: UserRecord): KubeObject {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: metadataOf(record, BRAIN),
    spec: {
      selector: { matchLabels: { "second-brain/user": record.slug } },
      endpoints: [{
        port: "http",
        path: "/metrics",
        interval: "60s",
        scrapeTimeout: "10s",
        authorization: { type: "Bearer", credentials: { name: KEY_SECRET, key: "key" } },
      }],
    },
  };
}

/** The names that a brain answers to, beside its address. */
export function hostsOf({ slug }: UserRecord, { domain }: Settings): string[] {
  const inside = `${BRAIN}.${namespaceOf(slug)}`;
  return [
    BRAIN,
    inside,
    `${inside}.svc`,
    `${inside}.svc.cluster.local`,
    ...(domain === undefined ? [] : [`${slug}.${domain}`]),
  ];
}

/** With an issuer each user has a certificate of his own; else the ingress has one for the domain. */
export function ingress(record: UserRecord, domain: string, settings: Settings): KubeObject {
  const host = `${record.slug}.${domain}`;
  const { ingressClass, certificateIssuer } = settings;
  const hasIssuer = certificateIssuer !== undefined;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      ...metadataOf(record, BRAIN),
      ...(hasIssuer && { annotations: { "cert-manager.io/cluster-issuer": certificateIssuer } }),
    },
    spec: {
      ...(ingressClass !== undefined && { ingressClassName: ingressClass }),
      tls: [{ hosts: [host], ...(hasIssuer && { secretName: "brain-tls" }) }],
      rules: [{
        host,
        http: {
          paths: [{
            path: "/",
            pathType: "Prefix",
            backend: { service: { name: BRAIN, port: { name: "http" } } },
          }],
        },
      }],
    },
  } satisfies Ingress;
}

/**
 * Of one pod, one stays: a machine is not emptied while it runs there, until somebody has the
 * manager restart the brain elsewhere. A pod that serves nobody may go at any time.
 */
export function disruptionBudget(
  record: UserRecord,
  apiVersion: "policy/v1" | "policy/v1beta1",
  knowsUnhealthy: boolean,
): KubeObject {
  return {
    apiVersion,
    kind: "PodDisruptionBudget",
    metadata: metadataOf(record, BRAIN),
    spec: {
      minAvailable: 1,
      selector: { matchLabels: POD_SELECTOR },
      ...(knowsUnhealthy && { unhealthyPodEvictionPolicy: "AlwaysAllow" }),
    } satisfies PodDisruptionBudget["spec"],
  };
}
