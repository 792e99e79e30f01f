/** What was last seen of every user, for the metrics; no more than they ask for. */
import type { UserRecord } from "../record.ts";

interface Seen {
  readonly key: string;
  /** When the last good backup was made; of one who has none, since when he is there. */
  readonly backedUpAt: number;
  readonly isActive: boolean;
}

export class Known {
  #users = new Map<string, Seen>();

  see(slug: string, record: UserRecord | undefined): void {
    if (record === undefined) this.#users.delete(slug);
    else this.#users.set(slug, seenOf(record));
  }

  replace(records: readonly UserRecord[]): void {
    this.#users = new Map(records.map((record) => [record.slug, seenOf(record)]));
  }

  /** By `<tier>/<state>`. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { key } of this.#users.values()) counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts;
  }

  oldestBackupS(now: number): number {
    let oldest = now;
    for (const { isActive, backedUpAt } of this.#users.values()) {
      if (isActive && backedUpAt < oldest) oldest = backedUpAt;
    }
    return Math.floor((now - oldest) / 1000);
  }
}

function seenOf({ tier, state, lastBackup, createdAt }: UserRecord): Seen {
  return {
    key: `${tier}/${state}`,
    backedUpAt: Date.parse(lastBackup?.at ?? createdAt),
    isActive: state === "active",
  };
}
