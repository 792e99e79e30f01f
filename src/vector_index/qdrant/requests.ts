/**
 * Cuts what is to be written into requests. None may take long to be made into JSON, which the
 * client does in one go; and each is carried out in the order of its operations.
 */
import { Pace } from "../../pace.ts";
import { chunksFrom, type Filter, ofMemories, pointsOf } from "./filter.ts";
import { numbersOf } from "./numbers.ts";
import { type FieldsPayload, fieldsPayload, type PointPayload } from "./payload.ts";
import { pointId } from "./point_id.ts";
import type { PointsEntry, Restamped } from "./points.ts";

const MAX_POINTS = 100;
/** Numbers, and what takes as long as so many: some 4 ms. */
const MAX_NUMBERS = 20_000;
/** A point's payload without metadata. */
const PAYLOAD_NUMBERS = 64;
/** A tag, or what stands for a key of the metadata. */
const WORD_NUMBERS = 2;

interface Point {
  readonly id: string;
  readonly vector: number[];
  readonly payload: PointPayload;
}

export type Operation =
  | { readonly upsert: { readonly points: Point[] } }
  | { readonly delete: { readonly filter: Filter } }
  | { readonly set_payload: { readonly payload: FieldsPayload; readonly filter: Filter } };

/** Room for so much in one request. */
class Room {
  #points = 0;
  #numbers = 0;

  /** Whether it fits, and then there is less room; the first one always does. */
  take(numbers: number): boolean {
    const fits = this.#points === 0 ||
      (this.#points < MAX_POINTS && this.#numbers + numbers <= MAX_NUMBERS);
    if (!fits) return false;
    this.#points++;
    this.#numbers += numbers;
    return true;
  }
}

/** Adds or replaces points; what a memory had beyond those goes with the last of them. */
export async function* upserts(
  brain: string,
  entries: readonly PointsEntry[],
): AsyncGenerator<Operation[]> {
  const pace = new Pace();
  let room = new Room();
  let request = new Upsert(brain);
  for (const entry of entries) {
    const { memory, stamp, vectors } = entry;
    const fields = await fieldsPayload(entry);
    for (const [chunk, vector] of vectors.entries()) {
      const numbers = vector.length + weightOf(fields);
      if (!room.take(numbers)) {
        yield request.operations();
        request = new Upsert(brain);
        room = new Room();
        room.take(numbers);
      }
      request.points.push({
        id: pointId(brain, memory.id, chunk),
        vector: numbersOf(vector),
        payload: {
          brain,
          memory_id: memory.id,
          chunk,
          chunks: vectors.length,
          content_hash: stamp.contentHash,
          ...fields,
        },
      });
      if (pace.due) await pace.breathe();
    }
    request.shorten(entry);
  }
  if (request.points.length > 0) yield request.operations();
}

/** One request's points, and which memories have more than they should. */
class Upsert {
  readonly points: Point[] = [];
  readonly #brain: string;
  /** By how many points they have now. */
  readonly #shortened = new Map<number, string[]>();

  constructor(brain: string) {
    this.#brain = brain;
  }

  shorten({ memory, vectors, formerChunks = Infinity }: PointsEntry): void {
    if (formerChunks <= vectors.length) return;
    const same = this.#shortened.get(vectors.length) ?? [];
    this.#shortened.set(vectors.length, [...same, memory.id]);
  }

  operations(): Operation[] {
    const shortened = [...this.#shortened].map(([chunks, ids]) => ({
      delete: { filter: pointsOf(this.#brain, [ofMemories(ids), chunksFrom(chunks)]) },
    }));
    return [{ upsert: { points: this.points } }, ...shortened];
  }
}

export async function* restamps(
  brain: string,
  entries: readonly Restamped[],
): AsyncGenerator<Operation[]> {
  let room = new Room();
  let operations: Operation[] = [];
  for (const entry of entries) {
    const payload = await fieldsPayload(entry);
    if (!room.take(weightOf(payload))) {
      yield operations;
      operations = [];
      room = new Room();
      room.take(weightOf(payload));
    }
    const filter = pointsOf(brain, [ofMemories([entry.memory.id])]);
    operations.push({ set_payload: { payload, filter } });
  }
  if (operations.length > 0) yield operations;
}

function weightOf({ tags, metadata }: FieldsPayload): number {
  return PAYLOAD_NUMBERS + WORD_NUMBERS * (tags.length + metadata.length);
}
