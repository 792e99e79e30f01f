/** Text that becomes a file with a checksum in it. */
import { createHash } from "node:crypto";
import { type FileHandle, writeAll } from "./fs.ts";

/** What is read or written at once: as text still small enough for the part of the heap that is
 * cleaned often. */
export const PIECE_BYTES = 64 * 1024;

/** Text on its way to a file, summed up; one buffer for all of it, so that little is thrown away. */
export class SummedText {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  readonly #encoder = new TextEncoder();
  readonly #buffer = new Uint8Array(PIECE_BYTES);
  #used = 0;
  bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async add(text: string): Promise<void> {
    for (let rest = text; rest !== "";) {
      const { read, written } = this.#encoder.encodeInto(rest, this.#buffer.subarray(this.#used));
      this.#used += written;
      rest = rest.slice(read);
      if (rest !== "") await this.flush();
    }
  }

  async flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#hash.update(bytes);
    await writeAll(this.#file, bytes);
    this.bytes += bytes.length;
    this.#used = 0;
  }

  /** Of everything so far, hex. What is added afterwards is not summed up any more. */
  async sum(): Promise<string> {
    await this.flush();
    return this.#hash.copy().digest("hex");
  }
}
