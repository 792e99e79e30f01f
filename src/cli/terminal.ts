/** What a command needs of the world around it, so that tests can be that world. */
export interface Terminal {
  readonly env: (name: string) => string | undefined;
  readonly out: (bytes: Uint8Array) => Promise<void>;
  /** A line for the person at the terminal. */
  readonly say: (line: string) => void;
  /** Undefined where nobody watches; rewrites its line. */
  readonly progress: ((line: string) => void) | undefined;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** What a GET is answered with, past any proxy that the environment names for `fetch`. */
  readonly statusOf: (url: string, signal: AbortSignal) => Promise<number>;
  /** The pieces of a file, or of standard input for `-`. */
  readonly readPieces: (path: string) => AsyncIterable<Uint8Array>;
  /** Writes a file that appears whole or not at all; an existing one is replaced. */
  readonly writeFile: (path: string, pieces: AsyncIterable<Uint8Array>) => Promise<void>;
}

/** A command that could not be carried out: one line, and exit 1 where nothing else is said. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What the system says of a file, for the person at the terminal. */
export function reasonOf(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  if (error instanceof Deno.errors.NotFound) return "there is no such file or folder";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not";
  if (error instanceof Deno.errors.NotCapable) return "this program may use its data folder only";
  if (error instanceof Deno.errors.BrokenPipe) return "the reader is gone";
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

/** Counts the bytes that pass by, and shows them while somebody watches. */
export async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  progress: Terminal["progress"],
  what: string,
): AsyncGenerator<Uint8Array> {
  let bytes = 0, shownAt = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes - shownAt > 256 * 1024) {
      progress?.(`${what} ${megabytes(bytes)}`);
      shownAt = bytes;
    }
    yield piece;
  }
  progress?.(`${what} ${megabytes(bytes)}\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
