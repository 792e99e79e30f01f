/** Bytes on their way into a backup and out of it: counted, hashed, compressed. */
import { createHash } from "node:crypto";
import { Pace } from "../../pace.ts";
import { DamagedError } from "./sealing.ts";

const LINE_FEED = 10;
const PIECE_BYTES = 64 * 1024;
/** gzip makes up to a thousand bytes of one, all at once: 2 MiB of each of these. */
const PACKED_PIECE_BYTES = 2 * 1024;

export interface Measure {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  readonly lines: number;
}

/** Looks at what passes, and lets others run in between: all work on a backup goes by here. */
export class Meter {
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #lines = 0;
  #last = LINE_FEED;

  async *through(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const pace = new Pace();
    for await (const piece of sliced(pieces, PIECE_BYTES)) {
      if (pace.due) await pace.breathe();
      this.#hash.update(piece);
      this.#bytes += piece.length;
      for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) {
        this.#lines++;
      }
      this.#last = piece.at(-1) ?? this.#last;
      yield piece;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True where no line was cut short. */
  get endsWithLine(): boolean {
    return this.#last === LINE_FEED;
  }

  measured(): Measure {
    const sha256 = this.#hash.copy().digest("hex");
    return { bytes: this.#bytes, sha256, lines: this.#lines };
  }
}

export function packed(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return ReadableStream.from(owned(sliced(pieces, PIECE_BYTES)))
    .pipeThrough(new CompressionStream("gzip"));
}

/** Throws `DamagedError` where it is none, or makes more than `mostBytes`. */
export async function* unpacked(
  pieces: AsyncIterable<Uint8Array>,
  mostBytes: number,
): AsyncGenerator<Uint8Array> {
  let unread: { readonly error: unknown } | undefined;
  async function* read() {
    try {
      yield* owned(sliced(pieces, PACKED_PIECE_BYTES));
    } catch (error) {
      unread = { error };
      throw error;
    }
  }
  let bytes = 0;
  try {
    const plain = ReadableStream.from(read()).pipeThrough(new DecompressionStream("gzip"));
    for await (const piece of plain) {
      bytes += piece.length;
      if (bytes > mostBytes) throw new DamagedError("it holds more than it says");
      yield piece;
    }
  } catch (error) {
    // What fails may be what it is read from, and not how it was packed.
    if (unread !== undefined) throw unread.error;
    if (!(error instanceof TypeError)) throw error;
    throw new DamagedError("it cannot be unpacked", { cause: error });
  }
}

async function* sliced(pieces: AsyncIterable<Uint8Array>, size: number) {
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += size) yield piece.subarray(at, at + size);
  }
}

/** Streams of the platform take no bytes that several threads may share; ours never are. */
async function* owned(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const piece of pieces) {
    const { buffer } = piece;
    yield buffer instanceof ArrayBuffer
      ? new Uint8Array(buffer, piece.byteOffset, piece.byteLength)
      : new Uint8Array(piece);
  }
}
