/** The quantised vector index: the contract, with either kernel. */
import { PlainKernel } from "../src/vector_index/plain_kernel.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { SourcedVectorIndex } from "./fakes/sourced_index.ts";
import { vectorIndexContract } from "./vector_index_contract.ts";

vectorIndexContract("float scan", () => Promise.resolve({ index: new FloatScan() }));
vectorIndexContract("quantised", () => Promise.resolve({ index: new SourcedVectorIndex() }));
vectorIndexContract("quantised, plain kernel", () =>
  Promise.resolve({
    index: new SourcedVectorIndex({ newKernel: (maxBytes) => new PlainKernel(maxBytes) }),
  }));
