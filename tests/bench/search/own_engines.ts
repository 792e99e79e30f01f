/** Our engines in a process of their own: see `engine.ts`. */
import { Bm25Index } from "../../../src/text_index/bm25.ts";
import type { FullVectors, VectorIndex } from "../../../src/vector_index.ts";
import { QuantisedVectorIndex } from "../../../src/vector_index/quantised.ts";
import { noteId, question, storedNote } from "../notes.ts";
import { type Engine, serveEngine, type Subject } from "./engine.ts";
import { VectorFile } from "./vector_file.ts";

const FOUND = 10;
/** Ids as long as real ones, for what they take of the memory. */
const idOf = (number: number) => `01a20338-9545-7747-84c8-${String(number).padStart(12, "0")}`;
const numberOf = (id: string) => Number(id.slice(24));

/** The index that the product uses. */
const newVectorIndex = (fullVectors: FullVectors): VectorIndex =>
  new QuantisedVectorIndex({ fullVectors });

function vectorEngine(subject: Subject & { kind: "vectors" }): Engine {
  const vectors = new VectorFile(subject.vectors, subject.dimensions);
  const questions = new VectorFile(subject.questions, subject.dimensions);
  // In the product they come out of `embeddings.db`, of the same disk.
  const fullVectors: FullVectors = (ids) =>
    Promise.resolve(ids.map((id) => [vectors.vector(numberOf(id))]));
  const index = newVectorIndex(fullVectors);
  return {
    adding(number) {
      const entries = [{ id: idOf(number), vectors: [vectors.vector(number)] }];
      return () => index.upsert(entries);
    },
    removing: (number) => () => index.delete([idOf(number)]),
    searching(number) {
      const vector = questions.vector(number);
      return async () => {
        const { hits } = await index.search({ vector, limit: FOUND });
        return hits.map(({ id }) => numberOf(id));
      };
    },
  };
}

function wordEngine({ stored }: Subject & { kind: "words" }): Engine {
  const index = new Bm25Index();
  return {
    adding(number) {
      const { memory } = storedNote(number, false);
      return () => index.put(memory);
    },
    removing: (number) => () => index.delete(noteId(number)),
    searching(number) {
      const text = question(number, stored);
      return () =>
        index.search({ text, limit: FOUND }).hits.map(({ id }) => Number(`0x${id.slice(-8)}`));
    },
  };
}

await serveEngine((_, subject) =>
  subject.kind === "vectors" ? vectorEngine(subject) : wordEngine(subject)
);
