/**
 * Brings many memories in as one unit: either all of the good ones are there afterwards, also after
 * a crash, or none. First everything is read and judged, with nothing changed; then the ids are
 * held against other writers, conflicts are settled, and the unit is made durable and applied.
 */
import type { Backups } from "./backups.ts";
import { type Clock, timestamp } from "./clock.ts";
import type { Idempotency, Retriable, Seal } from "./idempotency.ts";
import {
  ImportDraft,
  type ImportOptions,
  type ImportReport,
  importReportSchema,
} from "./import_draft.ts";
import type { Locks } from "./locks.ts";
import type { Memories } from "./memories.ts";
import type { Change } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { Projection } from "./projection.ts";
import type { Quota } from "./quota.ts";
import type { RawRecord } from "./record_stream.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

export interface ImportsOptions {
  readonly state: State;
  readonly store: Store;
  readonly projection: Projection;
  readonly memories: Memories;
  readonly locks: Locks;
  readonly quota: Quota;
  readonly idempotency: Idempotency;
  readonly backups: Pick<Backups, "beforeChange">;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly memoryShort: () => boolean;
}

export class Imports {
  readonly #options: ImportsOptions;

  constructor(options: ImportsOptions) {
    this.#options = options;
  }

  /**
   * Throws `invalid` naming the bad records (`conflict` where ids are taken and that is an error),
   * with nothing imported.
   */
  async run(
    records: AsyncIterable<readonly RawRecord[]>,
    options: ImportOptions,
    asked?: Retriable,
  ): Promise<ImportReport> {
    const reply = await this.#options.idempotency.once(asked, async (seal) => {
      const { state, newId, clock, memories, memoryShort } = this.#options;
      const now = timestamp(clock);
      const vectorLength = () => memories.vectorLength;
      const deps = { state, newId, now, vectorLength, memoryShort };
      const draft = new ImportDraft(deps, options);
      await draft.read(records);
      // Reading may go on side by side; what is decided by one must be seen by the next.
      const report = await this.#options.locks.run(
        "import",
        () => this.#settle(draft, options, seal),
      );
      return { json: { ...report, errors: [...report.errors] } };
    });
    if (reply === null || !("json" in reply)) {
      throw new Error("Cannot answer: the receipt is of another kind of request");
    }
    return importReportSchema.parse(reply.json);
  }

  async #settle(draft: ImportDraft, options: ImportOptions, seal: Seal): Promise<ImportReport> {
    draft.requireGood();
    const release = await this.#options.locks.hold(draft.ids);
    const decide = () => this.#decide(draft, options, seal);
    try {
      // Only now: those who set the length hold their memory's lock, which `hold` waits for.
      return draft.hasVectors
        ? await this.#options.memories.settingVectorLength(decide)
        : await decide();
    } finally {
      release();
    }
  }

  async #decide(draft: ImportDraft, options: ImportOptions, seal: Seal): Promise<ImportReport> {
    await draft.settleConflicts();
    draft.requireGood();
    const report = draft.report();
    if (!options.dryRun) await this.#carryOut(draft, report, seal);
    return report;
  }

  async #carryOut(draft: ImportDraft, report: ImportReport, seal: Seal): Promise<void> {
    const { store, projection, quota, backups } = this.#options;
    const changes: Change[] = [];
    const pace = new Pace();
    for (const { memory, access, before } of draft.entries()) {
      if (pace.due) await pace.breathe();
      const existing = before !== undefined && access && { existing: true } as const;
      const reworded = before !== undefined && before.content !== memory.content &&
        { reworded: true } as const;
      changes.push({ op: "put", memory, ...(access && { access }), ...existing, ...reworded });
    }
    const receipt = seal({ json: { ...report, errors: [...report.errors] } });
    if (receipt !== undefined) changes.push({ op: "receipt", receipt });
    if (changes.length === 0) return;
    // First of all, and not to be given for the import's own room: it is the way back from it.
    if (report.updated > 0) await backups.beforeChange();
    const giveBack = await quota.reserve(report.imported, draft.bytes, report.updated > 0);
    try {
      const unit = await store.beginImport();
      try {
        await unit.stage(changes);
        await unit.commit();
        await applyAll(projection, changes);
      } finally {
        unit.finish();
      }
    } finally {
      giveBack();
    }
  }
}

/** It is durable: whatever befalls one of the changes, the others must not be missing. */
async function applyAll(projection: Projection, changes: readonly Change[]): Promise<void> {
  const pace = new Pace();
  const failures: unknown[] = [];
  for (const change of changes) {
    try {
      projection.apply(change);
    } catch (error) {
      failures.push(error);
    }
    if (pace.due) await pace.breathe();
  }
  if (failures.length > 0) throw failures[0];
}
