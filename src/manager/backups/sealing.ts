/**
 * The data of a backup, sealed so that a change, a cut, a swap and a continuation are all noticed,
 * in memory for two chunks, however large it is.
 *
 * A head of 48 bytes, then chunks of 65,536 bytes of plain text and a tag of 16; the last is
 * shorter, or empty where there is nothing in it at all:
 *
 *     53 42 42 41 43 4b 31 0a      "SBBACK1\n"
 *     9f 1c 0e 77 a2 44 d0 3b      the key's id
 *     <32 random bytes>            the salt
 *     <chunk 0> <chunk 1> … <last chunk>
 *
 * AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015), laid out as Tink's
 * AES-GCM-HKDF streaming: the nonce of a chunk is 7 bytes of prefix, its number in 4 bytes, big
 * end first, and a byte that is 1 for the last chunk alone. Key and prefix are derived from the
 * operator's key by the salt and by whose backup it is: in another's place, nothing can be opened.
 */
import { joinBytes } from "../../lines.ts";
import type { BackupKeys } from "./keys.ts";

const MAGIC = new TextEncoder().encode("SBBACK1\n");
const KEY_ID_BYTES = 8;
const SALT_BYTES = 32;
const HEAD_BYTES = MAGIC.length + KEY_ID_BYTES + SALT_BYTES;
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const PREFIX_BYTES = 7;
const MOST_CHUNKS = 2 ** 32;

/** Says that what lies there is not what was put there, or not for whom it is taken. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

interface ChunkCipher {
  readonly key: CryptoKey;
  readonly prefix: Uint8Array;
}

/** `context` says whose it is. The salt must be fresh: it makes the nonces unique. */
export async function* seal(
  pieces: AsyncIterable<Uint8Array>,
  keys: BackupKeys,
  context: string,
  salt: Uint8Array,
): AsyncGenerator<Uint8Array> {
  if (salt.length !== SALT_BYTES) throw new Error("Cannot seal: the salt is too short");
  const key = keys.first;
  const head = joinBytes([MAGIC, Uint8Array.fromHex(key.id), salt]);
  const cipher = await cipherOf(key.derive(salt, contextOf(head, context), 32 + PREFIX_BYTES));
  yield head;
  let number = 0;
  for await (const { bytes, isLast } of chunksOf(pieces, CHUNK_BYTES)) {
    const iv = nonceOf(cipher, number++, isLast);
    yield new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, cipher.key, bytes));
  }
}

/**
 * The plain bytes; each piece is good, and only the end says that there was no more. Throws
 * `DamagedError`, and `ManagerError` where the key is not among ours.
 */
export async function* unseal(
  pieces: AsyncIterable<Uint8Array>,
  keys: BackupKeys,
  context: string,
): AsyncGenerator<Uint8Array> {
  const parts = headAndRest(pieces);
  const { value: head } = await parts.next();
  if (head?.length !== HEAD_BYTES || !MAGIC.every((byte, i) => byte === head[i])) {
    await parts.return(undefined);
    throw new DamagedError("its head is not that of a backup");
  }
  const saltAt = MAGIC.length + KEY_ID_BYTES;
  const key = keys.find(head.subarray(MAGIC.length, saltAt).toHex());
  const derived = key.derive(head.subarray(saltAt), contextOf(head, context), 32 + PREFIX_BYTES);
  const cipher = await cipherOf(derived);
  let number = 0;
  for await (const { bytes, isLast } of chunksOf(parts, CHUNK_BYTES + TAG_BYTES)) {
    yield await opened(cipher, number++, bytes, isLast);
  }
}

async function opened(
  cipher: ChunkCipher,
  number: number,
  bytes: Uint8Array<ArrayBuffer>,
  isLast: boolean,
): Promise<Uint8Array> {
  const iv = nonceOf(cipher, number, isLast);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, cipher.key, bytes));
  } catch (error) {
    throw new DamagedError(`chunk ${number} does not open`, { cause: error });
  }
}

/** The head goes in as well: none of its bytes can be changed. */
function contextOf(head: Uint8Array, context: string): string {
  return `second-brain-backup/1 data ${head.toHex()} ${context}`;
}

async function cipherOf(derived: Uint8Array<ArrayBuffer>): Promise<ChunkCipher> {
  const raw = derived.slice(0, 32);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  return { key, prefix: derived.subarray(32) };
}

function nonceOf({ prefix }: ChunkCipher, number: number, isLast: boolean) {
  if (number >= MOST_CHUNKS) throw new Error("Cannot seal: there are too many chunks");
  const nonce = new Uint8Array(PREFIX_BYTES + 4 + 1);
  nonce.set(prefix);
  new DataView(nonce.buffer).setUint32(PREFIX_BYTES, number);
  nonce[PREFIX_BYTES + 4] = isLast ? 1 : 0;
  return nonce;
}

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isLast: boolean;
}

/** Chunks of `size`, the last of up to it; one that is empty where there are no bytes at all. */
async function* chunksOf(
  pieces: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Chunk> {
  let chunk = new Uint8Array(size);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      // Only now it is known that it was not the last one.
      if (filled === size) {
        yield { bytes: chunk, isLast: false };
        chunk = new Uint8Array(size);
        filled = 0;
      }
      const part = piece.subarray(at, at + size - filled);
      chunk.set(part, filled);
      filled += part.length;
      at += part.length;
    }
  }
  yield { bytes: chunk.subarray(0, filled), isLast: true };
}

/** First the head alone, then everything else as it comes; less than a head where there is no more. */
async function* headAndRest(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = new Uint8Array();
  for await (const piece of pieces) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = joinBytes([head, piece]);
    if (head.length < HEAD_BYTES) continue;
    yield head.slice(0, HEAD_BYTES);
    yield head.subarray(HEAD_BYTES);
    head = undefined;
  }
  if (head !== undefined) yield head;
}
