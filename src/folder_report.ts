/** What `second-brain verify` found: plain values, to be printed for people or as JSON. */

/** Something that was met; `damage` is what could not be used, the rest is for your information. */
export interface Finding {
  readonly kind: "damage" | "torn_tail" | "hand_edited" | "rolled_back_import" | "noted_before";
  /** Relative to the data folder. */
  readonly file: string;
  readonly detail: string;
}

/** A backup, or another export. */
export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
  /** Null where it cannot be read. */
  readonly memories: number | null;
  /** What is wrong with it; null where nothing is. */
  readonly fault: string | null;
}

export interface FolderReport {
  readonly folder: string;
  /** Every byte that is needed can be read, and every backup as well. */
  readonly sound: boolean;
  /** What a start would come up with. */
  readonly memories: number;
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  readonly findings: readonly Finding[];
  readonly backups: readonly BackupReport[];
}
