/**
 * One generation of vectors: those of one model and one length, in an index of their own. The
 * indexer has one, or two while the vectors of another model are being made.
 *
 * Promises: a vector of a client's own is used where its length is that of the provider's, else
 * its text is embedded. The first that the provider says in a life of the process settles that
 * length; if the index was begun with another, the generation is to be begun anew.
 */
import { type Embedder, EmbedderError } from "../embedder.ts";
import type { Memory } from "../memory.ts";
import type { FullVectors, Source, VectorIndex } from "../vector_index.ts";
import { Adoption } from "./adoption.ts";
import { EmbedWorker } from "./embed_worker.ts";
import type { GenerationOptions } from "./generation_options.ts";
import { type FailedReason, GivenUp } from "./given_up.ts";
import { IndexWriter } from "./index_writer.ts";
import { QueryVectors } from "./query_vectors.ts";
import { type Recall, Remembered } from "./remembered.ts";
import { TextCalls } from "./text_calls.ts";
import { checkedEmbed, VectorLength } from "./vector_length.ts";

export class Generation {
  readonly vectorIndex: VectorIndex;
  readonly #options: GenerationOptions;
  readonly #writer: IndexWriter;
  readonly #remembered: Remembered;
  readonly #adoption: Adoption;
  readonly #calls: TextCalls | undefined;
  readonly #worker: EmbedWorker | undefined;
  readonly #queries: QueryVectors | undefined;
  readonly #stopping = new AbortController();
  readonly #givenUp = new GivenUp();
  readonly #length: VectorLength;

  constructor(options: GenerationOptions) {
    const { embedder, memory, clock, random, settled, log } = options;
    const stopping = this.#stopping.signal;
    this.#options = options;
    this.#length = new VectorLength({
      length: embedder?.dimensions ?? options.length,
      isSettled: embedder?.dimensions !== undefined || options.isSettled === true,
      indexed: () => this.vectorIndex.dimensions,
      changed: () => this.#lengthChanged(),
    });
    this.vectorIndex = options.newVectorIndex({
      fullVectors: (ids) => this.#remembered.ofBestSources(ids.map((id) => this.#wanted(id))),
      allVectors: (ids) => this.#allVectors(ids),
      memory,
      sourceOf: (memory) => this.#sourceOf(memory),
      model: embedder?.model ?? null,
      length: () => this.#length.known,
      isFormer: options.isFormer ?? false,
    });
    this.vectorIndex.elsewhere?.whenLost((ids) => this.#lost(ids));
    this.#writer = new IndexWriter({
      vectorIndex: this.vectorIndex,
      memory,
      sourceOf: (memory) => this.#sourceOf(memory),
      clock,
      random,
      dimensions: () => this.#length.known,
      unindexed: (id) => this.#putAgain(id),
      rejected: ({ id, source }) => this.#givenUp.add(id, source, "dimensions"),
      indexed: options.indexed,
      settled,
      log,
    });
    this.#remembered = new Remembered(embedder, (length) => this.#length.takes(length));
    this.#adoption = new Adoption({
      ...{ vectorIndex: this.vectorIndex, writer: this.#writer, remembered: this.#remembered },
      ...{ memory, stopping, settled, sourceOf: (memory) => this.#sourceOf(memory) },
      adopted: (id) => this.#adopted(id),
    });
    if (embedder === undefined) return;
    const recall: Recall = (texts) => this.#remembered.ofTexts(texts);
    const embed = checkedEmbed(embedder, this.#length);
    // A search that began before another generation took the place of this one is still answered.
    this.#queries = new QueryVectors(embed, recall, clock, options.stopping);
    this.#calls = new TextCalls({ embed, clock, stopping });
    this.#worker = new EmbedWorker({
      calls: this.#calls,
      writer: this.#writer,
      source: (id) => this.#wanted(id),
      clock,
      random,
      stopping,
      refused: (id, source) => this.#givenUp.add(id, source, "refused"),
      settled,
      log,
    });
  }

  get embedder(): Embedder | undefined {
    return this.#options.embedder;
  }

  /** Of the provider's vectors, where it is known. */
  get length(): number | undefined {
    return this.#length.known;
  }

  /** Length of its vectors, where it is known. */
  get dimensions(): number | undefined {
    return this.#length.known ?? this.vectorIndex.dimensions;
  }

  /** Whether the provider took a text in this life of the process. */
  get isProven(): boolean {
    return this.#calls?.proven ?? false;
  }

  get indexed(): number {
    return this.#writer.size;
  }

  get pending(): number {
    return this.#writer.pending + (this.#worker?.pending ?? 0);
  }

  get failed(): number {
    return this.#givenUp.size;
  }

  /** Nothing is under way, and nothing will be unless the operator acts. */
  get idle(): boolean {
    return this.#writer.idle && this.#worker?.idle !== false;
  }

  /** Why no text is embedded at present, if so. */
  get trouble(): EmbedderError | undefined {
    return this.#worker?.trouble;
  }

  isCurrent(id: string): boolean {
    return this.#writer.isCurrent(id);
  }

  /** All that it knows of; some come twice. */
  *ids(): Generator<string> {
    yield* this.#writer.ids();
    if (this.#worker !== undefined) yield* this.#worker.ids();
    yield* this.#givenUp.ids();
  }

  put(memory: Memory): void {
    const { id } = memory;
    const needsText = this.#needsText(memory);
    // A vector of another text must not go on being found. Where the fields are kept beside the
    // vectors, they may be others now.
    const isToAlign = needsText || this.vectorIndex.elsewhere !== undefined;
    if (isToAlign && this.vectorIndex.has(id)) this.#writer.align(id);
    if (needsText) this.#worker?.add(id);
  }

  delete(id: string): void {
    this.#worker?.remove(id);
    this.#givenUp.delete(id);
    this.#writer.align(id);
  }

  /** Indexes what needs no call, and returns the memories whose text must be embedded. */
  async take(memories: readonly Memory[]): Promise<Memory[]> {
    await this.#adoption.take(memories);
    const open = memories.filter((memory) => this.#needsText(memory));
    const recalled = await this.#remembered.ofContents(open.map(({ content }) => content));
    const sourced = open.flatMap(({ id, content }, at) => {
      const vectors = recalled[at];
      return vectors === undefined ? [] : [{ id, source: content, vectors }];
    });
    try {
      await this.#writer.upsert(sourced);
    } catch {
      // The worker meets the same index soon, and knows how to wait for it.
    }
    return open.filter(({ id }) => !this.#writer.isCurrent(id));
  }

  /** Says that what is remembered of these is in use. */
  async use(memories: readonly Memory[]): Promise<void> {
    await this.#remembered.use(memories.map(({ content }) => content));
  }

  /** To be embedded after all that is written meanwhile, in this order. */
  addBacklog(ids: Iterable<string>): void {
    this.#worker?.addBacklog(ids);
  }

  /** Has the texts of those embedded once more whose vectors are not remembered any more. */
  async keepAgain(memories: readonly Memory[]): Promise<void> {
    const ids = memories.map(({ id }) => id);
    const found = await this.#allVectors(ids);
    this.#worker?.addLost(ids.filter((_, at) => found[at] === undefined));
  }

  /** A memory's vectors in full precision, without a call; undefined where one is not to be had. */
  async vectorsOf(memory: Memory): Promise<readonly Float32Array[] | undefined> {
    const source = this.#sourceOf(memory);
    if (typeof source !== "string") return [source];
    return (await this.#remembered.ofContents([source]))[0];
  }

  #allVectors(ids: readonly string[]): ReturnType<FullVectors> {
    return this.#remembered.ofSources(ids.map((id) => this.#wanted(id)));
  }

  /** Within 1.5 seconds. Throws `EmbedderError`. */
  async embedQuery(text: string): Promise<Float32Array> {
    if (this.#queries === undefined) {
      throw new EmbedderError("config", "Cannot embed: no provider is configured");
    }
    const vector = await this.#queries.get(text);
    this.#length.requireIndex();
    return vector;
  }

  /** Whether the provider makes such vectors still; true also while nobody can tell. */
  async isStillMade(): Promise<boolean> {
    return await this.#remembered.areStillMade(this.#options.clock, this.#stopping.signal);
  }

  /** Why a memory was given up and is not found by meaning; undefined if it was not. */
  failedReason(id: string): FailedReason | undefined {
    return this.#givenUp.reason(id);
  }

  /** Takes up at once what was given up, and what waits for a better time. */
  retryFailed(): void {
    for (const id of this.#givenUp.clear()) this.#putAgain(id);
    this.#worker?.retryNow();
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // First: what is under way may wait for it.
    const closed = this.vectorIndex.elsewhere?.close();
    await this.#worker?.stop();
    await this.#writer.stop();
    await closed;
  }

  #sourceOf({ content, embedding }: Memory): Source {
    if (embedding === undefined) return content;
    const length = this.#options.embedder && this.#length.known;
    return embedding.length === (length ?? embedding.length) ? embedding : content;
  }

  #putAgain(id: string): void {
    const memory = this.#options.memory(id);
    if (memory !== undefined) this.put(memory);
  }

  #adopted(id: string): void {
    this.#worker?.remove(id);
    this.#givenUp.delete(id);
  }

  /** The index has lost these memories' vectors, and they are not remembered in full. */
  #lost(ids: readonly string[]): void {
    this.#writer.forget(ids);
    const texts = ids.filter((id) => {
      const memory = this.#options.memory(id);
      return memory !== undefined && this.#needsText(memory);
    });
    this.#worker?.addBacklog(texts);
  }

  /** What a memory's vectors are made from, as it is now. */
  #wanted(id: string): Source | undefined {
    const memory = this.#options.memory(id);
    return memory && this.#sourceOf(memory);
  }

  /** Has the writer do what it can without a call; true where the text must be embedded. */
  #needsText(memory: Memory): boolean {
    const { id } = memory;
    const source = this.#sourceOf(memory);
    if (this.#givenUp.holds(id, source)) return false;
    if (this.#writer.isIndexed(id, source)) {
      this.#worker?.remove(id);
      return false;
    }
    if (source instanceof Float32Array) {
      this.#worker?.remove(id);
      this.#writer.align(id);
      return false;
    }
    return true;
  }

  /** Of the clients' vectors, some may be of no use now, or of use again. */
  #lengthChanged(): void {
    const { known, isSettled, isOutgrown } = this.#length;
    if (known !== undefined && isOutgrown) return this.#options.outgrown(known, isSettled);
    const isOwn = (id: string) => this.#options.memory(id)?.embedding !== undefined;
    const waiting = [...this.#worker?.ids() ?? []].filter(isOwn);
    const ids = [...this.#writer.unaligned, ...this.#givenUp.ids(), ...waiting];
    for (const id of ids) this.#putAgain(id);
  }
}
