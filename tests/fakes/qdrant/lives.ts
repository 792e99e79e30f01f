/**
 * Lives of a brain on one simulated disk whose vectors are searched in a stand-in Qdrant, by a
 * clock turned by hand that knows when all that is under way has come to rest; and its twin on a
 * copy of the disk, with the built-in index.
 */
// Loaded before a clock is turned: the program loads it with its first call.
import "@qdrant/js-client-rest";
import { Brain } from "../../../src/brain.ts";
import { ExportFiles } from "../../../src/store/export_files.ts";
import { Bm25Index } from "../../../src/text_index/bm25.ts";
import type { VectorIndex, VectorsKind } from "../../../src/vector_index.ts";
import { QdrantVectorIndex } from "../../../src/vector_index/qdrant.ts";
import { Client } from "../../../src/vector_index/qdrant/client.ts";
import { collectionName } from "../../../src/vector_index/qdrant/collection.ts";
import { RestPoints } from "../../../src/vector_index/qdrant/rest_points.ts";
import { QuantisedVectorIndex } from "../../../src/vector_index/quantised.ts";
import { StandbyVectorIndex } from "../../../src/vector_index/standby.ts";
import { SimulatedDisk, SimulatedFileSystem } from "../file_system.ts";
import { START } from "../housed_brain.ts";
import { drain, FakeClock } from "../indexing.ts";
import { everythingSurvives } from "../inode.ts";
import { fileStoreOn, idOf, PATH } from "../store_kit.ts";
import { MeaningEmbedder } from "./meaning_embedder.ts";
import { StandIn } from "./stand_in.ts";

/** The name of the brain in the payload of its points. */
export const BRAIN_ID = "01990000-0000-7000-8000-00000000b000";

/** Of the event loop, that work may take which gives way to others. */
const MOST_TURNS = 20;

export class Lives {
  readonly clock = new FakeClock(() => this.#rested());
  readonly embedder = new MeaningEmbedder();
  readonly disk = new SimulatedDisk();
  readonly logged: string[] = [];
  readonly standIn: StandIn;
  brain: Brain;
  readonly #random: () => number;
  readonly #fetchOfAll = globalThis.fetch;
  /** Requests, in all. */
  #begun = 0;
  #underWay = 0;
  #ids = 0;

  private constructor(standIn: StandIn, random: () => number) {
    this.standIn = standIn;
    this.#random = random;
    globalThis.fetch = async (...asked) => {
      this.#begun++;
      this.#underWay++;
      return await this.standIn.fetch(...asked).finally(() => this.#underWay--);
    };
    this.brain = this.#brainOn(this.disk, (kind) => this.#inQdrant(kind));
  }

  static async begin(random: () => number): Promise<Lives> {
    let after: (ms: number, run: () => void) => unknown = () => {};
    const standIn = await StandIn.direct({ after: (...what) => after(...what) });
    const lives = new Lives(standIn, random);
    after = (ms, run) => lives.clock.after(ms, run);
    await lives.clock.advance(START);
    await lives.#open(lives.brain);
    return lives;
  }

  get collectionName(): string {
    return collectionName(this.embedder.model, this.embedder.dimensions);
  }

  /** The process ends in good order, and another begins. */
  async restart(): Promise<void> {
    await this.clock.until(this.brain.close());
    this.disk.afterKill();
    this.brain = this.#brainOn(this.disk, (kind) => this.#inQdrant(kind));
    await this.#open(this.brain);
  }

  /** How long it took by the clock, which is turned only where nothing else helps: work that gives
   * way to others (`Pace`) waits for none of its timers. */
  async timed(promise: Promise<unknown>): Promise<number> {
    const began = this.clock.now();
    let isSettled = false;
    promise.finally(() => isSettled = true).catch(() => {});
    for (let turns = 0; turns < MOST_TURNS && !isSettled; turns++) await this.#rested();
    await this.clock.until(promise);
    return this.clock.now() - began;
  }

  /** What the twin says, on the same data. */
  async asTwin<T>(work: (twin: Brain) => Promise<T>): Promise<T> {
    const disk = this.disk.afterPowerCut(everythingSurvives);
    const twin = this.#brainOn(
      disk,
      ({ fullVectors }) => new QuantisedVectorIndex({ fullVectors }),
    );
    await this.#open(twin);
    await this.clock.until(twin.indexer.idle());
    const said = await work(twin);
    await this.clock.until(twin.close());
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.until(this.brain.close());
    await this.standIn.close();
    globalThis.fetch = this.#fetchOfAll;
  }

  async #open(brain: Brain): Promise<void> {
    await this.clock.until(brain.open().then(() => brain.wordsReady));
  }

  #brainOn(disk: SimulatedDisk, newVectorIndex: (kind: VectorsKind) => VectorIndex): Brain {
    const fs = new SimulatedFileSystem(disk);
    return new Brain({
      store: fileStoreOn(fs, PATH, this.clock, []),
      textIndex: new Bm25Index(),
      newVectorIndex,
      exportFolder: new ExportFiles(fs, "/data/exports"),
      embedder: this.embedder,
      embeddingsBytes: () => 0,
      limits: { memories: 0, bytes: 0 },
      heap: { isShort: false, isFull: false },
      clock: this.clock,
      newId: () => idOf(1_000 + ++this.#ids),
      run: "run",
      random: this.#random,
      version: "0.0.0-test",
      log: (event, detail) => this.logged.push(`${event} ${JSON.stringify(detail)}`),
    });
  }

  #inQdrant(kind: VectorsKind): VectorIndex {
    const { clock, standIn } = this;
    const random = this.#random;
    const log = (message: string) => this.logged.push(message);
    const client = new Client({ url: standIn.url, clock });
    const remote = new QdrantVectorIndex({
      kind,
      clock,
      random,
      log,
      newPoints: (length) =>
        new RestPoints({
          client,
          collection: collectionName(kind.model, length),
          length,
          brain: BRAIN_ID,
          isQuantised: false,
          timeoutMs: 800,
        }),
    });
    return new StandbyVectorIndex({ remote, vectors: kind, clock, log });
  }

  /** Nothing waits but for the clock, and nothing was begun just now. */
  async #rested(): Promise<void> {
    for (let begun = -1; begun !== this.#begun || this.#underWay > this.standIn.stuck;) {
      begun = this.#begun;
      await drain();
    }
  }
}
