/** How many tokens a text takes up to each place in it, and where so many of them end. */
import type { Pace } from "../pace.ts";
import { stretchesOf } from "../tokens.ts";

/** The sums at the ends of the text's stretches; in between they rise evenly. */
export class TokenScale {
  readonly #ends: readonly number[];
  readonly #sums: readonly number[];

  private constructor(ends: readonly number[], sums: readonly number[]) {
    this.#ends = ends;
    this.#sums = sums;
  }

  /** `lineTokens` are what the end of a line takes besides. */
  static async of(text: string, lineTokens: number, pace: Pace): Promise<TokenScale> {
    const ends = [0], sums = [0];
    let sum = 0;
    for (const { end, tokens } of stretchesOf(text)) {
      sum += tokens + (text[end - 1] === "\n" ? lineTokens : 0);
      ends.push(end);
      sums.push(sum);
      if (pace.due) await pace.breathe();
    }
    return new TokenScale(ends, sums);
  }

  get total(): number {
    return this.#sums.at(-1) ?? 0;
  }

  tokensTo(place: number): number {
    return between(this.#ends, this.#sums, place);
  }

  placeOf(tokens: number): number {
    return Math.floor(between(this.#sums, this.#ends, tokens));
  }
}

/** What stands in `to` where `value` stands in `from`, both of them rising. */
function between(from: readonly number[], to: readonly number[], value: number): number {
  const at = from.findIndex((each) => each >= value);
  if (at === -1) return to.at(-1) ?? 0;
  const [high = 0, low = 0] = [from[at], from[at - 1]];
  const [last = 0, first = 0] = [to[at], to[at - 1]];
  return high === low ? last : first + (last - first) * (value - low) / (high - low);
}
