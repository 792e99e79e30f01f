/** Port: where exports that stay with the brain are written, beside its data. */
export interface WrittenExport {
  /** The name under the data folder, such as `exports/export-….json`. */
  readonly file: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface ExportFolder {
  /**
   * Writes a new file, durably; a name that is taken is an error. Throws `insufficient_storage`.
   * With `verify` it appears under its name only once that has read it back without throwing.
   */
  write(
    name: string,
    content: AsyncIterable<Uint8Array>,
    verify?: (content: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<WrittenExport>;
  /** All files in it, ours or not, sorted by name; counts `bytes` anew. */
  list(): Promise<readonly { readonly name: string; readonly bytes: number }[]>;
  read(name: string): AsyncIterable<Uint8Array>;
  /** A file that is not there is no error. */
  remove(name: string): Promise<void>;
  /** What all files in it took when they were last looked at. */
  readonly bytes: number;
  /** What the disk has left beyond what must stay free; undefined where nobody knows. */
  freeBytes(): Promise<number | undefined>;
}
