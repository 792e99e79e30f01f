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
  const kept = await readId(folder);
  if (kept !== undefined && UUID.test(kept)) return kept;
  const id = newId();
  try {
    if (kept !== undefined) {
      log("the brain's id could not be read and is made anew; vectors under the old one stay");
      await folder.fs.remove(folder.brainId);
    }
    await writeId(folder, id);
  } catch {
    log("the brain's id cannot be kept: its vectors will be sent anew after the next start");
  }
  return id;
}

/** Undefined where there is none; something that is no id where it cannot be read. */
async function readId({ fs, brainId: path }: DataFolder): Promise<string | undefined> {
  try {
    if (!await fs.exists(path)) return undefined;
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of readPieces(fs, path, MOST_BYTES)) {
      text += decoder.decode(piece, { stream: true });
    }
    return text.trim();
  } catch {
    return "";
  }
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
