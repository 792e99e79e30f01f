/**
 * The cluster over its REST API: `fetch` and nothing else. Keeps nothing but which kinds there are,
 * what the server can do, and the connections.
 *
 * What it needs of the runtime: `--allow-net` to the API server, and to read the service account's
 * folder, or the kubeconfig and the files that it names. Secrets are never listed or watched.
 */
import { z } from "zod";
import {
  type Capabilities,
  type Cluster,
  ClusterError,
  type KubeList,
  type Selection,
  type WatchEvent,
  type WriteOptions,
} from "../cluster.ts";
import { type KubeKind, type KubeObject, type KubeRef, refOf } from "../kube_object.ts";
import { ApiConnection, type ApiRequest, type ConnectionOptions } from "./connection.ts";
import { unlessLost } from "./lost_namespace.ts";
import { readObject, readPage } from "./objects.ts";
import { invalid, Resources, selectorOf } from "./resources.ts";
import { watchEvents } from "./watching.ts";

const MANAGER = "brain-manager";
const APPLY_TYPE = "application/apply-patch+yaml";
const MERGE_TYPE = "application/merge-patch+json";

/** Of records or pods: a page is read into objects in some 10 ms. */
const PAGE_ITEMS = 200;
const MOST_ITEMS = 200_000;
/** A list takes longer than the server remembers only where a lot happens. */
const MOST_RESTARTS = 3;
const CAPABILITIES_MS = 5 * 60_000;
/** After so long the server ends a watch by itself; each one at another time. */
const WATCH_S = { least: 240, more: 60 } as const;

type Place = KubeKind & Pick<Selection, "namespace">;

const versionSchema = z.looseObject({ major: z.string(), minor: z.string() });

export class KubernetesCluster implements Cluster, Disposable {
  readonly #options: ConnectionOptions;
  readonly #connection: ApiConnection;
  readonly #resources: Resources;
  readonly #close: () => void;
  #capabilities: { readonly at: number; readonly found: Promise<Capabilities> } | undefined;

  /** `close` ends the connections. */
  constructor(options: ConnectionOptions, close: () => void = () => {}) {
    this.#options = options;
    this.#close = close;
    this.#connection = new ApiConnection(options);
    this.#resources = new Resources(options.clock, (path) => this.#get(path));
  }

  async apply(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const query = { fieldManager: MANAGER, force: "true", ...dryRunOf(options) };
    return await this.#write(refOf(object), {
      method: "PATCH",
      query,
      body: object,
      contentType: APPLY_TYPE,
      // With a version it is a comparison, that the second one would lose against the first.
      isRepeatable: object.metadata.resourceVersion === undefined,
    });
  }

  async create(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const { apiVersion, kind, metadata: { namespace } } = object;
    const path = await this.#resources.collectionPath({ apiVersion, kind }, namespace);
    const query = { fieldManager: MANAGER, fieldValidation: "Strict", ...dryRunOf(options) };
    const reply = await this.#ask({ apiVersion, kind, namespace }, {
      method: "POST",
      path: withQuery(path, query),
      body: object,
      isRepeatable: options.dryRun ?? false,
    });
    return readObject(reply);
  }

  async replace(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    // Without one the server replaces whatever is there.
    if (object.metadata.resourceVersion === undefined) {
      throw invalid("to replace an object takes the version that it had");
    }
    return await this.#write(refOf(object), {
      method: "PUT",
      query: { fieldManager: MANAGER, fieldValidation: "Strict", ...dryRunOf(options) },
      body: object,
      isRepeatable: options.dryRun ?? false,
    });
  }

  async patch(
    ref: KubeRef,
    patch: Readonly<Record<string, unknown>>,
    options: WriteOptions & { readonly subresource?: string | undefined } = {},
  ): Promise<KubeObject> {
    return await this.#write(ref, {
      method: "PATCH",
      query: { fieldManager: MANAGER, fieldValidation: "Strict", ...dryRunOf(options) },
      subresource: options.subresource,
      body: patch,
      contentType: MERGE_TYPE,
      isRepeatable: options.dryRun ?? false,
    });
  }

  async get(ref: KubeRef): Promise<KubeObject | undefined> {
    const path = await this.#resources.path(ref);
    try {
      return readObject(await this.#ask(ref, { method: "GET", path, isRepeatable: true }));
    } catch (error) {
      if (error instanceof ClusterError && error.fault === "not_found") return undefined;
      throw error;
    }
  }

  async list(kind: KubeKind, selection: Selection = {}): Promise<KubeList> {
    refuseSecrets(kind);
    for (let restarts = 0;; restarts++) {
      try {
        return await this.#listOnce(kind, selection);
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        if (error.fault === "not_found") return { items: [], resourceVersion: "" };
        if (error.fault !== "gone") throw error;
        if (restarts < MOST_RESTARTS) continue;
        const message = "Cannot list: it takes longer than the API server remembers";
        throw new ClusterError("unavailable", 410, error.reason, message);
      }
    }
  }

  async #listOnce(kind: KubeKind, selection: Selection): Promise<KubeList> {
    const path = await this.#resources.collectionPath(kind, selection.namespace);
    const items: KubeObject[] = [];
    const query = { limit: String(PAGE_ITEMS), ...selectorOf(selection) };
    let resourceVersion: string | undefined;
    let next: string | undefined;
    do {
      const page = readPage(
        await this.#ask({ ...kind, namespace: selection.namespace }, {
          method: "GET",
          path: withQuery(path, { ...query, ...next === undefined ? {} : { continue: next } }),
          isRepeatable: true,
        }),
        kind,
      );
      for (const item of page.items) items.push(item);
      resourceVersion ??= page.resourceVersion;
      next = page.next;
      if (items.length > MOST_ITEMS) {
        const message = `Cannot list: there are more than ${MOST_ITEMS}`;
        throw new ClusterError("unavailable", 200, "", message);
      }
    } while (next !== undefined);
    return { items, resourceVersion };
  }

  async delete(
    ref: KubeRef,
    options: WriteOptions & { readonly uid?: string | undefined; readonly graceS?: number } = {},
  ): Promise<void> {
    const { dryRun, uid, graceS } = options;
    const path = await this.#resources.path(ref);
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Background",
      ...dryRun ? { dryRun: ["All"] } : {},
      ...uid === undefined ? {} : { preconditions: { uid } },
      ...graceS === undefined ? {} : { gracePeriodSeconds: graceS },
    };
    try {
      // Without a uid a second one may meet somebody else's new object.
      const isRepeatable = uid !== undefined || dryRun === true;
      await this.#ask(ref, { method: "DELETE", path, body, isRepeatable });
    } catch (error) {
      if (error instanceof ClusterError && error.fault === "not_found") return;
      throw error;
    }
  }

  async *watch(
    kind: KubeKind,
    selection: Selection & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    refuseSecrets(kind);
    if (signal.aborted) return;
    const { clock, random } = this.#options;
    const path = await this.#resources.collectionPath(kind, selection.namespace);
    const pathFrom = (resourceVersion: string) =>
      withQuery(path, {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion,
        timeoutSeconds: String(WATCH_S.least + Math.floor(random() * WATCH_S.more)),
        ...selectorOf(selection),
      });
    const { resourceVersion } = selection;
    yield* watchEvents({ connection: this.#connection, clock, pathFrom, resourceVersion, signal });
  }

  async capabilities(): Promise<Capabilities> {
    const now = this.#options.clock.now();
    const held = this.#capabilities;
    const isFresh = held !== undefined && now >= held.at && now - held.at < CAPABILITIES_MS;
    const next = isFresh ? held : { at: now, found: this.#findCapabilities() };
    this.#capabilities = next;
    try {
      return await next.found;
    } catch (error) {
      if (this.#capabilities === next) this.#capabilities = undefined;
      throw error;
    }
  }

  async #findCapabilities(): Promise<Capabilities> {
    const { data } = versionSchema.safeParse(await this.#get("/version"));
    // Some providers write "33+".
    const [major, minor] = [data?.major, data?.minor].map((text) => parseInt(text ?? "", 10));
    if (!Number.isInteger(major) || minor === undefined || !Number.isInteger(minor)) {
      const message = "Cannot read the API server's version: the reply is of another shape";
      throw new ClusterError("unavailable", 200, "", message);
    }
    const has = (apiVersion: string, name: string) => this.#resources.has(apiVersion, name);
    const budgets = "poddisruptionbudgets";
    return {
      version: `${major}.${minor}`,
      resize: await has("v1", "pods/resize"),
      disruptionBudgets: await has("policy/v1", budgets)
        ? "policy/v1"
        : await has("policy/v1beta1", budgets)
        ? "policy/v1beta1"
        : undefined,
      snapshots: await has("snapshot.storage.k8s.io/v1", "volumesnapshots"),
      readWriteOncePod: major === 1 && minor >= 29,
      admissionPolicies: await has(
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
      ),
    };
  }

  async #write(
    ref: KubeRef,
    { query, subresource, ...request }: Omit<ApiRequest, "path"> & {
      readonly query: Readonly<Record<string, string>>;
      readonly subresource?: string | undefined;
    },
  ): Promise<KubeObject> {
    const path = withQuery(await this.#resources.path(ref, subresource), query);
    return readObject(await this.#ask(ref, { ...request, path }));
  }

  async #get(path: string): Promise<unknown> {
    return await this.#connection.ask({ method: "GET", path, isRepeatable: true });
  }

  async #ask(of: Place, request: ApiRequest): Promise<unknown> {
    try {
      return await this.#connection.ask({ ...request, isSecret: of.kind === "Secret" });
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (error.fault === "unsupported") this.#resources.forget(of);
      throw await unlessLost(error, of.namespace, (path) => this.#get(path));
    }
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

function dryRunOf({ dryRun = false }: WriteOptions): Record<string, string> {
  return dryRun ? { dryRun: "All" } : {};
}

function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(query)}`;
}

/** The manager reads those that it knows by name, and has no right to look through others. */
function refuseSecrets({ kind }: KubeKind): void {
  if (kind === "Secret") throw invalid("Secrets are not listed");
}
