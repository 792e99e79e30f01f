/** What the simulated API server does with a request, at once and whole. */
import type { WriteOptions } from "../../src/manager/cluster.ts";
import { ClusterError } from "../../src/manager/cluster.ts";
import type { KubeKind, KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { kubeObjectSchema, refOf } from "../../src/manager/kube_object.ts";
import { applied } from "./simulated_cluster_apply.ts";
import { newObject, qosClassOf, withoutStringData } from "./simulated_cluster_defaults.ts";
import {
  CLAIM,
  conflict,
  factsOf,
  forbidden,
  invalid,
  isKind,
  NAMESPACE,
  notFound,
  POD,
  unsupported,
} from "./simulated_cluster_kinds.ts";
import { checkLimitRange, checkQuota, defaulted } from "./simulated_cluster_quota.ts";
import { checkDeletion, checkFields, checkKind, checkNames } from "./simulated_cluster_rules.ts";
import { copy, equal, merged, type Tree, treeAt, treesAt } from "./simulated_cluster_tree.ts";
import type { World } from "./simulated_cluster_world.ts";

const CHANGED =
  "the object has been modified; please apply your changes to the latest version and try again";

export class Requests {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Throws `unsupported` for kinds that a server of this version and set-up does not serve. */
  checkServed(kind: KubeKind): void {
    factsOf(kind);
    const { snapshots } = this.#world.options;
    const isServed = kind.apiVersion === "policy/v1"
      ? this.#world.isSince(21)
      : kind.apiVersion === "policy/v1beta1"
      ? !this.#world.isSince(25)
      : snapshots || !kind.apiVersion.startsWith("snapshot.");
    if (!isServed) throw unsupported();
  }

  checkListed(kind: KubeKind): void {
    this.checkServed(kind);
    if (kind.kind !== "Secret") return;
    throw new ClusterError("invalid", 400, "BadRequest", "Secrets are not listed");
  }

  apply(given: KubeObject, { dryRun = false }: WriteOptions = {}): KubeObject {
    this.#checkPlace(given);
    const ref = refOf(given);
    const stored = this.#world.store.get(ref);
    const { uid, resourceVersion } = given.metadata;
    if (stored === undefined && (uid !== undefined || resourceVersion !== undefined)) {
      throw conflict(ref, `uid mismatch: no existing object was found`);
    }
    if (stored !== undefined) this.#checkUnchanged(stored.object, given);
    const config = configOf(withoutStringData(given));
    if (stored === undefined) return this.#keep(undefined, objectOf(config), dryRun, config);
    const next = objectOf(applied(stored.object, stored.applied, config));
    return this.#keep(stored.object, next, dryRun, config);
  }

  create(given: KubeObject, { dryRun = false }: WriteOptions = {}): KubeObject {
    this.#checkPlace(given);
    const ref = refOf(given);
    const before = this.#world.get(ref);
    if (before !== undefined) {
      const going = before.metadata.deletionTimestamp === undefined
        ? ""
        : "object is being deleted: ";
      const message = `${going}${factsOf(ref).plural} "${ref.name}" already exists`;
      throw new ClusterError("already_exists", 409, "AlreadyExists", message);
    }
    return this.#keep(undefined, withoutStringData(copy(given)), dryRun);
  }

  replace(given: KubeObject, { dryRun = false }: WriteOptions = {}): KubeObject {
    this.#checkPlace(given);
    if (given.metadata.resourceVersion === undefined) {
      throw invalid(given, "metadata.resourceVersion: Required value");
    }
    const before = this.#known(refOf(given));
    this.#checkUnchanged(before, given);
    const next = withoutStringData(copy(given));
    return this.#keep(before, withSystemFields(before, next), dryRun);
  }

  patch(
    ref: KubeRef,
    patch: Tree,
    { dryRun = false, subresource }: WriteOptions & { subresource?: string | undefined } = {},
  ): KubeObject {
    this.checkServed(ref);
    if (subresource === "resize" && !(this.#world.options.resize && isKind(ref, POD))) {
      throw unsupported();
    }
    if (subresource !== undefined && !["resize", "status"].includes(subresource)) {
      throw unsupported();
    }
    const before = this.#known(ref);
    const next = objectOf(merged(before, copy(patch)));
    this.#checkUnchanged(before, next);
    if (subresource === "status") {
      const object = { ...before, status: treeAt(next, "status") };
      return copy(dryRun ? object : this.#world.write(object));
    }
    if (subresource === "resize") return this.#resize(before, next, dryRun);
    return this.#keep(before, withSystemFields(before, withoutStringData(next)), dryRun);
  }

  delete(
    ref: KubeRef,
    { dryRun = false, uid, graceS }: {
      readonly dryRun?: boolean | undefined;
      readonly uid?: string | undefined;
      readonly graceS?: number | undefined;
    } = {},
  ): void {
    this.checkServed(ref);
    const object = this.#world.get(ref);
    if (object === undefined) return;
    if (uid !== undefined && uid !== object.metadata.uid) {
      throw conflict(
        ref,
        `the UID in the precondition (${uid}) does not match the UID in record ` +
          `(${object.metadata.uid})`,
      );
    }
    if (!dryRun) this.#world.beginDeletion(object, graceS);
  }

  #known(ref: KubeRef): KubeObject {
    const object = this.#world.get(ref);
    if (object === undefined) throw notFound(ref);
    return object;
  }

  #checkPlace(object: KubeObject): void {
    this.checkServed(object);
    const { isNamespaced } = factsOf(object);
    const { namespace } = object.metadata;
    if (isNamespaced === (namespace !== undefined)) return;
    const message = isNamespaced
      ? "an empty namespace may not be set during creation"
      : "namespace may not be set for this kind";
    throw new ClusterError("invalid", 400, "BadRequest", message);
  }

  #checkUnchanged(before: KubeObject, given: KubeObject): void {
    const { uid, resourceVersion } = given.metadata;
    const { uid: ownUid, resourceVersion: version } = before.metadata;
    if (resourceVersion !== undefined && resourceVersion !== version) {
      throw conflict(refOf(before), CHANGED);
    }
    if (uid !== undefined && uid !== ownUid) {
      throw invalid(given, `metadata.uid: Invalid value: "${uid}": field is immutable`);
    }
  }

  #keep(before: KubeObject | undefined, given: KubeObject, dryRun: boolean, config?: Tree) {
    let after = given;
    checkFields(after);
    if (before === undefined) {
      this.#checkNamespace(after);
      checkNames(after);
      after = newObject(this.#world, isKind(after, POD) ? defaulted(this.#world, after) : after);
    } else {
      checkNames(after);
      checkDeletion(before, after);
    }
    if (before === undefined || isKind(after, CLAIM)) checkLimitRange(this.#world, after);
    checkKind(this.#world, before, after);
    if (before === undefined || isKind(after, CLAIM)) checkQuota(this.#world, before, after);
    return copy(dryRun ? after : this.#world.write(after, config));
  }

  #checkNamespace(object: KubeObject): void {
    const { namespace } = object.metadata;
    if (namespace === undefined) return;
    const place = this.#world.get({ ...NAMESPACE, name: namespace });
    if (place === undefined) throw notFound({ ...NAMESPACE, name: namespace });
    if (place.metadata.deletionTimestamp === undefined) return;
    throw forbidden(
      object,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
  }

  #resize(before: KubeObject, given: KubeObject, dryRun: boolean): KubeObject {
    const frame = (pod: KubeObject) => {
      const containers = treesAt(pod, "spec", "containers").map((one) => ({
        ...one,
        resources: null,
        resizePolicy: null,
      }));
      return { ...treeAt(pod, "spec"), containers };
    };
    if (!equal(frame(before), frame(given))) {
      throw invalid(given, "spec: Forbidden: only cpu and memory resources are mutable");
    }
    if (qosClassOf(before) !== qosClassOf(given)) {
      throw invalid(
        given,
        "metadata: Invalid value: Pod QOS Class may not change as a result of resizing",
      );
    }
    const after = { ...before, spec: treeAt(given, "spec") };
    checkKind(this.#world, undefined, after);
    checkLimitRange(this.#world, after);
    checkQuota(this.#world, before, after);
    return copy(dryRun ? after : this.#world.write(after));
  }
}

/** What an apply speaks of: not what the server alone writes. */
function configOf(given: KubeObject): Tree {
  const { status: _status, ...config } = copy(given);
  const {
    uid: _uid,
    resourceVersion: _version,
    generation: _generation,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    ...metadata
  } = config.metadata;
  return { ...config, metadata };
}

/** The server's own fields stay, whatever was sent. */
function withSystemFields(before: KubeObject, given: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, generation, resourceVersion } =
    before.metadata;
  const next: KubeObject = {
    ...given,
    metadata: {
      ...given.metadata,
      uid,
      creationTimestamp,
      deletionTimestamp,
      generation,
      resourceVersion,
    },
    status: before["status"],
  };
  return copy(next);
}

function objectOf(value: unknown): KubeObject {
  return kubeObjectSchema.parse(value);
}
