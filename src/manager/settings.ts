/** What the operator of an installation decides once, for all users; the manifests are made with it. */
export interface Settings {
  /** Where the manager and its register are. */
  readonly managerNamespace: string;
  /** The brain's image, best named by its digest. */
  readonly image: string;
  readonly qdrantImage: string;
  /** Of the volumes; undefined takes the cluster's default. */
  readonly storageClass: string | undefined;
  /** Of snapshots; undefined: none are made. */
  readonly snapshotClass: string | undefined;
  /** The driver behind the storage class can ReadWriteOncePod. */
  readonly readWriteOncePod: boolean;
  /** Namespaces whose pods may ask a brain: of the ingress, and of the monitoring. */
  readonly ingressNamespace: string;
  readonly monitoringNamespace: string;
  /** Users' brains are reached at `<slug>.<domain>`; undefined: inside the cluster alone. */
  readonly domain: string | undefined;
  /** Of the ingress controller; left out, the cluster's default. */
  readonly ingressClass?: string | undefined;
  /** A ClusterIssuer of cert-manager that asks by DNS, since nothing but a brain can be reached in
   * a user's namespace; left out, the ingress controller has a certificate for the whole domain. */
  readonly certificateIssuer?: string | undefined;
  /** A ServiceMonitor beside every brain, for clusters with the Prometheus operator. */
  readonly hasServiceMonitors?: boolean | undefined;
  /** For tiers whose Qdrant is shared: its address, and the namespace of its pods. */
  readonly qdrant: { readonly url: string; readonly namespace: string } | undefined;
  /** Brains get `OPENAI_API_KEY` from the Secret that the manager copies into their namespaces. */
  readonly hasEmbeddingKey: boolean;
  /** `OPENAI_BASE_URL` of all brains; undefined is the provider's own. */
  readonly embeddingBaseUrl: string | undefined;
}
