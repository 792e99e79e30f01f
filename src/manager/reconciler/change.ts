/** What the loop notes in a record: by compare-and-set, beside whatever else is written to it. */
import { ClusterError } from "../cluster.ts";
import type { UserRecord } from "../record.ts";
import type { Register } from "../register.ts";

const MOST_CONFLICTS = 5;

/** Of this life; an operation that runs meanwhile reads it before it writes. */
export async function change(
  { register }: { readonly register: Register },
  { slug, life }: UserRecord,
  wanted: (record: UserRecord) => UserRecord,
): Promise<void> {
  for (let tries = 1;; tries++) {
    const known = await register.get(slug);
    if (known?.record.life !== life) return;
    const next = wanted(known.record);
    if (JSON.stringify(next) === JSON.stringify(known.record)) return;
    try {
      await register.replace(known, next);
      return;
    } catch (error) {
      const isConflict = error instanceof ClusterError && error.fault === "conflict";
      if (!isConflict || tries >= MOST_CONFLICTS) throw error;
    }
  }
}
