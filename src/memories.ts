/**
 * The memories: create, read, update, delete. Every write is checked against the state under the
 * memory's lock, made durable, applied, and only then answered.
 */
import type { Accesses } from "./accesses.ts";
import { type Clock, timestamp } from "./clock.ts";
import { AppError } from "./errors.ts";
import type { Idempotency, Retriable, Seal } from "./idempotency.ts";
import type { Indexer } from "./indexer.ts";
import type { Locks } from "./locks.ts";
import { DEFAULTS, type Entry, type Made, type Memory, NEVER_ACCESSED, sizeOf } from "./memory.ts";
import {
  type MemoryFields,
  type MemoryPatch,
  patchedFields,
  withFields,
} from "./memories/fields.ts";
import { meanDirection } from "./memories/mean_direction.ts";
import type { Quota } from "./quota.ts";
import type { SameTexts } from "./same_texts.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

/** What a client may say of a new memory; what it leaves out is the service's to choose. */
export interface NewMemory extends Partial<Omit<Memory, "content" | "updated_at">> {
  readonly content: string;
}

/** Whether a write may go on with the memory as it is; false is a failed `If-Match`. */
export type Precondition = (memory: Memory) => boolean;

export interface MemoriesOptions {
  readonly state: State;
  readonly store: Store;
  readonly accesses: Accesses;
  readonly indexer: Indexer;
  readonly locks: Locks;
  readonly quota: Quota;
  readonly idempotency: Idempotency;
  readonly sameTexts: SameTexts;
  readonly clock: Clock;
  readonly newId: () => string;
  /** The length that vectors must have, where the operator set one. */
  readonly dimensions: number | undefined;
}

export class Memories {
  readonly #options: MemoriesOptions;

  constructor(options: MemoriesOptions) {
    this.#options = options;
  }

  /** Throws `conflict` where the id is taken, `insufficient_storage` over the quota. */
  async create(input: NewMemory, asked?: Retriable): Promise<Entry> {
    return await this.#reply(asked, (seal) => this.#make(input, seal));
  }

  /**
   * As `create`; but where the same text is there already, its oldest memory is the answer, as it
   * is, and nothing else that was sent is looked at. Looking at it is no reading of it.
   */
  async createOnce(input: NewMemory, asked?: Retriable): Promise<Made> {
    const { locks, sameTexts } = this.#options;
    const oldestId = () => sameTexts.oldest(input.content)?.id;
    return await this.#reply(asked, async (seal) => {
      await sameTexts.ready();
      // Of many at once the first makes the memory, and the others find it.
      return await locks.run(`text ${sameTexts.fingerprint(input.content)}`, async () => {
        for (let id = oldestId(); id !== undefined; id = oldestId()) {
          const known = id;
          const isStill = () => oldestId() === known;
          const made = await locks.run(known, () => this.#known(known, isStill, seal));
          if (made !== undefined) return made;
        }
        return await this.#make(input, seal);
      });
    });
  }

  /** Undefined where the memory was changed or deleted before its turn came. */
  async #known(id: string, isStill: () => boolean, seal: Seal): Promise<Made | undefined> {
    if (!isStill()) return undefined;
    const { state, store, quota } = this.#options;
    const memory = this.#find(id);
    const made: Made = { memory, access: state.access(id), existing: true };
    const receipt = seal(made);
    // Only the proof of the answer, for a request that may be sent again, has to be written.
    if (receipt === undefined) return made;
    const release = await quota.reserve(0, sizeOf(memory));
    try {
      await store.append({ op: "receipt", receipt });
      return made;
    } finally {
      release();
    }
  }

  async #make(input: NewMemory, seal: Seal): Promise<Entry> {
    const { clock, newId, locks } = this.#options;
    const at = timestamp(clock);
    const memory: Memory = {
      ...DEFAULTS,
      ...input,
      id: input.id ?? newId(),
      created_at: input.created_at ?? at,
      updated_at: at,
    };
    return await locks.run(
      memory.id,
      () => this.#withVectorLength(memory, () => this.#create(memory, seal)),
    );
  }

  async #create(memory: Memory, seal: Seal): Promise<Entry> {
    const { state, store, quota } = this.#options;
    if (state.get(memory.id) !== undefined) {
      throw new AppError(
        "conflict",
        `Cannot create the memory: the id "${memory.id}" is taken; use PUT to change it`,
      );
    }
    const release = await quota.reserve(1, sizeOf(memory));
    try {
      const entry = { memory, access: NEVER_ACCESSED };
      const receipt = seal(entry);
      await store.append({ op: "put", ...entry, ...(receipt && { receipt }) });
      return entry;
    } finally {
      release();
    }
  }

  /** Reads a memory and counts it. Throws `not_found`. */
  read(id: string): Entry {
    const memory = this.#find(id);
    return { memory, access: this.#options.accesses.count(memory) };
  }

  /** Looks at a memory without counting it. Throws `not_found`. */
  peek(id: string): Entry {
    const memory = this.#find(id);
    return { memory, access: this.#options.state.access(id) };
  }

  /** As `peek`; undefined where there is none. */
  find(id: string): Entry | undefined {
    const { state } = this.#options;
    const memory = state.get(id);
    return memory && { memory, access: state.access(id) };
  }

  /** The client's own vector, or the provider's: of a long text the mean of its chunks'. Undefined
   * where there is none, or not now. */
  async embedding(memory: Memory): Promise<Float32Array | undefined> {
    return memory.embedding ??
      meanDirection(await this.#options.indexer.serving.vectorsOf(memory) ?? []);
  }

  async replaceFields(
    id: string,
    fields: MemoryFields,
    precondition: Precondition,
    asked?: Retriable,
  ): Promise<Entry> {
    return await this.#update(id, (memory) => withFields(memory, fields), precondition, asked);
  }

  /** Throws `invalid` where the merged metadata is too large. */
  async patch(
    id: string,
    patch: MemoryPatch,
    precondition: Precondition,
    asked?: Retriable,
  ): Promise<Entry> {
    const change = (memory: Memory) => withFields(memory, patchedFields(memory, patch));
    return await this.#update(id, change, precondition, asked);
  }

  async #update(
    id: string,
    change: (memory: Memory) => Memory,
    precondition: Precondition,
    asked: Retriable | undefined,
  ): Promise<Entry> {
    return await this.#reply(asked, (seal) =>
      this.#options.locks.run(id, async () => {
        const before = this.#find(id);
        requireMatch(before, precondition);
        const memory = { ...change(before), updated_at: timestamp(this.#options.clock) };
        const store = () => this.#store(before, memory, seal);
        // One that was taken before the model was changed may stay.
        if (memory.embedding === before.embedding) return await store();
        return await this.#withVectorLength(memory, store);
      }));
  }

  async #store(before: Memory, memory: Memory, seal: Seal): Promise<Entry> {
    const { state, store, quota } = this.#options;
    const growth = Math.max(0, sizeOf(memory) - sizeOf(before));
    const release = growth > 0 ? await quota.reserve(0, growth) : () => {};
    try {
      const receipt = seal({ memory, access: state.access(memory.id) });
      const reworded = memory.content !== before.content && { reworded: true } as const;
      await store.append({ op: "put", memory, ...reworded, ...(receipt && { receipt }) });
      return { memory, access: state.access(memory.id) };
    } finally {
      release();
    }
  }

  /** Throws `not_found`. */
  async delete(id: string, precondition: Precondition, asked?: Retriable): Promise<void> {
    const { locks, store, idempotency } = this.#options;
    await idempotency.once(asked, (seal) =>
      locks.run(id, async () => {
        requireMatch(this.#find(id), precondition);
        const receipt = seal(null);
        await store.append({ op: "delete", id, ...(receipt && { receipt }) });
        return null;
      }));
  }

  #find(id: string): Memory {
    const memory = this.#options.state.get(id);
    if (memory !== undefined) return memory;
    throw new AppError("not_found", `Cannot find the memory: there is none with the id "${id}"`);
  }

  async #reply(
    asked: Retriable | undefined,
    work: (seal: Seal) => Promise<Made>,
  ): Promise<Made> {
    const reply = await this.#options.idempotency.once(asked, work);
    if (reply !== null && "memory" in reply) return reply;
    throw new Error("Cannot answer: the receipt is of another kind of request");
  }

  /** A vector of the client's own must have the length of the others; the first one sets it. */
  async #withVectorLength<T>(memory: Memory, work: () => Promise<T>): Promise<T> {
    const { embedding } = memory;
    if (embedding === undefined) return await work();
    // The others may be of a model that was left.
    if (embedding.length === this.#options.indexer.serving.vectorIndex.dimensions) {
      return await work();
    }
    requireLength(embedding, this.vectorLength);
    if (this.vectorLength !== undefined) return await work();
    return await this.settingVectorLength(() => {
      requireLength(embedding, this.vectorLength);
      return work();
    });
  }

  /** For work that may set the length of all vectors: one after the other, so that only one can. */
  async settingVectorLength<T>(work: () => Promise<T>): Promise<T> {
    return await this.#options.locks.run("first vector", work);
  }

  /** The length that a client's vector must have; undefined while any will do. */
  get vectorLength(): number | undefined {
    const { dimensions, state, indexer } = this.#options;
    return dimensions ?? state.vectorLength ?? indexer.serving.vectorIndex.dimensions;
  }
}

export function requireLength(embedding: Float32Array, dimensions: number | undefined): void {
  if (dimensions === undefined || embedding.length === dimensions) return;
  const message = `has ${embedding.length} numbers, the index holds vectors of ${dimensions}`;
  throw new AppError("invalid", `Cannot take the embedding: it ${message}`, {
    errors: [{ path: "/embedding", message }],
  });
}

function requireMatch(memory: Memory, precondition: Precondition): void {
  if (precondition(memory)) return;
  throw new AppError(
    "precondition_failed",
    "Cannot change the memory: it was changed since; read it again and repeat with its new ETag",
  );
}
