/** Port: where exports that stay with the brain are written, beside its data. */
export interface WrittenExport {
  /** The name under the data folder, such as `exports/export-….json`. */
  readonly file: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface ExportFolder {
  /** Writes a new file, durably; a name that is taken is an error. Throws `insufficient_storage`. */
  write(name: string, content: AsyncIterable<Uint8Array>): Promise<WrittenExport>;
  /** What all files in it take. */
  readonly bytes: number;
}
