/**
 * The whole program with its vectors in Qdrant, or in what stands in for it in the tests: moved
 * there out of `embeddings.db`, searched, started again with everything there, and left alone by
 * it. How much memory it takes beside a brain with the same texts and none of the vectors, what it
 * asks for, how long searches take, and how long others wait meanwhile.
 */
import type { Loaded } from "../load.ts";
import { question } from "../notes.ts";
import { Server } from "../processes.ts";
import type { Run } from "../run.ts";
import { type Timing, timing } from "../statistics.ts";
import { whole } from "../tables.ts";
import { keepVectors } from "./kept_vectors.ts";
import { ProvidedVectors } from "./provided_vectors.ts";
import { embedded, type Step } from "./served.ts";
import { report } from "./stored_report.ts";

export const DIMENSIONS = 1536;
export const MODES = ["keyword", "semantic", "hybrid"] as const;
type Mode = (typeof MODES)[number];
const MODEL = "bench";
const PROBE = { ask: { kind: "live" }, connections: 1, seconds: 900, pauseMs: 2 } as const;
const STORED_MS = 900_000;
const POLL_MS = 50;
/** Of a measurement's time: for garbage to go. */
const PAUSE_ROUNDS = 3;
/** Asked of the vector store itself. */
const ASKED_ITSELF = 40;

export interface StoredStep extends Step {
  /** Since the step began: what the vector store was asked, and what the process read. */
  readonly requests: number;
  readonly readBytes: number;
  /** Of `GET /health/live`, where it was asked meanwhile. */
  readonly others?: Loaded | undefined;
}

export interface Searched {
  readonly mode: string;
  readonly timing: Timing;
}

/** What was seen with so many memories. */
export interface Stored {
  readonly stored: number;
  readonly vectors: number;
  readonly steps: readonly StoredStep[];
  readonly searched: readonly Searched[];
}

/** At the largest size only: each takes minutes. */
export async function measureStored(run: Run): Promise<void> {
  const provider = Server.provider(DIMENSIONS);
  const env = {
    OPENAI_BASE_URL: `http://127.0.0.1:${provider.port}/v1`,
    EMBEDDING_MODEL: MODEL,
    EMBEDDING_DIMENSIONS: String(DIMENSIONS),
  };
  const stored = run.sizes.at(-1) ?? 0;
  const seen = await new Storing(run, stored, env).measure();
  await provider.stop();
  report(run, seen);
}

class Storing {
  readonly #run: Run;
  readonly #stored: number;
  readonly #env: Record<string, string>;
  readonly #store = Server.vectorStore();
  readonly #steps: StoredStep[] = [];
  readonly #searched: Searched[] = [];

  constructor(run: Run, stored: number, env: Record<string, string>) {
    this.#run = run;
    this.#stored = stored;
    this.#env = env;
  }

  async measure(): Promise<Stored> {
    const { folders, note } = this.#run;
    const env = { ...this.#env, QDRANT_URL: `http://127.0.0.1:${this.#store.port}` };
    note("qdrant: nothing stored");
    await this.#bare("an empty brain", Server.brain(await folders.empty(), this.#env));
    note(`qdrant: ${whole(this.#stored)} texts`);
    const folder = await folders.filled(this.#stored);
    await this.#bare("the texts, and no vectors", Server.brain(folder));
    note("qdrant: making vectors");
    const kind = { model: MODEL, dimensions: DIMENSIONS };
    const vectors = await keepVectors(folder, this.#stored, kind);
    note(`qdrant: moving ${whole(vectors)} there`);
    await this.#move(Server.brain(folder, env), vectors);
    note("qdrant: started again");
    await this.#again(Server.brain(folder, env));
    await Deno.remove(folder, { recursive: true });
    const [steps, searched] = [this.#steps, this.#searched];
    return { stored: this.#stored, vectors, steps, searched };
  }

  async #bare(what: string, server: Server): Promise<void> {
    await server.answers("ready");
    await server.answersWords();
    await this.#step(server, what, () => this.#settled());
    await server.stop();
  }

  async #move(server: Server, vectors: number): Promise<void> {
    const step = (what: string, work: () => Promise<unknown>) => this.#step(server, what, work);
    await step("into an empty Qdrant: ready", () => server.answers("ready"));
    await step("all words", () => server.answersWords());
    await this.#watched(server, "all vectors there", async () => {
      await embedded(server, this.#stored);
      await this.#holds(vectors);
    });
    await step("some seconds later", () => this.#settled());
    await this.#watched(server, "searched", async () => {
      for (const mode of MODES) await this.#search(server, mode, mode);
      await this.#searchItself();
    });
    await step("some seconds later", () => this.#settled());
    await server.stop();
  }

  async #again(server: Server): Promise<void> {
    const step = (what: string, work: () => Promise<unknown>) => this.#step(server, what, work);
    await step("started again: ready", () => server.answers("ready"));
    await this.#watched(server, "searched by meaning", () => this.#answersMeaning(server));
    await this.#watched(server, "all known to be there", () => embedded(server, this.#stored));
    await step("some seconds later", () => this.#settled());
    await this.#store.stop();
    await this.#watched(server, "Qdrant gone: searched", () => this.#searchAlone(server));
    await step("some seconds later", () => this.#settled());
    await server.stop();
  }

  async #step(server: Server, what: string, work: () => Promise<unknown>): Promise<void> {
    await this.#note(server, what, async () => {
      await work();
      return undefined;
    });
  }

  /** Others ask as well, to see how long they wait. */
  async #watched(server: Server, what: string, work: () => Promise<unknown>): Promise<void> {
    const { prober } = this.#run;
    await this.#note(server, what, async () => {
      const probing = prober.run(server, { ...PROBE, pid: server.pid });
      probing.catch(() => {}); // Its failure is met below; the work's must not hide it.
      await work();
      await prober.stopJob();
      return await probing;
    });
  }

  async #note(
    server: Server,
    what: string,
    work: () => Promise<Loaded | undefined>,
  ): Promise<void> {
    const [requests, readBytes] = [await this.#requests(), await server.readBytes()];
    const others = await work();
    const { residentBytes = NaN, peakBytes = NaN } = await server.memory() ?? {};
    this.#steps.push({
      what,
      seconds: server.ageMs / 1000,
      residentBytes,
      peakBytes,
      requests: await this.#requests() - requests,
      readBytes: await server.readBytes() - readBytes,
      others,
    });
  }

  #settled(): Promise<void> {
    return new Promise((end) => setTimeout(end, PAUSE_ROUNDS * this.#run.seconds * 1000));
  }

  /** The first time each question is asked, it is embedded. */
  async #search(server: Server, mode: Mode, name: string): Promise<void> {
    const { load, questions } = this.#run;
    const ask = { kind: "search", mode, stored: this.#stored, questions } as const;
    const job = { ask, connections: 1, seconds: 60, requests: questions };
    await load.run(server, job);
    this.#searched.push({ mode: name, timing: await load.run(server, job) });
  }

  /** While the vector store is away: by words, or by what fits into the process. */
  async #searchAlone(server: Server): Promise<void> {
    await this.#search(server, "hybrid", "hybrid, Qdrant just gone");
    await this.#settled();
    await this.#search(server, "hybrid", "hybrid, some seconds later");
  }

  async #answersMeaning(server: Server): Promise<void> {
    const body = JSON.stringify({ query: question(0, this.#stored), mode: "semantic", limit: 1 });
    const headers = { "Content-Type": "application/json" };
    await polled(async () => {
      const reply = await server.fetch("/search", { method: "POST", headers, body });
      const { results, degraded } = await reply.json() as {
        readonly results: readonly unknown[];
        readonly degraded?: string | null;
      };
      return results.length > 0 && (degraded ?? null) === null;
    });
  }

  /** How long the vector store takes by itself, asked much the same by another client. */
  async #searchItself(): Promise<void> {
    const provided = new ProvidedVectors(DIMENSIONS);
    const latencies: number[] = [];
    const began = performance.now();
    const name = await this.#collection();
    const filter = { must: [{ key: "brain", match: { value: await this.#brain(name) } }] };
    const with_payload = ["memory_id", "content_hash"];
    for (let number = 0; number < 2 * ASKED_ITSELF; number++) {
      const query = [...provided.of(question(number, this.#stored))];
      const body = JSON.stringify({ query, filter, limit: 20, with_payload });
      const sent = performance.now();
      await (await this.#ask(`/collections/${name}/points/query`, body)).text();
      if (number >= ASKED_ITSELF) latencies.push(performance.now() - sent);
    }
    const seconds = (performance.now() - began) / 1000;
    this.#searched.push({ mode: "the vector store itself", timing: timing(latencies, seconds) });
  }

  async #collection(): Promise<string> {
    const { result } = await (await this.#ask("/collections")).json() as {
      readonly result: { readonly collections: readonly { readonly name: string }[] };
    };
    return result.collections[0]?.name ?? "";
  }

  async #brain(collection: string): Promise<string> {
    const reply = await this.#ask(`/collections/${collection}/points/scroll`, '{"limit":1}');
    const { result } = await reply.json() as {
      readonly result: {
        readonly points: readonly { readonly payload: { readonly brain: string } }[];
      };
    };
    return result.points[0]?.payload.brain ?? "";
  }

  async #holds(points: number): Promise<void> {
    await polled(async () => {
      const path = `/collections/${await this.#collection()}/points/count`;
      const { result } = await (await this.#ask(path, '{"exact":true}')).json() as {
        readonly result?: { readonly count: number };
      };
      return (result?.count ?? 0) >= points;
    });
  }

  /** Of whatever kind, but for those that only ask for this number; NaN once it is gone. */
  async #requests(): Promise<number> {
    const text = await this.#ask("/metrics").then((reply) => reply.text(), () => "");
    const counts = [...text.matchAll(/^rest_responses_total\{.*\} (\d+)$/gm)];
    return text === "" ? NaN : counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async #ask(path: string, body?: string): Promise<Response> {
    const headers = { "Content-Type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body };
    return await fetch(`http://127.0.0.1:${this.#store.port}${path}`, init);
  }
}

async function polled(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + STORED_MS;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error("Cannot measure: the vectors are not in Qdrant");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
