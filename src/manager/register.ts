/**
 * The register of users: one ConfigMap each, in the manager's own namespace, so that it survives the
 * loss of what it speaks of. Written by compare-and-set alone.
 *
 * What cannot be read, is not ours, or was written by a newer version, is reported and left alone.
 */
import { z } from "zod";
import { type Cluster, ClusterError } from "./cluster.ts";
import { paced } from "../pace.ts";
import { ManagerError } from "./errors.ts";
import type { KubeObject } from "./kube_object.ts";
import { recordSchema, type UserRecord } from "./record.ts";
import type { TierName } from "./tiers.ts";

/** A record as it was read: what a write is compared with. */
export interface Registered {
  readonly record: UserRecord;
  readonly resourceVersion: string;
  readonly uid: string;
}

export interface RegisterFilter {
  readonly tier?: TierName | undefined;
  readonly state?: UserRecord["state"] | undefined;
  /** Only those behind this slug, and so many of them. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export interface Unreadable {
  /** Of the ConfigMap. */
  readonly name: string;
  readonly reason: string;
}

export interface RegisterList {
  /** By slug. */
  readonly users: readonly Registered[];
  readonly unreadable: readonly Unreadable[];
  /** With what was left out by `after` and `limit`. */
  readonly total: number;
  /** What `after` is for those that follow; undefined: there are none. */
  readonly next: string | undefined;
  /** To watch from. */
  readonly resourceVersion: string;
}

const CONFIG_MAP = { apiVersion: "v1", kind: "ConfigMap" } as const;
const MANAGED_BY = { "app.kubernetes.io/managed-by": "brain-manager" } as const;
const TIER = "second-brain/tier";
const STATE = "second-brain/state";
const USER_ID = "second-brain/user-id";
const PREFIX = "user-";
/** No record of ours comes near; a ConfigMap may have 1 MiB. */
const MOST_BYTES = 64 * 1024;
const MOST_WAITING = 50;
/** A record that is written so often meanwhile is written by something that runs wild. */
const MOST_CONFLICTS = 20;

const configMapSchema = z.object({ data: z.object({ record: z.string() }) });
const versionSchema = z.object({ version: z.int() });

export class Register {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  /** The end of the line of those who want a list, and how many stand in it. */
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** Undefined where there is none. Throws `record_unreadable`. */
  async get(slug: string): Promise<Registered | undefined> {
    const name = PREFIX + slug;
    const object = await this.#cluster.get({ ...CONFIG_MAP, namespace: this.#namespace, name });
    return object === undefined ? undefined : required(this.read(object));
  }

  /** Throws `ClusterError` `already_exists`. */
  async create(record: UserRecord): Promise<Registered> {
    return required(this.read(await this.#cluster.create(this.#object(record))));
  }

  /** Throws `ClusterError` `conflict` where it was written since, and `not_found`. */
  async replace(known: Registered, record: UserRecord): Promise<Registered> {
    const { resourceVersion, uid } = known;
    const object = this.#object(record);
    const compared = { ...object, metadata: { ...object.metadata, resourceVersion, uid } };
    return required(this.read(await this.#cluster.replace(compared)));
  }

  /**
   * Writes beside whatever else is written to it, where it is of this life still; an operation that
   * runs meanwhile reads it before it writes. `wanted` may be asked several times.
   */
  async change(
    { slug, life }: Pick<UserRecord, "slug" | "life">,
    wanted: (record: UserRecord) => UserRecord,
  ): Promise<void> {
    for (let tries = 1;; tries++) {
      const known = await this.get(slug);
      if (known?.record.life !== life) return;
      const next = wanted(known.record);
      if (JSON.stringify(next) === JSON.stringify(known.record)) return;
      try {
        await this.replace(known, next);
        return;
      } catch (error) {
        const isConflict = error instanceof ClusterError && error.fault === "conflict";
        if (!isConflict || tries >= MOST_CONFLICTS) throw error;
      }
    }
  }

  /** What is gone already is fine; throws `conflict` where there is another by now. */
  async remove({ record: { slug }, uid }: Registered): Promise<void> {
    const ref = { ...CONFIG_MAP, namespace: this.#namespace, name: PREFIX + slug };
    await this.#cluster.delete(ref, { uid });
  }

  /** One after the other: each holds all of the register in memory for a moment. */
  async list(filter: RegisterFilter = {}): Promise<RegisterList> {
    if (this.#waiting >= MOST_WAITING) {
      throw new ManagerError(
        "cluster_unavailable",
        `Cannot list users now: ${MOST_WAITING} others wait for a list already`,
        { retryAfterS: 5 },
      );
    }
    this.#waiting++;
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await before;
      return await this.#list(filter);
    } finally {
      this.#waiting--;
      resolve();
    }
  }

  async #list({ tier, state, after, limit = Infinity }: RegisterFilter): Promise<RegisterList> {
    const labels = {
      ...MANAGED_BY,
      ...tier === undefined ? {} : { [TIER]: tier },
      ...state === undefined ? {} : { [STATE]: state },
    };
    const list = await this.#cluster.list(CONFIG_MAP, { namespace: this.#namespace, labels });
    // The manager may keep more in there than users.
    const all = list.items.filter(({ metadata: { name } }) => name.startsWith(PREFIX))
      .toSorted((a, b) => byText(a.metadata.name, b.metadata.name));
    const rest = after === undefined
      ? all
      : all.filter(({ metadata: { name } }) => byText(name, PREFIX + after) > 0);
    const users: Registered[] = [];
    const unreadable: Unreadable[] = [];
    for (const found of await paced(rest.slice(0, limit), (item) => this.read(item))) {
      if ("record" in found) users.push(found);
      else unreadable.push(found);
    }
    const last = limit < rest.length ? rest[limit - 1]?.metadata.name : undefined;
    const next = last?.slice(PREFIX.length);
    const { resourceVersion } = list;
    return { users, unreadable, total: all.length, next, resourceVersion };
  }

  /** Of a watched ConfigMap, too. */
  read(object: KubeObject): Registered | Unreadable {
    const { name, labels, annotations, resourceVersion, uid } = object.metadata;
    const unreadable = (reason: string): Unreadable => ({ name, reason });
    if (labels?.["app.kubernetes.io/managed-by"] !== "brain-manager") {
      return unreadable("it has not the label of the manager");
    }
    const map = configMapSchema.safeParse(object);
    if (!map.success) return unreadable("it holds no record");
    const { record: text } = map.data.data;
    if (text.length > MOST_BYTES) return unreadable(`it has more than ${MOST_BYTES} bytes`);
    const parsed = parsedRecord(text);
    if (typeof parsed === "string") return unreadable(parsed);
    if (PREFIX + parsed.slug !== name) return unreadable("it is the record of another user");
    if (annotations?.[USER_ID] !== parsed.userId) {
      return unreadable("its annotation names another user than it does");
    }
    if (resourceVersion === undefined || uid === undefined) return unreadable("it has no version");
    return { record: parsed, resourceVersion, uid };
  }

  #object(record: UserRecord): KubeObject {
    const text = JSON.stringify(recordSchema.parse(record));
    if (text.length > MOST_BYTES) throw new Error("Cannot write the record: it is too large");
    return {
      ...CONFIG_MAP,
      metadata: {
        name: PREFIX + record.slug,
        namespace: this.#namespace,
        labels: { ...MANAGED_BY, [TIER]: record.tier, [STATE]: record.state },
        annotations: { [USER_ID]: record.userId },
      },
      data: { record: text },
    };
  }
}

/** What is wrong with it, where it is no record. */
function parsedRecord(text: string): UserRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "its record is no JSON";
  }
  const record = recordSchema.safeParse(value);
  if (record.success) return record.data;
  const version = versionSchema.safeParse(value);
  if (version.success && version.data.version > 1) {
    return `its record has version ${version.data.version}; this manager knows version 1`;
  }
  // Paths within the record alone: what stands there may be a user's id.
  const paths = record.error.issues.slice(0, 5).map(({ path }) => path.join(".") || "all of it");
  return `its record is damaged at ${paths.join(", ")}`;
}

function required(found: Registered | Unreadable): Registered {
  if ("record" in found) return found;
  throw new ManagerError(
    "record_unreadable",
    `Cannot read the record "${found.name}": ${found.reason}; it is left alone until it is mended`,
  );
}

/** As etcd has them: by bytes, and slugs are ASCII. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
