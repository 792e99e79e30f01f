/** What a store on disk is given. */
import type { Clock } from "../clock.ts";
import type { DataFolder } from "./folder.ts";
import type { CorruptionPolicy } from "./integrity.ts";
import type { SpaceLimits } from "./space.ts";

export interface FileStoreOptions extends SpaceLimits {
  readonly folder: DataFolder;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly version: string;
  /** For humans: what the lock file says of its holder. */
  readonly holder: string;
  readonly onCorruption?: CorruptionPolicy;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}
