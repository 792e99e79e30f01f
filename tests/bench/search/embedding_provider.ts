/**
 * A provider of embeddings that costs next to nothing to ask: an OpenAI-compatible server on
 * loopback whose vectors are clustered as real ones are, the same for the same text.
 *
 *     embedding_provider.ts PORT DIMENSIONS
 */
import { z } from "zod";
import { PLACES, ProvidedVectors } from "./provided_vectors.ts";

const Asked = z.object({ input: z.array(z.string()) });

/** Writing 1,536 numbers anew for each text would take longer than what is measured. */
class Digits {
  readonly #texts = new Map<number, string>();

  text(number: number): string {
    const rounded = Math.round(number * PLACES);
    let text = this.#texts.get(rounded);
    if (text === undefined) this.#texts.set(rounded, text = String(rounded / PLACES));
    return text;
  }
}

function provider(dimensions: number): (request: Request) => Promise<Response> {
  const vectors = new ProvidedVectors(dimensions);
  const digits = new Digits();
  const numbersOf = (text: string) =>
    Array.from(vectors.of(text), (number) => digits.text(number)).join();
  return async (request) => {
    const { input } = Asked.parse(await request.json());
    const rows = input.map((text, index) => `{"index":${index},"embedding":[${numbersOf(text)}]}`);
    return new Response(`{"object":"list","model":"bench","data":[${rows.join()}]}`, {
      headers: { "Content-Type": "application/json" },
    });
  };
}

const [port = "", dimensions = ""] = Deno.args;
Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen() {} },
  provider(Number(dimensions)),
);
