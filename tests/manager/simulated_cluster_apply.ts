/**
 * Server-side apply for one manager that always forces: what it names is set, what it named before
 * and names no more goes, unless somebody else has changed it since; all else stays.
 */
import { equal, isTree, type Tree } from "./simulated_cluster_tree.ts";

/** What tells the items of a list apart; other lists are replaced as a whole. */
const ITEM_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  ports: ["containerPort", "port", "protocol"],
  imagePullSecrets: ["name"],
  conditions: ["type"],
  ownerReferences: ["uid"],
};
const SETS: readonly string[] = ["finalizers"];
const ATOMS: readonly string[] = ["selector", "podSelector", "nodeSelector", "namespaceSelector"];

/** `before` is what was applied the last time, `now` what is applied. */
export function applied(live: Tree, before: Tree, now: Tree): Tree {
  const result: Record<string, unknown> = { ...live };
  for (const name of Object.keys(before)) {
    if (now[name] === undefined) {
      result[name] = withoutOwned(live[name], before[name], name);
    }
  }
  for (const [name, value] of Object.entries(now)) {
    if (value !== undefined) result[name] = mergedField(live[name], before[name], value, name);
  }
  for (const name of Object.keys(result)) if (result[name] === undefined) delete result[name];
  return result;
}

function mergedField(live: unknown, before: unknown, now: unknown, name: string): unknown {
  if (Array.isArray(now)) {
    const [lived, owned] = [listOf(live), listOf(before)];
    if (SETS.includes(name)) {
      return [...now, ...lived.filter((one) => !now.includes(one) && !owned.includes(one))];
    }
    const keys = ITEM_KEYS[name];
    return keys === undefined ? now : mergedItems(lived, owned, now, keys);
  }
  if (!isTree(now) || ATOMS.includes(name)) return now;
  return applied(isTree(live) ? live : {}, isTree(before) ? before : {}, now);
}

function mergedItems(
  live: readonly unknown[],
  before: readonly unknown[],
  now: readonly unknown[],
  keys: readonly string[],
): unknown[] {
  const find = (items: readonly unknown[], one: unknown) =>
    items.find((other) => keyOf(other, keys) === keyOf(one, keys));
  const merged = now.map((one) => {
    const [lived, owned] = [find(live, one), find(before, one)];
    if (!isTree(one)) return one;
    return applied(isTree(lived) ? lived : {}, isTree(owned) ? owned : {}, one);
  });
  const others = live.filter((one) => !find(now, one) && !find(before, one));
  return [...merged, ...others];
}

function keyOf(item: unknown, keys: readonly string[]): string {
  if (!isTree(item)) return String(item);
  // A port's protocol is TCP unless told.
  return keys.map((key) => String(item[key] ?? (key === "protocol" ? "TCP" : ""))).join("\0");
}

/** What is left of a field that is not applied any more. */
function withoutOwned(live: unknown, before: unknown, name: string): unknown {
  if (Array.isArray(live) && Array.isArray(before)) {
    const keys = ITEM_KEYS[name] ?? [];
    const owned = new Set(before.map((one) => keyOf(one, keys)));
    if (keys.length === 0 && !SETS.includes(name)) return equal(live, before) ? undefined : live;
    const left = live.filter((one) => !owned.has(keyOf(one, keys)));
    return left.length === 0 ? undefined : left;
  }
  if (isTree(live) && isTree(before) && !ATOMS.includes(name)) {
    const left = applied(live, before, {});
    return Object.keys(left).length === 0 ? undefined : left;
  }
  return equal(live, before) ? undefined : live;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
