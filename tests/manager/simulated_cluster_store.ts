/**
 * Objects in memory with their history: found by namespace, name and label, each change numbered.
 * What lies here is never changed in place; who gives it out, copies it.
 */
import type { Selection, WatchEvent } from "../../src/manager/cluster.ts";
import { ClusterError } from "../../src/manager/cluster.ts";
import type { KubeKind, KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { copy, type Tree } from "./simulated_cluster_tree.ts";

export interface Stored {
  readonly object: KubeObject;
  /** What `brain-manager` applied the last time. */
  readonly applied: Tree;
}

interface Change {
  readonly version: number;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

class KindStore {
  readonly byNamespace = new Map<string, Map<string, Stored>>();
  readonly byLabel = new Map<string, Map<string, KubeObject>>();
  /** Begins at `from`: earlier ones are forgotten. */
  history: Change[] = [];
  forgottenUntil = 0;
  readonly watchers = new Set<() => void>();
}

export class ClusterStore {
  readonly #kinds = new Map<string, KindStore>();
  readonly #historyEvents: number;
  readonly #changed: (before: KubeObject | undefined, after: KubeObject | undefined) => void;
  #version = 100;

  /** `changed` is told of every change, after it. */
  constructor(
    historyEvents: number,
    changed: (before: KubeObject | undefined, after: KubeObject | undefined) => void,
  ) {
    this.#historyEvents = historyEvents;
    this.#changed = changed;
  }

  get version(): number {
    return this.#version;
  }

  get(ref: KubeRef): Stored | undefined {
    return this.#kindStore(ref).byNamespace.get(ref.namespace ?? "")?.get(ref.name);
  }

  /** In the order of their making. */
  list(kind: KubeKind, { namespace, labels = {} }: Selection = {}): KubeObject[] {
    const store = this.#kindStore(kind);
    const wanted = Object.entries(labels);
    const indexed = wanted.filter(([, value]) => value !== null)
      .map(([name, value]) => store.byLabel.get(`${name}=${value}`))
      .sort((a, b) => (a?.size ?? 0) - (b?.size ?? 0));
    if (indexed.length > 0 && namespace === undefined) {
      return [...indexed[0]?.values() ?? []].filter((object) => matches(object, wanted));
    }
    const places = namespace === undefined
      ? [...store.byNamespace.values()]
      : [store.byNamespace.get(namespace) ?? new Map<string, Stored>()];
    return places.flatMap((place) => [...place.values()].map(({ object }) => object))
      .filter((object) => matches(object, wanted));
  }

  /** All that lies in a namespace, of whatever kind. */
  contents(namespace: string): KubeObject[] {
    return [...this.#kinds.values()].flatMap((store) =>
      [...store.byNamespace.get(namespace)?.values() ?? []].map(({ object }) => object)
    );
  }

  /** With a new resourceVersion; returns what now lies here. */
  put(object: KubeObject, applied: Tree): KubeObject {
    const store = this.#kindStore(object);
    const { namespace = "", name } = object.metadata;
    const resourceVersion = String(++this.#version);
    const after = { ...object, metadata: { ...object.metadata, resourceVersion } };
    const place = store.byNamespace.get(namespace) ?? new Map<string, Stored>();
    store.byNamespace.set(namespace, place);
    const before = place.get(name)?.object;
    place.set(name, { object: after, applied });
    this.#note(store, before, after);
    return after;
  }

  remove(ref: KubeRef): void {
    const store = this.#kindStore(ref);
    const place = store.byNamespace.get(ref.namespace ?? "");
    const before = place?.get(ref.name)?.object;
    if (place === undefined || before === undefined) return;
    this.#version++;
    place.delete(ref.name);
    if (place.size === 0) store.byNamespace.delete(ref.namespace ?? "");
    this.#note(store, before, undefined);
  }

  forgetHistory(): void {
    for (const store of this.#kinds.values()) this.#forget(store, 0);
  }

  /** Throws `gone`; after each bookmark-worthy silence the caller decides what to say. */
  async *changes(
    kind: KubeKind,
    selection: Selection,
    since: number,
    wait: (woken: Promise<void>) => Promise<"woken" | "bookmark" | "ended">,
  ): AsyncGenerator<WatchEvent> {
    const store = this.#kindStore(kind);
    let seen = since;
    while (true) {
      const woken = Promise.withResolvers<void>();
      store.watchers.add(woken.resolve);
      try {
        if (seen < store.forgottenUntil) {
          throw new ClusterError("gone", 410, "Expired", `too old resource version: ${seen}`);
        }
        let place = firstAfter(store.history, seen);
        const upTo = store.history.length;
        const events: WatchEvent[] = [];
        for (; place < upTo; place++) {
          const change = store.history[place];
          if (change === undefined) continue;
          seen = change.version;
          const event = eventOf(change, selection);
          if (event !== undefined) events.push(event);
        }
        if (events.length > 0) {
          yield* events;
          continue;
        }
        const next = await wait(woken.promise);
        if (next === "ended") return;
        if (next === "bookmark") yield bookmark(kind, Math.max(seen, since));
      } finally {
        store.watchers.delete(woken.resolve);
      }
    }
  }

  #note(store: KindStore, before: KubeObject | undefined, after: KubeObject | undefined): void {
    this.#index(store, before, after);
    store.history.push({ version: this.#version, before, after });
    if (store.history.length > 2 * this.#historyEvents) this.#forget(store, this.#historyEvents);
    for (const wake of store.watchers) wake();
    this.#changed(before, after);
  }

  #forget(store: KindStore, keep: number): void {
    const gone = store.history.slice(0, store.history.length - keep);
    store.forgottenUntil = gone.at(-1)?.version ?? store.forgottenUntil;
    if (keep === 0) store.forgottenUntil = this.#version;
    store.history = store.history.slice(store.history.length - keep);
    for (const wake of store.watchers) wake();
  }

  #index(store: KindStore, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const { namespace = "", name } = (after ?? before)?.metadata ?? { name: "" };
    const key = `${namespace}/${name}`;
    for (const label of Object.entries(before?.metadata.labels ?? {})) {
      const same = store.byLabel.get(label.join("="));
      same?.delete(key);
      if (same?.size === 0) store.byLabel.delete(label.join("="));
    }
    if (after === undefined) return;
    for (const label of Object.entries(after.metadata.labels ?? {})) {
      const same = store.byLabel.get(label.join("=")) ?? new Map<string, KubeObject>();
      store.byLabel.set(label.join("="), same.set(key, after));
    }
  }

  #kindStore({ apiVersion, kind }: KubeKind): KindStore {
    const key = `${apiVersion}/${kind}`;
    const store = this.#kinds.get(key) ?? new KindStore();
    this.#kinds.set(key, store);
    return store;
  }
}

function matches(object: KubeObject, wanted: readonly [string, string | null][]): boolean {
  const labels = object.metadata.labels ?? {};
  return wanted.every(([name, value]) =>
    value === null ? labels[name] !== undefined : labels[name] === value
  );
}

/** What leaves the selection is deleted for its watcher, what enters it is new. */
function eventOf({ before, after, version }: Change, selection: Selection): WatchEvent | undefined {
  const wanted = Object.entries(selection.labels ?? {});
  const isSelected = (object: KubeObject | undefined) =>
    object !== undefined && matches(object, wanted) &&
    (selection.namespace ?? object.metadata.namespace) === object.metadata.namespace;
  if (after !== undefined && isSelected(after)) return { type: "put", object: copy(after) };
  if (before === undefined || !isSelected(before)) return undefined;
  const metadata = { ...before.metadata, resourceVersion: String(version) };
  return { type: "deleted", object: copy({ ...before, metadata }) };
}

function bookmark({ apiVersion, kind }: KubeKind, version: number): WatchEvent {
  const metadata = { name: "", resourceVersion: String(version) };
  return { type: "bookmark", object: { apiVersion, kind, metadata } };
}

function firstAfter(history: readonly Change[], version: number): number {
  let [low, high] = [0, history.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((history[middle]?.version ?? 0) <= version) low = middle + 1;
    else high = middle;
  }
  return low;
}
