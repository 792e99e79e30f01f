/** One collection of the stand-in: its points, what may be asked of them, and what may be done. */
import type { JsonObject } from "../../../src/json.ts";
import { Best } from "../../../src/ranking.ts";
import { comparePointIds, type PointId } from "./point_id.ts";
import { REFUSALS } from "./replies.ts";
import { normalize, Rows } from "./rows.ts";

export interface Point {
  readonly id: PointId;
  readonly payload: JsonObject;
  readonly row: number;
  readonly version: number;
}

export interface NewPoint {
  readonly id: PointId;
  readonly vector: readonly number[];
  readonly payload: JsonObject;
}

export interface ScoredPoint extends Point {
  readonly score: number;
}

/** Which points: those named, or those that the filter lets through. */
export type Selection = readonly PointId[] | ((id: PointId, payload: JsonObject) => boolean);

export class Collection {
  /** As it was asked for. */
  config: JsonObject;
  readonly length: number;
  /** By field: the schema that was asked for. */
  readonly indexes = new Map<string, JsonObject>();
  #points = new Map<PointId, Point>();
  #rows: Rows;
  #operations = 0;
  /** In the order of their ids; undefined where it has to be made anew. */
  #ordered: PointId[] | undefined;

  constructor(config: JsonObject, length: number) {
    this.config = config;
    this.length = length;
    this.#rows = new Rows(length);
  }

  get size(): number {
    return this.#points.size;
  }

  get(id: PointId): Point | undefined {
    return this.#points.get(id);
  }

  vectorOf({ row }: Point): number[] {
    return [...this.#rows.vector(row)];
  }

  /** Numbers every change. */
  nextOperation(): number {
    return this.#operations++;
  }

  /** Those before one that is refused are there nevertheless, as with Qdrant's own engine. */
  upsert(points: readonly NewPoint[]): void {
    this.#ordered = undefined;
    for (const { id, vector, payload } of points) {
      if (vector.length !== this.length) throw REFUSALS.wrongLength(this.length, vector.length);
      this.#remove(id);
      const row = this.#rows.add(vector);
      this.#points.set(id, { id, payload, row, version: this.#operations });
    }
  }

  delete(selection: Selection): void {
    for (const id of this.#selected(selection)) this.#remove(id);
    this.#ordered = undefined;
  }

  /** Refused where a point is named that is not there: as with Qdrant, after the others. */
  setPayload(selection: Selection, change: (payload: JsonObject) => JsonObject): void {
    let missing: PointId | undefined;
    for (const id of [...this.#selected(selection)]) {
      const point = this.#points.get(id);
      if (point === undefined) missing ??= id;
      else {
        this.#points.set(id, {
          ...point,
          payload: change(point.payload),
          version: this.#operations,
        });
      }
    }
    if (missing !== undefined) throw REFUSALS.noPoint(missing);
  }

  *matching(test: (id: PointId, payload: JsonObject) => boolean): Generator<Point> {
    for (const point of this.#points.values()) if (test(point.id, point.payload)) yield point;
  }

  /** From this id on, in the order of ids. */
  *inOrder(from: PointId | undefined): Generator<Point> {
    const ids = this.#ordered ??= [...this.#points.keys()].sort(comparePointIds);
    for (let at = from === undefined ? 0 : firstFrom(ids, from); at < ids.length; at++) {
      const point = this.#points.get(ids[at] ?? 0);
      if (point !== undefined) yield point;
    }
  }

  /** The best first. Equal scores come in no order that means anything: here the last written. */
  nearest(
    query: readonly number[],
    test: (id: PointId, payload: JsonObject) => boolean,
    { least, limit }: { readonly least: number; readonly limit: number },
  ): ScoredPoint[] {
    if (query.length !== this.length) throw REFUSALS.wrongLength(this.length, query.length);
    const vector = Float32Array.from(query);
    normalize(vector);
    const best = new Best<ScoredPoint>(
      limit,
      (a, b) => b.score - a.score || b.version - a.version || b.row - a.row,
    );
    for (const point of this.matching(test)) {
      const score = this.#rows.score(point.row, vector);
      if (score < least || score < (best.worst?.score ?? -Infinity)) continue;
      best.offer({ ...point, score });
    }
    return best.sorted();
  }

  copy(): Collection {
    const copy = new Collection(this.config, this.length);
    for (const [field, schema] of this.indexes) copy.indexes.set(field, schema);
    copy.#points = new Map(this.#points);
    copy.#rows = this.#rows.copy();
    copy.#operations = this.#operations;
    return copy;
  }

  #selected(selection: Selection): Iterable<PointId> {
    if (typeof selection !== "function") return selection;
    return [...this.matching(selection)].map(({ id }) => id);
  }

  #remove(id: PointId): void {
    const point = this.#points.get(id);
    if (point === undefined) return;
    this.#rows.remove(point.row);
    this.#points.delete(id);
  }
}

function firstFrom(ids: readonly PointId[], from: PointId): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const id = ids[middle];
    if (id !== undefined && comparePointIds(id, from) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
