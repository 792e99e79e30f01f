/** Somebody else at work in a brain's Qdrant; or it comes back with other data than it had. */
import { below } from "../store_kit.ts";
import type { Collection } from "./collection.ts";
import type { Inventions } from "./inventions.ts";
import { BRAIN_ID, type Lives } from "./lives.ts";

export class Meddler {
  readonly #random: () => number;
  readonly #lives: Lives;
  readonly #invented: Inventions;
  #backup: Map<string, Collection> | undefined;

  constructor(random: () => number, lives: Lives, invented: Inventions) {
    this.#random = random;
    this.#lives = lives;
    this.#invented = invented;
  }

  /** The points of others: they are nobody's business here. */
  get strangers(): number {
    return [...this.#collection?.matching((_, { brain }) => brain !== BRAIN_ID) ?? []].length;
  }

  /** `haunted`: there are points now that lie about their vectors. */
  meddle(someId: string | undefined): "haunted" | undefined {
    const { standIn, collectionName: name } = this.#lives;
    const dice = this.#random();
    if (dice < 0.2) this.#backup = standIn.backup();
    else if (dice < 0.4 && this.#backup !== undefined) standIn.restore(this.#backup);
    else if (dice < 0.5) standIn.collections.delete(name);
    else if (dice < 0.55) standIn.restore(new Map());
    else if (dice < 0.6) this.#makeOther();
    else if (dice < 0.7) this.#addStranger(someId);
    else {
      this.#change();
      return "haunted";
    }
    return undefined;
  }

  get #collection(): Collection | undefined {
    return this.#lives.standIn.collections.get(this.#lives.collectionName);
  }

  /** For vectors of another length: as a process of ours would have left it, or as another's. */
  #makeOther(): void {
    if (this.strangers > 0) return;
    const { standIn, collectionName } = this.#lives;
    standIn.collections.delete(collectionName);
    standIn.make(collectionName, 5);
    if (this.#random() < 0.5) this.#collection?.indexes.set("brain", { type: "keyword" });
  }

  #addStranger(someId: string | undefined): void {
    const id = this.#newId();
    const payload = { brain: "another", memory_id: someId ?? id, chunk: 0, chunks: 1 };
    this.#add({ id, payload });
  }

  /** Of the brain's points some go, some have other fields, and some have a double. */
  #change(): void {
    for (const { id, payload } of this.#collection?.inOrder(undefined) ?? []) {
      if (payload["brain"] !== BRAIN_ID || this.#random() > 0.3) continue;
      const dice = this.#random();
      if (dice < 0.4) this.#collection?.delete([id]);
      else if (dice < 0.7) {
        const wrong = { tags: ["wrong"], fields_hash: "0" };
        this.#collection?.setPayload([id], (payload) => ({ ...payload, ...wrong }));
      } else {
        const double = this.#newId();
        const own = this.#random() < 0.5 ? {} : { memory_id: double };
        this.#add({ id: double, payload: { ...payload, ...own } });
      }
    }
  }

  #add(point: Omit<Parameters<Collection["upsert"]>[0][number], "vector">): void {
    const vector = [...this.#invented.vector()];
    if (this.#collection?.length === vector.length) this.#collection.upsert([{ ...point, vector }]);
  }

  #newId(): string {
    return `03990000-0000-7000-8000-${String(below(this.#random, 1e6)).padStart(12, "0")}`;
  }
}
