/**
 * The leases of others, as this process has seen them. Clocks differ from machine to machine, so the
 * time that stands in a lease tells nothing but that it was renewed: it is over once it has been seen
 * unchanged for as long as it lasts, by this process's own clock. One that has only just started has
 * seen nothing yet, and waits for as long.
 */
import type { Clock } from "../../clock.ts";
import type { UserRecord } from "../record.ts";

export const LEASE_MS = 30_000;

interface Seen {
  readonly lease: string;
  readonly sinceMs: number;
}

export class Sightings {
  readonly #clock: Clock;
  readonly #holder: string;
  /** By slug; only of those who are held by others. */
  readonly #seen = new Map<string, Seen>();

  constructor({ clock, holder }: { readonly clock: Clock; readonly holder: string }) {
    this.#clock = clock;
    this.#holder = holder;
  }

  /** For how long what is under way is left to others; 0: nobody else holds it any more. */
  leftMs({ slug, operation }: Pick<UserRecord, "slug" | "operation">): number {
    const lease = operation?.lease ?? null;
    if (operation === null || lease === null || lease.holder === this.#holder) {
      this.forget(slug);
      return 0;
    }
    const now = this.#clock.now();
    const text = `${operation.id} ${lease.holder} ${lease.until}`;
    const seen = this.#seen.get(slug);
    // Since a time to come: the clock was set back.
    const isNew = seen?.lease !== text || seen.sinceMs > now;
    const sinceMs = isNew ? now : seen.sinceMs;
    if (isNew) this.#seen.set(slug, { lease: text, sinceMs });
    return Math.max(0, sinceMs + LEASE_MS - now);
  }

  /** Nothing is under way for him. */
  forget(slug: string): void {
    this.#seen.delete(slug);
  }
}
