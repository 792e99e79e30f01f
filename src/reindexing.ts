/**
 * What an operator may ask for where memories are not found by meaning: what was given up is taken
 * up again, and a vector store is compared with the memories. Neither is ever needed for what comes
 * right by itself: a store that was away is compared as soon as it is back.
 */
import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { Indexer } from "./indexer.ts";

/** Of 100,000 memories the comparison takes some seconds; proxies wait for a minute at most. */
const WAIT_MS = 30_000;

const count = z.int().min(0);

export const vectorStoreSchema = z.strictObject({
  kind: z.enum(["memory", "qdrant"]),
  status: z.enum(["ok", "unavailable"]),
  pending: count.meta({ description: "Memories that it may not hold as they are now." }),
  detail: z.string().nullable().meta({ description: "Why it is unavailable." }),
}).meta({
  id: "VectorStore",
  description:
    "What the vectors are searched in. `unavailable`: it is tried again by itself, and " +
    "brought in line then; meanwhile searches say `vector_store_unavailable`.",
});

export const reindexReportSchema = z.strictObject({
  indexed: count.meta({ description: "Memories that are found by meaning." }),
  pending: count.meta({ description: "Memories that are still to be embedded." }),
  failed: count.meta({ description: "Memories that were given up." }),
  vector_store: vectorStoreSchema,
}).meta({ id: "ReindexReport" });

export type ReindexReport = z.infer<typeof reindexReportSchema>;

export interface ReindexingOptions {
  readonly indexer: Indexer;
  readonly clock: Clock;
}

export class Reindexing {
  readonly #options: ReindexingOptions;

  constructor(options: ReindexingOptions) {
    this.#options = options;
  }

  /**
   * How it stands once all is compared; `isDone` is false where that takes longer than half a
   * minute: it goes on then. What must be embedded follows in any case. Throws `not_ready` where
   * the vector store is out of reach.
   */
  async run(): Promise<{ readonly report: ReindexReport; readonly isDone: boolean }> {
    const { indexer, clock } = this.#options;
    const late = Promise.withResolvers<false>();
    const timer = clock.after(WAIT_MS, () => late.resolve(false));
    const compared = indexer.reindex().then(() => true);
    // Nobody may be waiting any more when it fails: `/stats` says so.
    compared.catch(() => {});
    try {
      const isDone = await Promise.race([compared, late.promise]);
      return { report: this.report(), isDone };
    } finally {
      timer.cancel();
    }
  }

  report(): ReindexReport {
    const { indexer } = this.#options;
    const { indexed, pending, failed } = indexer.stats();
    return { indexed, pending, failed, vector_store: indexer.vectorStore() };
  }
}
