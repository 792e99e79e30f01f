/** What goes wrong with the stand-in, as a test switches it. */

/** What a request is for. */
export type Route =
  | "root"
  | "health"
  | "collections"
  | "collection"
  | "exists"
  | "create"
  | "drop"
  | "index"
  | "upsert"
  | "delete"
  | "payload"
  | "batch"
  | "query"
  | "scroll"
  | "count";

export const WRITES: readonly Route[] = ["upsert", "delete", "payload", "batch"];

/**
 * - `hang`: no answer ever; `slow`: it comes after `ms`; `drip`: a byte of it every `ms`.
 * - `late`: no answer ever, and carried out after `ms`, whoever has gone meanwhile.
 * - `cut`: it is carried out, and the connection cut instead of an answer.
 * - `lost`: a write is said to be done, and is not.
 * - `not_json`, `cut_json`: an answer that says nothing, or only the first half of what it should.
 * - `disk_full`, `out_of_memory`, `panicked` (500), `unavailable` (503), `too_many` (429): refusals,
 *   with nothing carried out. Qdrant has had the disk full as 500 and, for its own limits, as 507.
 */
export type FaultKind =
  | "hang"
  | "slow"
  | "drip"
  | "late"
  | "cut"
  | "lost"
  | "not_json"
  | "cut_json"
  | "disk_full"
  | "storage_limit"
  | "out_of_memory"
  | "panicked"
  | "unavailable"
  | "too_many";

export interface Fault {
  readonly kind: FaultKind;
  /** Left out: all of them. */
  readonly routes?: readonly Route[] | undefined;
  /** How many requests meet it; left out: all, until it is cleared. */
  readonly times?: number | undefined;
  readonly ms?: number | undefined;
  /** What a 429 asks for. */
  readonly retryAfterSeconds?: number | undefined;
}

export class Faults {
  #faults: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? Infinity });
  }

  clear(): void {
    this.#faults = [];
  }

  /** The first that a request for this meets. */
  take(route: Route): Fault | undefined {
    const met = this.#faults.find(({ fault: { routes, kind } }) =>
      routes?.includes(route) ?? (kind !== "lost" || WRITES.includes(route))
    );
    if (met === undefined) return undefined;
    if (--met.left <= 0) this.#faults = this.#faults.filter((other) => other !== met);
    return met.fault;
  }
}
