/** Objects of Kubernetes as trees of unknown shape: looking into them, copying and comparing them. */
export type Tree = Readonly<Record<string, unknown>>;

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is at a path of names; undefined where there is nothing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (!isTree(found)) return undefined;
    found = found[name];
  }
  return found;
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

export function treeAt(value: unknown, ...path: readonly string[]): Tree {
  const found = at(value, ...path);
  return isTree(found) ? found : {};
}

export function treesAt(value: unknown, ...path: readonly string[]): readonly Tree[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isTree) : [];
}

export function textsAt(value: unknown, ...path: readonly string[]): readonly string[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}

/** Deep; what is undefined is left out, as JSON does. Several times as fast as structuredClone. */
export function copy<T>(value: T): T;
export function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isTree(value)) return value;
  const copied: Record<string, unknown> = {};
  for (const name in value) {
    const child = value[name];
    if (child !== undefined) copied[name] = copy(child);
  }
  return copied;
}

/** Deep; the order of names does not count, and what is undefined is not there. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, n) => equal(one, b[n]));
  }
  if (!isTree(a) || !isTree(b)) return false;
  for (const name in a) if (!equal(a[name], b[name])) return false;
  for (const name in b) if (b[name] !== undefined && a[name] === undefined) return false;
  return true;
}

/** JSON Merge Patch (RFC 7396). */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch;
  const result: Record<string, unknown> = isTree(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = merged(result[name], value);
  }
  return result;
}

export function encodeBase64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
