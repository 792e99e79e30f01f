/** A backup sink in memory, whose calls can be made to fail and whose bytes can be meddled with. */
import { type BackupSink, type SinkEntry, SinkError } from "../../src/manager/backup_sink.ts";
import { joinBytes } from "../../src/lines.ts";

export type SinkCall = "put" | "read" | "list" | "delete";

export interface RamSinkOptions {
  readonly now?: () => number;
  /** Asked before every call, and for `put` again when all has come but is not there yet. */
  readonly fault?: (call: SinkCall, name: string) => SinkError["fault"] | undefined;
  /** What is read comes in pieces of so many bytes. */
  readonly pieceBytes?: number;
}

export class RamSink implements BackupSink {
  /** By name; for tests to look into, and to change. */
  readonly files = new Map<string, { bytes: Uint8Array; writtenAt: number }>();
  fault: RamSinkOptions["fault"];
  readonly #now: () => number;
  readonly #pieceBytes: number;

  constructor({ now = () => 0, fault, pieceBytes = 1024 }: RamSinkOptions = {}) {
    this.#now = now;
    this.fault = fault;
    this.#pieceBytes = pieceBytes;
  }

  async put(
    name: string,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<SinkEntry> {
    this.#mayFail("put", name, signal);
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) {
      signal.throwIfAborted();
      parts.push(piece.slice());
    }
    this.#mayFail("put", name, signal);
    const entry = { bytes: joinBytes([...parts, new Uint8Array()]), writtenAt: this.#now() };
    this.files.set(name, entry);
    return { name, bytes: entry.bytes.length, writtenAt: entry.writtenAt };
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#mayFail("read", name, signal);
    const file = this.files.get(name);
    if (file === undefined) throw new SinkError("missing", "Cannot read: there is no such stream");
    for (let at = 0; at < file.bytes.length; at += this.#pieceBytes) {
      await Promise.resolve();
      signal.throwIfAborted();
      yield file.bytes.slice(at, at + this.#pieceBytes);
    }
  }

  list(prefix: string, signal: AbortSignal): Promise<readonly SinkEntry[]> {
    return Promise.try(() => {
      this.#mayFail("list", prefix, signal);
      return [...this.files].filter(([name]) => name.startsWith(prefix))
        .map(([name, { bytes, writtenAt }]) => ({ name, bytes: bytes.length, writtenAt }))
        .toSorted((a, b) => a.name < b.name ? -1 : 1);
    });
  }

  delete(name: string, signal: AbortSignal): Promise<void> {
    return Promise.try(() => {
      this.#mayFail("delete", name, signal);
      this.files.delete(name);
    });
  }

  #mayFail(call: SinkCall, name: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    const fault = this.fault?.(call, name);
    if (fault !== undefined) throw new SinkError(fault, `Cannot ${call}: made to fail`);
  }
}
