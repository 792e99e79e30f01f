/**
 * A brain with its adapters: which store, which indexes, which provider. A part of the composition
 * root, as everything in this folder: nothing but `main.ts` imports it.
 */
import project from "../../deno.json" with { type: "json" };
import type { Config } from "../config.ts";
import { levelOf, type Log, type Say } from "../log.ts";
import type { QuotaLimits } from "../quota.ts";
import type { DataFolder } from "../store/folder.ts";
import type { VectorsKind } from "../vector_index.ts";

const HOUR_MS = 3_600_000;
const { version } = project;

/** Chooses the adapters: the one place that knows them all. */
export async function buildBrain(config: Config, limits: QuotaLimits, log: Log) {
  const [
    { Brain },
    { systemClock },
    { Bm25Index },
    { takeFolder },
    { HeapWatch },
    { v4, v7 },
  ] = await Promise.all([
    import("../brain.ts"),
    import("../clock.ts"),
    import("../text_index/bm25.ts"),
    import("../store/taken_folder.ts"),
    import("../cli/heap.ts"),
    import("uuid"),
  ]);
  const { memoriesPath, minFreeBytes, onCorruption } = config;
  const { store, exportFolder, folder } = await takeFolder({
    ...{ memoriesPath, minFreeBytes, onCorruption, version, pid: Deno.pid },
    clock: systemClock,
    newId: v4,
    log: (event, detail) => log(levelOf(event), event, detail),
  });
  const embeddings = await openEmbeddings(config, folder.root, log);
  const brain = new Brain({
    store,
    textIndex: new Bm25Index(),
    newVectorIndex: await vectorIndexes(config, folder, log),
    exportFolder,
    embedder: embeddings?.embedder,
    models: embeddings?.models,
    embeddingsBytes: () => embeddings?.cache.bytes ?? 0,
    limits,
    backupPlan: config.backupIntervalHours === 0
      ? undefined
      : { intervalMs: config.backupIntervalHours * HOUR_MS, keep: config.backupKeep },
    heap: new HeapWatch(),
    clock: systemClock,
    newId: v7,
    run: v7(),
    random: Math.random,
    version,
    log: (event, detail) => log(levelOf(event), event, detail),
  });
  const close = async () => {
    await brain.close();
    // What was answered last is still being written, and was paid for.
    await embeddings?.cache.put([]);
    embeddings?.cache.close();
  };
  return { brain, close };
}

/** Where vectors are searched: in this process, or in the Qdrant that is set. */
async function vectorIndexes({ qdrant }: Config, folder: DataFolder, log: Log) {
  if (qdrant === undefined) {
    const { QuantisedVectorIndex } = await import("../vector_index/quantised.ts");
    return ({ fullVectors }: VectorsKind) => new QuantisedVectorIndex({ fullVectors });
  }
  const [{ vectorsInQdrant }, { brainId }, { systemClock: clock }, { v4 }] = await Promise.all([
    import("../vector_index/qdrant/kept.ts"),
    import("../store/brain_id.ts"),
    import("../clock.ts"),
    import("uuid"),
  ]);
  const say: Say = (message, level = "warn") => log(level, "vector_store", { message });
  const brain = await brainId(folder, v4, say);
  return vectorsInQdrant({ qdrant, brain, clock, random: Math.random, log: say });
}

async function openEmbeddings(config: Config, folder: string, log: Log) {
  const { embeddings: provider, quotaBytes } = config;
  if (provider === undefined) return undefined;
  const { openKept } = await import("../embedder/kept.ts");
  const say = (message: string) => log("warn", "embedding_cache", { message });
  return openKept({ provider, folder, quotaBytes, log: say });
}
