/** A file of float32 vectors, read one at a time, so that nobody but the engine holds them. */
import { closeSync, openSync, readSync } from "node:fs";

export class VectorFile {
  readonly #file: number;
  readonly #dimensions: number;

  constructor(path: string, dimensions: number) {
    this.#file = openSync(path, "r");
    this.#dimensions = dimensions;
  }

  vector(number: number): Float32Array<ArrayBuffer> {
    const vector = new Float32Array(this.#dimensions);
    const bytes = new Uint8Array(vector.buffer);
    const read = readSync(this.#file, bytes, 0, bytes.length, number * bytes.length);
    if (read !== bytes.length) throw new Error(`Cannot read: there is no vector ${number}`);
    return vector;
  }

  close(): void {
    closeSync(this.#file);
  }
}
