/**
 * What every Embedder must do, whatever is behind it. `open` gives one that is ready and what it
 * takes to close it.
 */
import assert from "node:assert/strict";
import { type Embedder, EmbedderError } from "../src/embedder.ts";

export interface OpenEmbedder {
  readonly embedder: Embedder;
  close(): Promise<void>;
}

/** For how things go wrong beneath the embedder. */
export type Setting = "good" | "failing" | "hanging";

export function testEmbedderContract(name: string, open: (setting: Setting) => OpenEmbedder): void {
  const cases: Record<string, [Setting, (embedder: Embedder) => Promise<void>]> = {
    "answers no texts with no vectors": ["failing", async (embedder) => {
      assert.deepEqual(await embedder.embed([], { signal: never() }), []);
    }],
    "answers one vector for each text, in order": ["good", async (embedder) => {
      const texts = ["a garden fence", "a piano concert", "a garden fence"];
      const vectors = await embedder.embed(texts, { signal: never() });
      assert.equal(vectors.length, 3);
      assert.deepEqual(vectors[0], vectors[2]);
      const alone = await embedder.embed(["a piano concert"], { signal: never() });
      assert.deepEqual(vectors[1], alone[0]);
      assert.notDeepEqual(vectors[0], vectors[1]);
    }],
    "answers vectors that are finite, not zero and of one length": ["good", async (embedder) => {
      const vectors = await embedder.embed(["one", "🪴", "a\u0000b\ud800c"], { signal: never() });
      assert.equal(new Set(vectors.map((vector) => vector.length)).size, 1);
      for (const vector of vectors) {
        assert.ok(vector.every(Number.isFinite) && vector.some((component) => component !== 0));
      }
    }],
    "throws an EmbedderError that holds no text": ["failing", async (embedder) => {
      const error = await failureOf(embedder.embed(["my secret diary"], { signal: never() }));
      assert.equal(error.fault, "retry");
      assert.ok(!Deno.inspect(error).includes("diary"), Deno.inspect(error));
    }],
    "gives up when its caller does": ["hanging", async (embedder) => {
      const caller = new AbortController();
      const call = embedder.embed(["a"], { signal: caller.signal });
      caller.abort();
      assert.equal((await failureOf(call)).fault, "retry");
    }],
    "does not begin when its caller has given up already": ["good", async (embedder) => {
      const error = await failureOf(embedder.embed(["a"], { signal: AbortSignal.abort() }));
      assert.equal(error.fault, "retry");
    }],
  };
  for (const [does, [setting, test]] of Object.entries(cases)) {
    Deno.test(`${name} ${does}`, async () => {
      const { embedder, close } = open(setting);
      try {
        await test(embedder);
      } finally {
        await close();
      }
    });
  }
}

export function never(): AbortSignal {
  return new AbortController().signal;
}

export async function failureOf(call: Promise<unknown>): Promise<EmbedderError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof EmbedderError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
