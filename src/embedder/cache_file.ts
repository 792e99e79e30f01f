/**
 * The file under the embedding cache: opened only if it is ours, whole and free, and moved aside
 * otherwise.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

const APPLICATION_ID = 0x5342_4543; // "SBEC"
const FORMAT = 1;
/** Larger files are not read through at start; a damaged page shows when it is met. */
const CHECKED_BYTES = 128 * 1024 * 1024;

export interface CacheFile {
  readonly db: DatabaseSync;
  /** The file and the journal beside it, open as long as `db` is: closing a second handle would
   * let go of SQLite's lock. Through these they are synced without holding up the program. */
  readonly main: Deno.FsFile;
  readonly wal: Deno.FsFile;
  readonly select: StatementSync;
  /** The row alone: the index knows it. */
  readonly find: StatementSync;
  readonly insert: StatementSync;
  readonly forget: StatementSync;
  readonly nextRows: StatementSync;
  readonly forgetRow: StatementSync;
  readonly served: StatementSync;
  readonly serve: StatementSync;
}

/** Opens the file, or makes it; throws where it cannot be used. */
export function openCacheFile(path: string): CacheFile {
  if (!existsSync(path)) closeSync(openSync(path, "wx", 0o600));
  if (!lstatSync(path).isFile()) throw new Error("not a regular file");
  chmodSync(path, 0o600);
  const db = new DatabaseSync(path);
  const handles: Deno.FsFile[] = [];
  const handle = (name: string) => {
    const file = Deno.openSync(name, { read: true, write: true });
    handles.push(file);
    return file;
  };
  try {
    // The process is alone with its data folder; so no shared-memory file is needed beside it.
    db.exec("PRAGMA locking_mode=EXCLUSIVE");
    prepareFormat(db);
    return {
      db,
      main: handle(path),
      wal: handle(`${path}-wal`),
      select: db.prepare("SELECT row, vector, crc FROM vectors WHERE key = ?"),
      find: db.prepare("SELECT row FROM vectors WHERE key = ?"),
      insert: db.prepare("INSERT OR REPLACE INTO vectors (key, vector, crc) VALUES (?, ?, ?)"),
      forget: db.prepare("DELETE FROM vectors WHERE key = ?"),
      nextRows: db.prepare("SELECT row FROM vectors WHERE row > ? ORDER BY row LIMIT 100"),
      forgetRow: db.prepare("DELETE FROM vectors WHERE row = ?"),
      served: db.prepare("SELECT model, dimensions, length FROM served"),
      serve: db.prepare(
        "INSERT OR REPLACE INTO served (id, model, dimensions, length) VALUES (1, ?, ?, ?)",
      ),
    };
  } catch (error) {
    db.close();
    for (const file of handles) file.close();
    throw error;
  }
}

export function closeCacheFile({ db, main, wal }: CacheFile): void {
  try {
    db.close();
  } finally {
    wal.close();
    letGo(main);
  }
}

/** As its last handle is closed, a large file that was deleted holds up whoever closes it, while the
 * disk takes back its room: another thread is to see to that before. */
function letGo(file: Deno.FsFile): void {
  if (file.statSync().nlink !== 0) return file.close();
  const emptied = file.truncate(0).catch(() => {
    // Then it is the closing that takes long.
  });
  void emptied.finally(() => file.close());
}

/** Whether the open file is the one at the path; true also where nobody can tell. */
export function isInPlace(path: string, { main }: CacheFile): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.ino === main.statSync().ino;
  } catch {
    return true;
  }
}

/** Makes an empty file ours; throws for one that is somebody else's, newer or damaged. */
function prepareFormat(db: DatabaseSync): void {
  const fresh = pragma(db, "page_count") === 0;
  if (
    !fresh && (pragma(db, "application_id") !== APPLICATION_ID ||
      pragma(db, "user_version") !== FORMAT)
  ) throw new Error("not an embedding cache");
  // Only an empty file takes this; it lets the file shrink.
  if (fresh) db.exec("PRAGMA auto_vacuum=INCREMENTAL");
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0");
  if (fresh) {
    db.exec(`BEGIN IMMEDIATE;
      CREATE TABLE vectors (
        row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, vector BLOB NOT NULL, crc INTEGER NOT NULL
      ) STRICT;
      PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${FORMAT}; COMMIT`);
  }
  // Takes the lock now, so that a locked file shows here. The table came later than the format,
  // which it leaves as it is: a program that does not know it has no use for it.
  db.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS served (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      model TEXT NOT NULL, dimensions INTEGER, length INTEGER NOT NULL
    ) STRICT; COMMIT`);
  if (pragma(db, "page_count") * pragma(db, "page_size") > CHECKED_BYTES) return;
  const check = db.prepare("PRAGMA quick_check(1)").get();
  if (check?.["quick_check"] !== "ok") throw new Error("damaged");
}

/** Moves the file and what SQLite keeps beside it to the quarantine, if there is one. */
export function setAside(path: string, quarantineFolder: string, now: Date): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  mkdirSync(quarantineFolder, { recursive: true, mode: 0o700 });
  const name = basename(path);
  for (const old of readdirSync(quarantineFolder)) {
    // Nothing in a cache is worth keeping twice.
    if (old.includes(`Z-${name}`)) {
      rmSync(join(quarantineFolder, old), { recursive: true, force: true });
    }
  }
  const time = now.toISOString().replaceAll(/[-:]/g, "");
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    if (lstatSync(path + suffix, { throwIfNoEntry: false }) === undefined) continue;
    renameSync(path + suffix, join(quarantineFolder, `${time}-${name}${suffix}`));
  }
}

type Pragma = "page_count" | "page_size" | "freelist_count" | "application_id" | "user_version";

/** A number that SQLite keeps about the file. */
export function pragma(db: DatabaseSync, name: Pragma): number {
  const value = db.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : 0;
}
