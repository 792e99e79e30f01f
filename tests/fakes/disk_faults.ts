/** Which operation of a simulated file system fails, and how. */
export type OperationKind =
  | "create"
  | "open"
  | "size"
  | "exists"
  | "kind"
  | "freeBytes"
  | "stands"
  | "list"
  | "makeFolder"
  | "rename"
  | "link"
  | "remove"
  | "syncFolder"
  | "lock"
  | "write"
  | "read"
  | "sync"
  | "truncate";

export interface Fault {
  /** The operation, counted from 1, at which it begins. */
  readonly at: number;
  /** Such as `EIO`. */
  readonly code: string;
  /** True where everything from then on fails as well. */
  readonly sticky?: boolean;
  /** Only these operations fail; with it, a fault that is not sticky waits for one of them. */
  readonly only?: (kind: OperationKind, path: string) => boolean;
  /** The share of a failing write that happens all the same. */
  readonly part?: number;
}

/** What a full disk refuses. */
export function takesSpace(kind: OperationKind): boolean {
  return ["create", "makeFolder", "link", "write"].includes(kind);
}

/** The fault that meets this operation, if one does. One that strikes once is then spent. */
export class FaultPlan {
  readonly #spent = new Set<Fault>();

  decide(
    faults: readonly Fault[],
    count: number,
    kind: OperationKind,
    path: string,
  ): Fault | undefined {
    for (const fault of faults) {
      if (count < fault.at || this.#spent.has(fault)) continue;
      if (fault.only?.(kind, path) === false) continue;
      if (fault.sticky !== true) this.#spent.add(fault);
      return fault;
    }
    return undefined;
  }
}
