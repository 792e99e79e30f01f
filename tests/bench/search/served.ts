/**
 * The whole program with a provider of embeddings: filled over `POST /import`, searched over HTTP,
 * started again with everything in `embeddings.db`, and, with the most memories, once more in 512
 * MiB. How much memory it takes at each step, how long searches take, and how long others wait.
 */
import { MemoryLimit, withMemoryLimits } from "../../e2e/memory_limit.ts";
import type { Loaded } from "../load.ts";
import { storedNote } from "../notes.ts";
import { Server } from "../processes.ts";
import type { Run } from "../run.ts";
import type { Timing } from "../statistics.ts";
import { whole } from "../tables.ts";
import { DIMENSIONS, LIMIT_MIB, MODES, report } from "./served_report.ts";

type Mode = (typeof MODES)[number];
const PROBE = { ask: { kind: "live" }, connections: 1, seconds: 300, pauseMs: 2 } as const;
const IMPORT_NOTES = 10_000;
const EMBEDDED_MS = 900_000;
const POLL_MS = 100;
/** Of a measurement's time: for garbage to go, and for others to be held up. */
const PAUSE_ROUNDS = 3;

export interface Step {
  readonly what: string;
  /** Since the process was started. */
  readonly seconds: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export interface Searched {
  readonly mode: Mode | "none";
  readonly alone: Timing | undefined;
  /** Of `GET /health/live`, while such searches run. */
  readonly others: Loaded;
}

/** What was seen with so many memories. */
export interface Served {
  readonly stored: number;
  readonly steps: readonly Step[];
  readonly searched: readonly Searched[];
  /** How it went in a control group; undefined where it was not tried. */
  readonly limited: string | undefined;
}

export async function measureServed(run: Run): Promise<void> {
  const provider = Server.provider(DIMENSIONS);
  const env = {
    OPENAI_BASE_URL: `http://127.0.0.1:${provider.port}/v1`,
    EMBEDDING_MODEL: "bench",
    EMBEDDING_DIMENSIONS: String(DIMENSIONS),
  };
  const served: Served[] = [];
  for (const stored of run.sizes) served.push(await new Serving(run, stored, env).measure());
  await provider.stop();
  report(run, served);
}

class Serving {
  readonly #run: Run;
  readonly #stored: number;
  readonly #env: Record<string, string>;
  readonly #steps: Step[] = [];
  readonly #searched: Searched[] = [];

  constructor(run: Run, stored: number, env: Record<string, string>) {
    this.#run = run;
    this.#stored = stored;
    this.#env = env;
  }

  async measure(): Promise<Served> {
    const { folders, note, sizes } = this.#run;
    const stored = this.#stored;
    const folder = await folders.empty();
    note(`served: filling with ${whole(stored)}`);
    await this.#fill(Server.brain(folder, this.#env));
    await this.#again("started again", Server.brain(folder, this.#env));
    const limited = stored === sizes.at(-1) ? await this.#limited(folder) : undefined;
    await Deno.remove(folder, { recursive: true });
    return { stored, steps: this.#steps, searched: this.#searched, limited };
  }

  async #fill(server: Server): Promise<void> {
    await server.answers("ready");
    await this.#step(server, "imported", () => fill(server, this.#stored));
    await this.#step(server, "all embedded", () => embedded(server, this.#stored));
    await this.#step(server, "some seconds later", () => this.#settled());
    await this.#step(server, "searched", async () => {
      const others = await this.#probed(server, () => this.#settled());
      this.#searched.push({ mode: "none", alone: undefined, others });
      for (const mode of MODES) this.#searched.push(await this.#search(server, mode));
    });
    await server.stop();
  }

  async #again(what: string, server: Server): Promise<void> {
    this.#run.note(`served: ${what}`);
    const step = (then: string, work: () => Promise<unknown>) =>
      this.#step(server, `${what}: ${then}`, work);
    try {
      await step("ready", () => server.answers("ready"));
      await step("all words", () => server.answersWords());
      await step("all vectors", () => embedded(server, this.#stored));
      await step("some seconds later", () => this.#settled());
      await step("searched", async () => {
        for (const mode of MODES) await this.#ask(server, mode, this.#once);
      });
    } finally {
      await server.stop();
    }
  }

  /** In a control group, where there are such. */
  async #limited(folder: string): Promise<string> {
    if (withMemoryLimits.ignore) return `no control group of ${LIMIT_MIB} MiB to be had here`;
    await using limit = await MemoryLimit.of(LIMIT_MIB);
    const what = `in ${LIMIT_MIB} MiB`;
    const env = { ...this.#env, DENO_USE_CGROUPS: "1" };
    try {
      await this.#again(what, Server.brain(folder, env, limit.under));
    } catch (error) {
      return `${what}: ${await limit.kills()} killed by the system; ${error}`;
    }
    return `${what}: ${await limit.kills()} killed by the system, ` +
      `${whole(await limit.peakMib() ?? NaN)} MiB at most with the page cache`;
  }

  async #step(server: Server, what: string, work: () => Promise<unknown>): Promise<void> {
    await work();
    const seconds = server.ageMs / 1000;
    const memory = await server.memory();
    const { residentBytes = NaN, peakBytes = NaN } = memory ?? {};
    this.#steps.push({ what, seconds, residentBytes, peakBytes });
  }

  #settled(): Promise<void> {
    return new Promise((end) => setTimeout(end, this.#pauseSeconds * 1000));
  }

  get #pauseSeconds(): number {
    return PAUSE_ROUNDS * this.#run.seconds;
  }

  /** Each question once. */
  get #once() {
    return { seconds: 30, requests: this.#run.questions };
  }

  #ask(
    server: Server,
    mode: Mode,
    bound: { readonly seconds: number; readonly requests?: number },
  ): Promise<Timing> {
    const { load, questions } = this.#run;
    const ask = { kind: "search", mode, stored: this.#stored, questions } as const;
    return load.run(server, { ask, connections: 1, ...bound });
  }

  /** The first time each question is asked, it is embedded. */
  async #search(server: Server, mode: Mode): Promise<Searched> {
    await this.#ask(server, mode, this.#once);
    const alone = await this.#ask(server, mode, this.#once);
    const bound = { seconds: this.#pauseSeconds };
    const others = await this.#probed(server, () => this.#ask(server, mode, bound));
    return { mode, alone, others };
  }

  async #probed(server: Server, work: () => Promise<unknown>): Promise<Loaded> {
    const { prober } = this.#run;
    const probing = prober.run(server, { ...PROBE, pid: server.pid });
    probing.catch(() => {}); // Its failure is met below; the work's must not hide it.
    await work();
    await prober.stopJob();
    return await probing;
  }
}

async function fill(server: Server, stored: number): Promise<void> {
  for (let from = 0; from < stored; from += IMPORT_NOTES) {
    const count = Math.min(IMPORT_NOTES, stored - from);
    const lines = Array.from(
      { length: count },
      (_, at) => JSON.stringify(storedNote(from + at, false).memory) + "\n",
    );
    const headers = { "Content-Type": "application/x-ndjson" };
    const reply = await server.fetch("/import", { method: "POST", headers, body: lines.join("") });
    await reply.body?.cancel();
  }
}

export async function embedded(server: Server, stored: number): Promise<void> {
  const end = performance.now() + EMBEDDED_MS;
  while (
    await server.metric("embeddings_indexed") < stored ||
    await server.metric("embeddings_pending") > 0
  ) {
    if (performance.now() > end) throw new Error("Cannot measure: the vectors are not indexed");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
