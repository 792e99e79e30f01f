/**
 * Where kinds are found: the server is asked what it calls them, and asked again when it does not
 * know one any more. Paths are made here alone, of names that cannot lead anywhere else.
 */
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { ClusterError, type Selection } from "../cluster.ts";
import type { KubeKind, KubeRef } from "../kube_object.ts";

/** A kind that was not there is looked for again after that: an operator may have been installed. */
const MISSING_MS = 60_000;
const FRESH_MS = 10 * 60_000;
const MOST_RESOURCES = 1_000;

const groupSchema = z.looseObject({
  resources: z.array(z.looseObject({
    name: z.string(),
    kind: z.string(),
    namespaced: z.boolean(),
  })).max(MOST_RESOURCES),
});

interface Group {
  /** Their names, also of subresources such as `pods/resize`. */
  readonly names: ReadonlySet<string>;
  readonly byKind: ReadonlyMap<string, { readonly name: string; readonly namespaced: boolean }>;
}

const EMPTY: Group = { names: new Set(), byKind: new Map() };

export class Resources {
  readonly #clock: Clock;
  /** Throws `unsupported` where the server does not know the path. */
  readonly #get: (path: string) => Promise<unknown>;
  /** By their `apiVersion`; one question for all who ask at the same time. */
  readonly #groups = new Map<string, { readonly at: number; readonly group: Promise<Group> }>();

  constructor(clock: Clock, get: (path: string) => Promise<unknown>) {
    this.#clock = clock;
    this.#get = get;
  }

  /** Throws `unsupported`. */
  async collectionPath(kind: KubeKind, namespace: string | undefined): Promise<string> {
    const resource = (await this.#groupWith(kind)).byKind.get(kind.kind);
    if (resource === undefined) {
      const message = `The API server has no kind ${kind.apiVersion} ${kind.kind}`;
      throw new ClusterError("unsupported", 404, "NotFound", message);
    }
    const place = resource.namespaced && namespace !== undefined
      ? `/namespaces/${segment(namespace)}`
      : "";
    if (!resource.namespaced && namespace !== undefined) {
      throw invalid(`${kind.kind} belongs to the cluster, not to a namespace`);
    }
    return `${rootOf(kind.apiVersion)}${place}/${resource.name}`;
  }

  async path(
    { apiVersion, kind, namespace, name }: KubeRef,
    subresource?: string,
  ): Promise<string> {
    const collection = await this.collectionPath({ apiVersion, kind }, namespace);
    const group = await this.#group(apiVersion);
    if (namespace === undefined && group.byKind.get(kind)?.namespaced) {
      throw invalid(`${kind} lies in a namespace, and none was named`);
    }
    const below = subresource === undefined ? "" : `/${segment(subresource)}`;
    return `${collection}/${segment(name)}${below}`;
  }

  /** The name of a resource or subresource, such as `pods/resize`. */
  async has(apiVersion: string, name: string): Promise<boolean> {
    return (await this.#group(apiVersion)).names.has(name);
  }

  /** The server said that it does not know it: what is held of it may be old. */
  forget({ apiVersion }: KubeKind): void {
    this.#groups.delete(apiVersion);
  }

  async #groupWith({ apiVersion, kind }: KubeKind): Promise<Group> {
    const group = await this.#group(apiVersion);
    return group.byKind.has(kind) ? group : await this.#group(apiVersion, MISSING_MS);
  }

  async #group(apiVersion: string, freshMs = FRESH_MS): Promise<Group> {
    const now = this.#clock.now();
    const held = this.#groups.get(apiVersion);
    const isFresh = held !== undefined && now >= held.at && now - held.at < freshMs;
    const next = isFresh ? held : { at: now, group: this.#read(apiVersion) };
    this.#groups.set(apiVersion, next);
    try {
      return await next.group;
    } catch (error) {
      if (this.#groups.get(apiVersion) === next) this.#groups.delete(apiVersion);
      throw error;
    }
  }

  async #read(apiVersion: string): Promise<Group> {
    try {
      const { resources } = groupSchema.parse(await this.#get(rootOf(apiVersion)));
      const own = resources.filter(({ name }) => !name.includes("/"));
      return {
        names: new Set(resources.map(({ name }) => name)),
        byKind: new Map(own.map(({ name, kind, namespaced }) => [kind, { name, namespaced }])),
      };
    } catch (error) {
      if (error instanceof ClusterError && error.fault === "unsupported") return EMPTY;
      if (error instanceof ClusterError) throw error;
      const message = `Cannot read which kinds ${apiVersion} has: the reply is of another shape`;
      throw new ClusterError("unavailable", 200, "", message);
    }
  }
}

function rootOf(apiVersion: string): string {
  const parts = apiVersion.split("/").map(segment);
  if (parts.length > 2) throw invalid("an apiVersion has a group and a version");
  return parts.length === 1 ? `/api/${parts[0]}` : `/apis/${parts.join("/")}`;
}

/** Names of rights may hold colons; none may hold what leads to another path. */
function segment(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/.test(name)) {
    throw invalid(`${JSON.stringify(name.slice(0, 60))} is no name`);
  }
  return encodeURIComponent(name);
}

export function invalid(why: string): ClusterError {
  return new ClusterError("invalid", 400, "BadRequest", `Cannot ask the API server: ${why}`);
}

/** As a query's parameters; none where everything is selected. */
export function selectorOf({ labels = {} }: Selection): Record<string, string> {
  const terms = Object.entries(labels).map(([name, value]) => {
    if (!/^[\w./-]{1,317}$/.test(name) || !/^[\w.-]{0,63}$/.test(value ?? "")) {
      throw invalid("a label to select by is none");
    }
    return value === null ? name : `${name}=${value}`;
  });
  return terms.length === 0 ? {} : { labelSelector: terms.join(",") };
}
