/** What an import would do: read, judged and counted, with nothing changed yet. */
import { z } from "zod";
import { AppError, type FieldError, jsonPointer } from "./errors.ts";
import {
  type ImportRecord,
  memoryOf,
  parseImportRecord,
  type RecordFault,
  userOf,
} from "./import_record.ts";
import { parseJson } from "./json.ts";
import { type Access, type Memory, NEVER_ACCESSED } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { RawRecord } from "./record_stream.ts";
import type { State } from "./state.ts";

export interface ImportOptions {
  readonly onConflict: "skip" | "overwrite" | "newest" | "error";
  readonly onError: "abort" | "skip";
  readonly dryRun: boolean;
  readonly userId?: string | undefined;
}

export const importReportSchema = z.strictObject({
  imported: z.int().min(0),
  updated: z.int().min(0),
  skipped: z.int().min(0).meta({
    description: "Left as they were: taken ids, doubles in the file, records of other users.",
  }),
  failed: z.int().min(0),
  errors: z.array(z.strictObject({
    index: z.int().min(0).meta({ description: "Which record, counted from 0." }),
    id: z.string().nullable(),
    reason: z.string(),
  })).meta({ description: "The first 100." }),
  dry_run: z.boolean(),
}).meta({ id: "ImportReport" });

export type ImportReport = z.infer<typeof importReportSchema>;

export interface DraftOptions {
  readonly state: State;
  readonly newId: () => string;
  /** RFC 3339: what records without times get. */
  readonly now: string;
  /** The length that vectors must have, now; undefined while any will do. */
  readonly vectorLength: () => number | undefined;
  /** True where the process has hardly any memory left: a large import must end before it does. */
  readonly memoryShort: () => boolean;
}

/** Without `access`, how often a memory that is there was read stays as it is. */
interface DraftedEntry {
  readonly memory: Memory;
  readonly access: Access | undefined;
  /** What it takes the place of. */
  readonly before?: Memory;
}

interface Drafted {
  readonly entry: DraftedEntry;
  readonly index: number;
  /** True where the record says when it was created. */
  readonly isDated: boolean;
}

const MOST_ERRORS = 100;
/** An id that is none may be of any length; a report is not. */
const MOST_ID_CHARACTERS = 100;

/** What an import would do, as far as it has been read. */
export class ImportDraft {
  readonly #deps: DraftOptions;
  readonly #options: ImportOptions;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #errors: FieldError[] = [];
  #vectorLength: number | undefined;
  #index = -1;
  #failed = 0;
  #conflicts = 0;
  #skipped = 0;
  #imported = 0;
  #updated = 0;
  /** By id, in the order of the file. */
  readonly #drafted = new Map<string, Drafted>();
  bytes = 0;

  constructor(deps: DraftOptions, options: ImportOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#vectorLength = deps.vectorLength();
  }

  async read(records: AsyncIterable<readonly RawRecord[]>): Promise<void> {
    const pace = new Pace();
    for await (const some of records) {
      for (const record of some) {
        this.#index++;
        this.#take(record);
        if (!pace.due) continue;
        await pace.breathe();
        if (this.#deps.memoryShort()) {
          throw new AppError(
            "insufficient_storage",
            "Cannot import: the process is short of memory; import in parts, or give it more",
          );
        }
      }
    }
  }

  #take({ key, bytes }: RawRecord): void {
    if (bytes === undefined) return this.#fault(null, { path: [], reason: "is too large" });
    try {
      const value = parseJson(this.#decoder.decode(bytes));
      const { userId } = this.#options;
      if (userId !== undefined && userOf(value) !== userId) {
        this.#skipped++;
        return;
      }
      const parsed = parseImportRecord(value, key);
      const given = typeof value === "object" && value !== null && "id" in value
        ? value["id"]
        : key ?? null;
      const name = typeof given === "string" ? given.slice(0, MOST_ID_CHARACTERS) : null;
      if ("fault" in parsed) this.#fault(name, parsed.fault);
      else this.#add(parsed.record, bytes.length);
    } catch (error) {
      this.#fault(key?.slice(0, MOST_ID_CHARACTERS) ?? null, {
        path: [],
        reason: unreadable(error),
      });
    }
  }

  #add(record: ImportRecord, bytes: number): void {
    const entry = this.#entryOf(record);
    const { id, embedding } = entry.memory;
    if (embedding !== undefined) {
      this.#vectorLength ??= embedding.length;
      const reason = lengthFault(embedding, this.#vectorLength);
      if (reason !== undefined) return this.#fault(id, { path: ["embedding"], reason });
    }
    const earlier = this.#drafted.get(id);
    const isDated = record.created_at !== undefined;
    const drafted = { entry, index: this.#index, isDated };
    if (earlier !== undefined && !this.#replaces(drafted, earlier.entry)) return;
    // What is there already and stays need not be held until the end of a long file.
    const { onConflict } = this.#options;
    if (onConflict === "skip" && this.#deps.state.get(id) !== undefined) {
      this.#skipped++;
      return;
    }
    if (earlier !== undefined) this.#skipped++;
    this.#drafted.set(id, drafted);
    this.bytes += bytes;
  }

  #entryOf(record: ImportRecord): DraftedEntry {
    return { memory: memoryOf(record, this.#deps), access: accessOf(record) };
  }

  /** Whether a record takes the place of what has its id; if not, it is counted as what it is. */
  #replaces({ entry, index }: Drafted, existing: Pick<DraftedEntry, "memory">): boolean {
    const { onConflict } = this.#options;
    if (onConflict === "overwrite") return true;
    if (onConflict === "newest" && entry.memory.updated_at > existing.memory.updated_at) {
      return true;
    }
    if (onConflict === "error") {
      this.#conflicts++;
      this.#fault(entry.memory.id, { path: ["id"], reason: "is taken" }, index);
    } else this.#skipped++;
    return false;
  }

  /** To be called while the ids are held: decides what happens to those that exist. */
  async settleConflicts(): Promise<void> {
    const { state } = this.#deps;
    const length = this.#deps.vectorLength();
    const pace = new Pace();
    for (const [id, drafted] of this.#drafted) {
      if (pace.due) await pace.breathe();
      const memory = state.get(id);
      // Another writer may have set the length of all vectors while the file was being read.
      const reason = lengthFault(drafted.entry.memory.embedding, length);
      if (reason !== undefined) {
        this.#fault(id, { path: ["embedding"], reason }, drafted.index);
        this.#drafted.delete(id);
        continue;
      }
      if (memory === undefined) {
        this.#imported++;
        this.#drafted.set(id, withAccess(drafted));
      } else if (this.#replaces(drafted, { memory })) {
        this.#updated++;
        this.#drafted.set(id, inPlaceOf(memory, drafted));
      } else this.#drafted.delete(id);
    }
  }

  #fault(id: string | null, { path, reason }: RecordFault, index = this.#index): void {
    this.#failed++;
    if (this.#errors.length >= MOST_ERRORS) return;
    const field = path.map(String).join(".");
    const message = field === "" ? reason : `${field} ${reason}`;
    this.#errors.push({ path: jsonPointer([index, ...path]), message, index, id, reason: message });
  }

  get hasVectors(): boolean {
    return this.#vectorLength !== undefined;
  }

  /** Those that the import may write: an id that it leaves alone is soon none of them. */
  get ids(): Pick<ReadonlySet<string>, "has"> {
    return this.#drafted;
  }

  *entries(): Generator<DraftedEntry> {
    for (const { entry } of this.#drafted.values()) yield entry;
  }

  /** Throws where a bad record is to end it all. */
  requireGood(): void {
    if (this.#failed === 0 || this.#options.onError === "skip") return;
    const only = this.#conflicts === this.#failed;
    throw new AppError(
      only ? "conflict" : "invalid",
      `Cannot import: ${this.#failed} of ${this.#index + 1} records ` +
        `${only ? "have an id that is taken" : "are not valid"}; nothing was imported`,
      { errors: this.#inOrder() },
    );
  }

  #inOrder() {
    return this.#errors.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0));
  }

  report(): ImportReport {
    return {
      imported: this.#imported,
      updated: this.#updated,
      skipped: this.#skipped,
      failed: this.#failed,
      errors: this.#inOrder().map(({ index = 0, id = null, reason = "" }) => ({
        index,
        id,
        reason,
      })),
      dry_run: this.#options.dryRun,
    };
  }
}

function lengthFault(embedding: Float32Array | undefined, length: number | undefined) {
  if (embedding === undefined || length === undefined || embedding.length === length) {
    return undefined;
  }
  return `has ${embedding.length} numbers, the index holds vectors of ${length}`;
}

function accessOf({ access_count, last_accessed_at }: ImportRecord): Access | undefined {
  if (access_count === undefined && last_accessed_at === undefined) return undefined;
  return { access_count: access_count ?? 0, last_accessed_at: last_accessed_at ?? null };
}

/** A memory that is new says how often it was read, and be it never: replay relies on it. */
function withAccess(drafted: Drafted): Drafted {
  const { memory, access = NEVER_ACCESSED } = drafted.entry;
  return { ...drafted, entry: { memory, access } };
}

/** What a record does not say of a memory that is there already stays: it did not come anew. */
function inPlaceOf(before: Memory, drafted: Drafted): Drafted {
  const { memory, access } = drafted.entry;
  const created_at = drafted.isDated ? memory.created_at : before.created_at;
  return { ...drafted, entry: { memory: { ...memory, created_at }, access, before } };
}

function unreadable(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (error instanceof TypeError) return "is not UTF-8";
  throw error;
}
