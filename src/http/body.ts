/**
 * Request bodies: read within a size and a time, and as what they say they are. Nothing is parsed
 * before it is known to be small enough.
 */
import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";
import { joinBytes } from "../lines.ts";

export interface BodyLimits {
  readonly bytes: number;
  /** How long the sender may take: for the whole body, or for each piece of a stream. */
  readonly ms: number;
}

/** The body's media type in lower case, without parameters; undefined where there is no body. */
export function mediaType(request: Request): string | undefined {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  return type === "" ? undefined : type;
}

/** Throws `unsupported_media_type`. */
export function requireMediaType(request: Request, allowed: readonly string[]): string {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw new AppError(
      "unsupported_media_type",
      `Cannot read the body: the content encoding "${printable(encoding)}" is not supported; ` +
        "send it plain",
    );
  }
  const type = mediaType(request);
  if (type !== undefined && allowed.includes(type)) return type;
  throw new AppError(
    "unsupported_media_type",
    `Cannot read the body: its content type is ${
      type === undefined ? "missing" : `"${printable(type)}"`
    }; send ${allowed.join(" or ")}`,
  );
}

/** A header as it may stand in a message. */
function printable(text: string): string {
  return text.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, "?");
}

/** The pieces of the body, each within the time, all within the size. */
async function* bodyPieces(
  request: Request,
  { bytes, ms }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  requireLength(request, bytes);
  const reader = request.body?.getReader();
  if (reader === undefined) return;
  let size = 0;
  try {
    while (true) {
      const { done, value } = await withinTime(reader.read(), ms);
      if (done) return;
      size += value.length;
      if (size > bytes) throw tooLarge(bytes);
      yield value;
    }
  } finally {
    // The rest of a body that is refused is not waited for.
    reader.cancel().catch(() => {}); // The sender may be gone already.
  }
}

/** A body that is read piece by piece, and remembered by its hash. */
export class StreamedBody {
  readonly pieces: AsyncGenerator<Uint8Array>;
  readonly #hash = createHash("sha256");

  constructor(request: Request, limits: BodyLimits) {
    this.pieces = this.#hashed(bodyPieces(request, limits));
  }

  async *#hashed(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      this.#hash.update(piece);
      yield piece;
    }
  }

  /** Reads what nobody has read yet. */
  async readOn(): Promise<void> {
    for await (const _ of this.pieces);
  }

  /** Of what was read so far. */
  get digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** A length that is announced is believed where it is too large: nothing is read then. */
function requireLength(request: Request, most: number): void {
  if (Number(request.headers.get("content-length") ?? 0) > most) throw tooLarge(most);
}

function tooLarge(most: number): AppError {
  return new AppError("too_large", `Cannot read the body: it is larger than ${most} bytes`);
}

async function withinTime<T>(read: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new AppError("request_timeout", "Cannot read the body: it took too long to come")),
    ms,
  );
  try {
    return await Promise.race([read, late]);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // The sender left in the middle: nobody reads the reply, and it is no fault of ours.
    throw new AppError("malformed", "Cannot read the body: the connection broke", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The whole body as text. Throws `too_large`, `request_timeout`, `malformed` (not UTF-8). */
export async function readText(request: Request, limits: BodyLimits): Promise<string> {
  const parts: Uint8Array[] = [];
  const deadline = performance.now() + limits.ms;
  for await (const piece of bodyPieces(request, limits)) {
    parts.push(piece);
    if (performance.now() > deadline) {
      throw new AppError("request_timeout", "Cannot read the body: it took too long to come");
    }
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(joinBytes(parts));
  } catch {
    throw new AppError("malformed", "Cannot read the body: it is not UTF-8");
  }
}
