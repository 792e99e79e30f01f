/** Whether a backup that was just written is the one that was meant, and can be put back. */
import { type Digest, digested } from "./backup_digest.ts";
import { readExport } from "./export_reader.ts";

/** Throws unless the bytes are those that were meant, and every memory is one that comes back. */
export async function checkBackup(
  read: AsyncIterable<Uint8Array>,
  total: number,
  { sha256 }: Digest,
  signal: AbortSignal,
): Promise<void> {
  let found: Digest | undefined;
  const pieces = digested(read, signal, (digest) => found = digest);
  const newId = () => {
    throw new Error("Cannot keep a backup: a record in it has no id");
  };
  const count = await readExport(pieces, false, { newId, now: "" }, () => {});
  if (count === total && found?.sha256 === sha256) return;
  throw new Error("Cannot keep a backup: it reads back differently");
}
