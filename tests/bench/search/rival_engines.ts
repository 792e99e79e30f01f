/**
 * Engines of others, run by Node: see `engine.ts`. Bundled before, as Node takes no TypeScript.
 * Argument: the folder that holds their packages, which are no dependencies of this project.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { question, storedNote } from "../notes.ts";
import { type Engine, type OpenEngine, serveEngine, type Subject } from "./engine.ts";
import { VectorFile } from "./vector_file.ts";

const [, , folder = ""] = process.argv;
const requirePackage = createRequire(join(folder, "package.json"));

const FOUND = 10;
/** What hnswlib's own examples build with, and the width of the search that recall asks for. */
const HNSW = { m: 16, efConstruction: 200, efSearch: 200 } as const;
const ONE_THREAD = 1;
const SEED = 100;

type Vectors = Subject & { readonly kind: "vectors" };
type Words = Subject & { readonly kind: "words" };

interface HnswIndex {
  initIndex(most: number, m: number, efConstruction: number, seed: number): void;
  setEf(ef: number): void;
  addPoint(vector: number[], label: number): void;
  markDelete(label: number): void;
  searchKnn(vector: number[], k: number): { readonly neighbors: number[] };
}

function hnswlib(subject: Vectors): Engine {
  const hnsw: { HierarchicalNSW: new (space: string, dimensions: number) => HnswIndex } =
    requirePackage("hnswlib-node");
  const { vectors, questions } = filesOf(subject);
  const index = new hnsw.HierarchicalNSW("cosine", subject.dimensions);
  index.initIndex(subject.most, HNSW.m, HNSW.efConstruction, SEED);
  index.setEf(HNSW.efSearch);
  return {
    adding(number) {
      const vector = [...vectors.vector(number)]; // It takes no typed arrays.
      return () => index.addPoint(vector, number);
    },
    removing: (number) => () => index.markDelete(number),
    widen: (width) => index.setEf(width),
    searching(number) {
      const vector = [...questions.vector(number)];
      return () => index.searchKnn(vector, FOUND).neighbors;
    },
  };
}

interface UsearchIndex {
  add(key: bigint, vector: Float32Array, threads: number): void;
  remove(key: bigint): void;
  search(vector: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array };
}

function usearch(subject: Vectors): Engine {
  const { Index }: { Index: new (options: object) => UsearchIndex } = requirePackage("usearch");
  const { vectors, questions } = filesOf(subject);
  const index = new Index({
    metric: "cos",
    quantization: "f32",
    dimensions: subject.dimensions,
    connectivity: HNSW.m,
    expansion_add: HNSW.efConstruction,
    expansion_search: HNSW.efSearch,
  });
  return {
    adding(number) {
      const vector = vectors.vector(number);
      return () => index.add(BigInt(number), vector, ONE_THREAD);
    },
    removing: (number) => () => index.remove(BigInt(number)),
    searching(number) {
      const vector = questions.vector(number);
      return () => [...index.search(vector, FOUND, ONE_THREAD).keys].map(Number);
    },
  };
}

function filesOf({ vectors, questions, dimensions }: Vectors) {
  return {
    vectors: new VectorFile(vectors, dimensions),
    questions: new VectorFile(questions, dimensions),
  };
}

/** What all of them index: the note's text, its tags and its author. */
function document(number: number) {
  const { content, tags, metadata } = storedNote(number, false).memory;
  return { id: String(number), content, tags: tags.join(" "), author: String(metadata["author"]) };
}

const FIELDS = ["content", "tags", "author"];

interface MiniSearchIndex {
  add(document: object): void;
  discard(id: string): void;
  search(text: string): readonly { readonly id: string }[];
}

function minisearch({ stored }: Words): Engine {
  const MiniSearch: new (options: object) => MiniSearchIndex = requirePackage("minisearch");
  const index = new MiniSearch({ fields: FIELDS });
  return {
    adding(number) {
      const added = document(number);
      return () => index.add(added);
    },
    removing: (number) => () => index.discard(String(number)),
    searching(number) {
      const text = question(number, stored);
      return () => index.search(text).slice(0, FOUND).map(({ id }) => Number(id));
    },
  };
}

interface Orama {
  create(options: object): object;
  insert(db: object, document: object): unknown;
  remove(db: object, id: string): unknown;
  search(db: object, query: object): Promise<{ readonly hits: readonly { readonly id: string }[] }>;
}

function orama({ stored }: Words): Engine {
  const { create, insert, remove, search }: Orama = requirePackage("@orama/orama");
  const schema = { id: "string", ...Object.fromEntries(FIELDS.map((name) => [name, "string"])) };
  const db = create({ schema, language: "english" });
  return {
    adding(number) {
      const added = document(number);
      return () => insert(db, added);
    },
    removing: (number) => () => remove(db, String(number)),
    searching(number) {
      const term = question(number, stored);
      return async () =>
        (await search(db, { term, limit: FOUND, properties: FIELDS })).hits.map(({ id }) =>
          Number(id)
        );
    },
  };
}

const open: OpenEngine = (name, subject) => {
  const engines: Record<string, () => Engine> = subject.kind === "vectors"
    ? { "hnswlib-node": () => hnswlib(subject), usearch: () => usearch(subject) }
    : { minisearch: () => minisearch(subject), "@orama/orama": () => orama(subject) };
  const engine = engines[name];
  if (engine === undefined) throw new Error(`Cannot open "${name}": there is no such engine`);
  return engine();
};

await serveEngine(open);
