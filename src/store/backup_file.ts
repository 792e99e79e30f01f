/**
 * One file that holds a whole brain: an export, a backup, or a snapshot of ours under any name.
 * Either all of it is good, or it is refused.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { parseBackupName } from "../backup_name.ts";
import { AppError } from "../errors.ts";
import { isLinesName, readExport } from "../export_reader.ts";
import type { RecordDefaults } from "../import_record.ts";
import type { Change } from "../memory.ts";
import { type FileSystem, readPieces } from "./fs.ts";
import { refuseNewer } from "./journal.ts";
import { futureFormat, loadSnapshot } from "./snapshot.ts";

/**
 * Hands out what the file holds, as the changes that bring it about, and returns the number of its
 * memories. Throws `AppError` where not all of it is good; then nothing that was handed out counts.
 */
export async function readBackupFile(
  fs: FileSystem,
  path: string,
  defaults: RecordDefaults,
  apply: (change: Change) => void,
): Promise<number> {
  const format = await futureFormat(fs, path);
  if (format !== undefined) refuseNewer(format);
  if (await isSnapshot(fs, path)) return await readSnapshotFile(fs, path, apply);
  const hash = createHash("sha256");
  const pieces = hashed(readPieces(fs, path), hash);
  const count = await readExport(
    pieces,
    isLinesName(path),
    defaults,
    (entry) => apply({ op: "put", ...entry, existing: true }),
  );
  const said = parseBackupName(basename(path))?.sum;
  if (said === undefined || hash.digest("hex").startsWith(said)) return count;
  throw new AppError(
    "invalid",
    "Cannot take the backup: its bytes are not those that its name tells, so it was damaged or " +
      "changed; to take it as it is, give it another name",
  );
}

async function readSnapshotFile(
  fs: FileSystem,
  path: string,
  apply: (change: Change) => void,
): Promise<number> {
  const snapshot = await loadSnapshot(fs, path);
  if (snapshot === undefined) {
    throw new AppError(
      "invalid",
      "Cannot take the snapshot: its checksum is not that of what is in it, so it was damaged, " +
        "cut off or changed by hand",
    );
  }
  for (const entry of snapshot.entries) apply({ op: "put", ...entry, existing: true });
  for (const receipt of snapshot.receipts) apply({ op: "receipt", receipt });
  return snapshot.entries.length;
}

async function isSnapshot(fs: FileSystem, path: string): Promise<boolean> {
  for await (const piece of readPieces(fs, path, 256)) {
    return /^\s*\{\s*"format"\s*:\s*"second-brain\/\d+"/.test(new TextDecoder().decode(piece));
  }
  return false;
}

async function* hashed(pieces: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}
