/**
 * Reads a provider's reply as it comes in: each vector is read by itself and kept as the four bytes
 * a number that it is used as. As one text, then as one tree of JSON, a hundred vectors take many
 * times that, and hold up everybody else for as long as they are parsed.
 *
 * A vector is a list that begins with a number. In what is left of the reply `[n]` stands for the
 * n-th of them; nobody else can have written that, as it would be such a list itself.
 */
import { z } from "zod";
import { EmbedderError } from "../embedder.ts";

/** Outside of these a vector is damage, not a direction: providers answer lengths near 1, and a
 * model that does not normalise stays within a few hundred. */
const NORM = { least: 1e-6, most: 1e6 } as const;

/** Providers take no more texts at once. */
const MOST_LISTS = 10_000;

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN = 0x5b, CLOSE = 0x5d;
const MINUS = 0x2d, ZERO = 0x30, NINE = 0x39;

const Reply = z.object({
  data: z.array(z.object({
    index: z.number().int().nonnegative(),
    embedding: z.array(z.number()),
  })),
});

/** Where the reader stands; a bracket is a list of numbers if a number follows. */
type Place = "between" | "text" | "escaped" | "bracket" | "numbers";

export class ReplyReader {
  readonly #lists: Float32Array[] = [];
  /** What it makes of a character that is cut in two matters to nobody: keys and numbers are ASCII. */
  readonly #decoder = new TextDecoder();
  #place: Place = "between";
  #rest = "";
  #numbers = "";

  /** Takes the next piece. Throws `EmbedderError` for a list that is not of numbers alone. */
  push(piece: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      if (this.#place === "numbers") {
        at = from = this.#collect(piece, at);
        if (at === piece.length) return;
      }
      this.#place = placeAfter(this.#place, piece[at] ?? 0);
      if (this.#place !== "numbers") continue;
      this.#rest += this.#decoder.decode(piece.subarray(from, at));
      // The first digit is still to be collected.
      at--;
    }
    this.#rest += this.#decoder.decode(piece.subarray(from));
  }

  /** The vectors in the order of the texts, or an error naming what is wrong with the reply. */
  vectors(count: number, dimensions: number | undefined): Float32Array[] {
    const { data } = this.#reply();
    if (data.length !== count) throw unusable(`${data.length} vectors for ${count} texts`);
    const listOf = ([list = NaN]: readonly number[]) => this.#lists[list] ?? new Float32Array();
    const vectors = new Map(data.map(({ index, embedding }) => [index, listOf(embedding)]));
    const length = dimensions ?? listOf(data[0]?.embedding ?? []).length;
    return Array.from({ length: count }, (_, index) => {
      const vector = vectors.get(index);
      if (vector === undefined) throw unusable("its indices are not 0 to n-1");
      if (vector.length !== length || length === 0) throw unusable("its vectors' length is wrong");
      const norm = normOf(vector);
      if (!(norm >= NORM.least && norm <= NORM.most)) throw unusable("a vector has no direction");
      return vector;
    });
  }

  /** Numbers up to the end of their list or of the piece; returns where it goes on. */
  #collect(piece: Uint8Array, from: number): number {
    const close = piece.indexOf(CLOSE, from);
    const end = close === -1 ? piece.length : close;
    this.#numbers += this.#decoder.decode(piece.subarray(from, end));
    if (close === -1) return end;
    const numbers = parsed(`[${this.#numbers}]`);
    if (!Array.isArray(numbers) || !numbers.every(Number.isFinite)) throw notVectors();
    if (this.#lists.length === MOST_LISTS) throw notVectors();
    this.#rest += this.#lists.push(Float32Array.from(numbers)) - 1;
    this.#numbers = "";
    return close;
  }

  #reply(): z.infer<typeof Reply> {
    // A list that was never closed has left its bracket open.
    const reply = Reply.safeParse(parsed(this.#rest));
    if (!reply.success) throw notVectors();
    return reply.data;
  }
}

function placeAfter(place: Place, byte: number): Place {
  switch (place) {
    case "text":
      return byte === BACKSLASH ? "escaped" : byte === QUOTE ? "between" : "text";
    case "escaped":
      return "text";
    case "bracket":
      if (byte === MINUS || (byte >= ZERO && byte <= NINE)) return "numbers";
      if (byte <= 0x20) return "bracket";
  }
  return byte === QUOTE ? "text" : byte === OPEN ? "bracket" : "between";
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unusable("it is not JSON");
  }
}

/** NaN or infinite where a component is. */
function normOf(vector: Float32Array): number {
  let sum = 0;
  for (const component of vector) sum += component * component;
  return Math.sqrt(sum);
}

function notVectors(): EmbedderError {
  return unusable("it is not a list of vectors");
}

function unusable(why: string): EmbedderError {
  return new EmbedderError("retry", `Cannot use the provider's reply: ${why}`);
}
