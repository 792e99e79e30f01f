/**
 * The operator's keys, and what is derived from them (HKDF-SHA-256, RFC 5869): no key encrypts
 * anything itself, and what is derived for one purpose says nothing about the others.
 */
import { createHmac, hkdfSync } from "node:crypto";
import { ManagerError } from "../errors.ts";

const KEY_BYTES = 32;
const MOST_KEYS = 32;

export interface BackupKey {
  /** 16 hex characters. Derived, so that nobody has to number keys; it may be shown. */
  readonly id: string;
  /** `bytes` fresh ones for this salt and context. */
  derive(salt: Uint8Array, context: string, bytes: number): Uint8Array<ArrayBuffer>;
  /** Hex, of a manifest. */
  mac(text: string): string;
}

export class BackupKeys {
  /** For new backups. */
  readonly first: BackupKey;
  readonly #byId: ReadonlyMap<string, BackupKey>;

  constructor(keys: readonly Uint8Array[]) {
    const all = keys.map(keyOf);
    const [first] = all;
    if (first === undefined) throw new Error("Cannot keep backups: there is no key");
    this.first = first;
    this.#byId = new Map(all.map((key) => [key.id, key]));
  }

  /** Throws `backup_failed` for one that we were not given. */
  find(id: string): BackupKey {
    const key = this.#byId.get(id);
    if (key !== undefined) return key;
    throw new ManagerError(
      "backup_failed",
      `Cannot read the backup: it was made with the key "${id}", which is not among ours; ` +
        "add that key to the file of keys, below the first",
    );
  }
}

/**
 * The file of keys: one a line, 32 bytes as base64 (`openssl rand -base64 32`); empty lines and
 * such beginning with `#` are passed over. The first is for new backups; the others stay as long
 * as there are backups made with them. Throws what names the line, and never what is in it.
 */
export function parseBackupKeys(text: string): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const word = line.trim();
    if (word === "" || word.startsWith("#")) continue;
    const key = /^[A-Za-z0-9+/]{43}=$/.test(word) ? Uint8Array.fromBase64(word) : undefined;
    if (key?.length !== KEY_BYTES) {
      throw new Error(`Cannot read the backup keys: line ${index + 1} is not 32 bytes as base64`);
    }
    keys.push(key);
  }
  if (keys.length === 0 || keys.length > MOST_KEYS) {
    throw new Error(`Cannot read the backup keys: there must be 1 to ${MOST_KEYS}`);
  }
  return keys;
}

function keyOf(secret: Uint8Array): BackupKey {
  if (secret.length !== KEY_BYTES) {
    throw new Error(`Cannot keep backups: a key has ${secret.length} bytes, not ${KEY_BYTES}`);
  }
  const derive = (salt: Uint8Array, context: string, bytes: number) =>
    new Uint8Array(hkdfSync("sha256", secret, salt, context, bytes));
  const none = new Uint8Array();
  const macKey = derive(none, "second-brain-backup/1 manifest", KEY_BYTES);
  return {
    id: derive(none, "second-brain-backup/1 key id", 8).toHex(),
    derive,
    mac: (text) => createHmac("sha256", macKey).update(text).digest("hex"),
  };
}
