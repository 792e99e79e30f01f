/** Memories and filters as the model test makes them up: few of each kind, so that they meet. */
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import { MEMORY_TYPES, type MemoryFilter, type MemoryType } from "../../../src/memory.ts";
import { below, randomOf } from "../store_kit.ts";

const WORDS = ["garden", "fence", "car", "engine", "doctor", "pill", "flight", "piano", "Oslo"];
const TAGS = ["house", "work", "fun"];
const KEYS = ["k", "a.b", "constructor"];
const VALUES: readonly JsonValue[] = ["x", 1, 1.5, true, null, ["a", 1], { a: { b: 2 } }];
/** Lengths of clients' own vectors: also such as float32 cannot measure. */
const SIZES = [1e-20, 1, 1, 1e25];

interface Fields {
  readonly memory_type: MemoryType;
  readonly importance_score: number;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
}

export class Inventions {
  readonly #random: () => number;
  readonly #dimensions: number;
  #vectors = 0;

  constructor(random: () => number, dimensions: number) {
    this.#random = random;
    this.#dimensions = dimensions;
  }

  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    const picked = from[below(this.#random, from.length)];
    if (picked === undefined) throw new Error("Cannot pick: there is nothing");
    return picked;
  }

  text(words: number): string {
    return Array.from({ length: words }, () => this.pick(WORDS)).join(" ");
  }

  /** Some are long, of several chunks. */
  content(): string {
    const isLong = this.#random() < 0.2;
    return this.text(isLong ? 150 + below(this.#random, 200) : 1 + below(this.#random, 4));
  }

  /** No two have the same direction, or nearly. */
  vector(): Float32Array {
    const size = this.pick(SIZES);
    const random = randomOf(++this.#vectors);
    return Float32Array.from({ length: this.#dimensions }, () => size * (random() - 0.4));
  }

  fields(): Fields {
    return {
      memory_type: this.pick(MEMORY_TYPES),
      importance_score: below(this.#random, 11) / 10,
      tags: TAGS.filter(() => this.#random() < 0.4),
      metadata: { [this.pick(KEYS)]: this.pick(VALUES), n: 1 },
    };
  }

  filter(someTime: () => string): MemoryFilter {
    const filter: MemoryFilter = {
      memory_type: [this.pick(MEMORY_TYPES), this.pick(MEMORY_TYPES)],
      tags: [this.pick(TAGS)],
      tags_any: [this.pick(TAGS), "none"],
      min_importance: below(this.#random, 11) / 10,
      created_after: someTime(),
      created_before: someTime(),
      metadata: { [this.pick(KEYS)]: this.pick(VALUES) },
    };
    return Object.fromEntries(Object.entries(filter).filter(() => this.#random() < 0.3));
  }
}
