/**
 * Writes all memories out, in the form that an import takes back: export, wipe, import and export
 * again, and the files differ only in their date. The memories are those of the moment it began.
 */
import { type Clock, timestamp } from "./clock.ts";
import type { ExportFolder, WrittenExport } from "./export_folder.ts";
import type { Indexer } from "./indexer.ts";
import { linePieces } from "./lines.ts";
import { type Access, type Entry, type Memory, NEVER_ACCESSED } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { Quota } from "./quota.ts";
import type { Held, State } from "./state.ts";
import type { Store } from "./store.ts";
import { plainNumbers } from "./vector_text.ts";

export const EXPORT_FORMAT = "second-brain-export/1";

export interface ExportRequest {
  readonly format: "json" | "ndjson";
  /** `own`: only vectors that clients sent, which no provider could make again. */
  readonly includeEmbeddings: boolean | "own";
}

export interface ExportStream {
  /** `export-20260131T120000000Z-….json` */
  readonly name: string;
  readonly total: number;
  readonly pieces: AsyncGenerator<Uint8Array>;
}

export interface HeldExport {
  /** RFC 3339. */
  readonly at: string;
  readonly total: number;
  readonly pieces: () => AsyncGenerator<Uint8Array>;
}

export interface ExportsOptions {
  readonly state: State;
  readonly store: Store;
  readonly indexer: Indexer;
  readonly folder: ExportFolder;
  readonly quota: Quota;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly version: string;
}

export class Exports {
  readonly #options: ExportsOptions;

  constructor(options: ExportsOptions) {
    this.#options = options;
  }

  stream(request: ExportRequest): ExportStream {
    const { at, total, pieces } = this.hold(request);
    const id = this.#options.newId().slice(-8);
    const name = `export-${at.replaceAll(/[-:.]/g, "")}-${id}.${request.format}`;
    return { name, total, pieces: pieces() };
  }

  /** The memories of this moment, to be written as often as one likes, byte for byte the same. */
  hold(request: ExportRequest): HeldExport {
    const { clock, state } = this.#options;
    const at = timestamp(clock);
    const held = state.held(), total = state.size;
    const pieces = () => {
      const lines = this.#lines(entriesOf(held), request);
      const isLines = request.format === "ndjson";
      return linePieces(isLines ? lines : this.#document(lines, at, total));
    };
    return { at, total, pieces };
  }

  /** Throws `insufficient_storage` where it would not fit the quota. */
  async toFile(request: ExportRequest): Promise<WrittenExport & { total_memories: number }> {
    const { folder, store, quota } = this.#options;
    const { name, total, pieces } = this.stream(request);
    const { memoriesBytes, journalBytes } = store.status();
    const giveBack = await quota.reserveFile(memoriesBytes + journalBytes);
    try {
      return { ...await folder.write(name, pieces), total_memories: total };
    } finally {
      giveBack();
    }
  }

  async *#document(lines: AsyncGenerator<string>, at: string, total: number) {
    const { version } = this.#options;
    const head = JSON.stringify({ format: EXPORT_FORMAT, exported_at: at, version });
    yield `${head.slice(0, -1)},"total_memories":${total},"memories":[`;
    let separator = "\n";
    for await (const line of lines) {
      yield separator + line.trimEnd();
      separator = ",\n";
    }
    yield "\n]}\n";
  }

  async *#lines(entries: AsyncIterable<Entry>, { includeEmbeddings }: ExportRequest) {
    for await (const { memory, access } of entries) {
      const embedding = includeEmbeddings === true
        ? await this.#vectorOf(memory)
        : includeEmbeddings === "own"
        ? memory.embedding
        : undefined;
      const { id, content, memory_type, importance_score, tags, metadata } = memory;
      const { created_at, updated_at } = memory;
      const { access_count, last_accessed_at } = access;
      // One order, whichever way the memory came in: the same memories give the same bytes.
      yield JSON.stringify({
        id,
        content,
        memory_type,
        importance_score,
        tags,
        metadata,
        created_at,
        updated_at,
        access_count,
        last_accessed_at,
        ...(embedding && { embedding: plainNumbers(embedding) }),
      }) + "\n";
    }
  }

  /** An import takes it for the memory's own: no one vector may stand for the chunks of a long text,
   * which are made again or remembered. */
  async #vectorOf(memory: Memory): Promise<Float32Array | undefined> {
    if (memory.embedding !== undefined) return memory.embedding;
    const vectors = await this.#options.indexer.serving.vectorsOf(memory);
    return vectors?.length === 1 ? vectors[0] : undefined;
  }
}

async function* entriesOf({ memories, readIds, accesses }: Held): AsyncGenerator<Entry> {
  const pace = new Pace();
  const accessOf = new Map<string, Access | undefined>();
  for (const [index, id] of readIds.entries()) {
    accessOf.set(id, accesses[index]);
    if (pace.due) await pace.breathe();
  }
  for (const memory of memories) {
    yield { memory, access: accessOf.get(memory.id) ?? NEVER_ACCESSED };
  }
}
