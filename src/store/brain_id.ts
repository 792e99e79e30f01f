/**
 * The id by which a brain's vectors are told from those of others in the same vector store. Made
 * once, when it is first wanted, and durable before it is used: so vectors under an id that nobody
 * knows any more are none of ours. A copy of the folder has the same id: while both run, each needs
 * a collection of its own.
 *
 *     6f1d1a52-8a0e-4a7b-9b52-0c2a4f3f7d11
 */
import type { DataFolder } from "./folder.ts";
import { readPieces, writeAll } from "./fs.ts";

const MOST_BYTES = 100;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Never throws: where an id cannot be kept, the one that is made lasts as long as the process. */
export async function brainId(
  folder: DataFolder,
  newId: () => string,
  log: (message: string) => void,
): Promise<string> {
  const id = newId();
  try {
    const kept = await readId(folder);
    if (kept !== undefined && UUID.test(kept)) return kept;
    if (kept !== undefined) {
      log(
        "brain.id holds no id; another is made, and vectors under the old one stay where they are",
      );
      await folder.fs.remove(folder.brainId);
    }
    await writeId(folder, id);
  } catch {
    // What cannot be read now is not removed: it may be read at the next start.
    log("brain.id cannot be read or written: for this run the vectors are sent under another id");
  }
  return id;
}

/** Undefined where there is none. */
async function readId({ fs, brainId: path }: DataFolder): Promise<string | undefined> {
  if (!await fs.exists(path)) return undefined;
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of readPieces(fs, path, MOST_BYTES)) {
    text += decoder.decode(piece, { stream: true });
  }
  return text.trim().toLowerCase();
}

async function writeId({ fs, root, brainId: path }: DataFolder, id: string): Promise<void> {
  const file = await fs.create(path);
  try {
    await writeAll(file, new TextEncoder().encode(id + "\n"));
    await file.sync();
  } finally {
    file.close();
  }
  await fs.syncFolder(root);
}
