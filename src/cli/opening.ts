/** Opens the brain of a service, logs what that found, and has it backed up from then on. */
import type { Brain } from "../brain.ts";
import type { Log } from "../log.ts";

export async function openBrain(brain: Brain, log: Log): Promise<void> {
  const began = performance.now();
  const { integrity, notes } = await brain.open();
  for (const { kind, file, detail, quarantine } of notes) {
    const level = kind === "damage" ? "error" : kind === "hand_edited" ? "warn" : "info";
    log(level, "recovery", { kind, file, detail, quarantine: quarantine ?? null });
  }
  const ms = () => Math.round(performance.now() - began);
  log("info", "ready", { memories: brain.stats.totalMemories, integrity, ms: ms() });
  const told = brain.wordsReady.then(
    () => log("info", "words_ready", { ms: ms() }),
    () => log("error", "words_failed", {}),
  );
  // Not beside the indexing of all words, which needs the memory that a backup needs.
  void told.then(() => brain.backups.start());
}
