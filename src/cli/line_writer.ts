/**
 * Writes lines to a stream that may be slow, stuck or closed at its other end, such as a log that
 * nobody collects: never in the way of whoever writes, never with more than a bounded rest waiting.
 */
const MOST_CHARACTERS = 1024 * 1024;

export interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

export class LineWriter {
  readonly #sink: Sink;
  readonly #onDropped: (lines: number) => void;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #characters = 0;
  #dropped = 0;
  #isClosed = false;
  #writing: Promise<void> | undefined;

  /** `onDropped` is told how many lines found no room, once there is room again. */
  constructor(sink: Sink, onDropped: (lines: number) => void) {
    this.#sink = sink;
    this.#onDropped = onDropped;
  }

  write(line: string): void {
    if (this.#isClosed) return;
    if (this.#characters + line.length > MOST_CHARACTERS) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#characters += line.length;
    this.#writing ??= this.#pump();
  }

  /** Waits until everything is written, though not for long. */
  async flush(mostMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, mostMs);
    await Promise.race([this.#writing, late]);
    clearTimeout(timer);
  }

  async #pump(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const bytes = this.#encoder.encode(this.#waiting.join(""));
        this.#waiting = [];
        for (let at = 0; at < bytes.length;) at += await this.#sink.write(bytes.subarray(at));
        this.#characters = this.#waiting.reduce((sum, line) => sum + line.length, 0);
        this.#tellDropped();
      }
    } catch {
      this.#isClosed = true; // Nobody is there to be told.
      this.#waiting = [];
    } finally {
      this.#writing = undefined;
    }
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    if (lines > 0) this.#onDropped(lines);
  }
}
