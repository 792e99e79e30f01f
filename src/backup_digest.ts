/** Bytes as they pass by: what they hash to, and when to stop. */
import { createHash } from "node:crypto";

const LINE_FEED = 10;

export interface Digest {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Of what stands behind the first line, which holds the time: the same for the same memories. */
  readonly content: string;
}

/** Passes an export on, unless it is aborted; at its end `done` is told what it was. */
export async function* digested(
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  done: (digest: Digest) => void,
): AsyncGenerator<Uint8Array> {
  const whole = createHash("sha256"), content = createHash("sha256");
  let bytes = 0, isHead = true;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    whole.update(piece);
    bytes += piece.length;
    const cut = isHead ? piece.indexOf(LINE_FEED) : 0;
    if (cut >= 0) {
      content.update(piece.subarray(cut));
      isHead = false;
    }
    yield piece;
  }
  done({ bytes, sha256: whole.digest("hex"), content: content.digest("hex") });
}

/** Reads to the end, for the digest alone. */
export async function digestOf(
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Digest> {
  let found: Digest | undefined;
  for await (const _ of digested(pieces, signal, (digest) => found = digest));
  if (found === undefined) throw new Error("Cannot tell a digest: the reading ended early");
  return found;
}
