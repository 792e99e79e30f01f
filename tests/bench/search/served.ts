/**
 * The whole program with a provider of embeddings: filled over `POST /import`, searched over HTTP,
 * started again with everything in `embeddings.db`, and once more in 512 MiB. How much memory it
 * takes at each step, how long searches take, and how long others wait for them.
 */
import { MemoryLimit, withMemoryLimits } from "../../e2e/memory_limit.ts";
import { storedNote } from "../notes.ts";
import { Server } from "../processes.ts";
import type { Run } from "../run.ts";
import type { Loaded } from "../load.ts";
import type { Timing } from "../statistics.ts";
import { mebibytes, ms, table, whole } from "../tables.ts";

const DIMENSIONS = 1536;
const TOLD = ["p50", "p95", "longest", "cpuMs"] as const;
const MODES = ["keyword", "semantic", "hybrid"] as const;
type Mode = (typeof MODES)[number];
const PROBE = { ask: { kind: "live" }, connections: 1, seconds: 300, pauseMs: 2 } as const;
const IMPORT_NOTES = 10_000;
const EMBEDDED_MS = 900_000;
const POLL_MS = 100;
const LIMIT_MIB = 512;
const LONGEST_WAIT_MS = 20;
/** Of a measurement's time: for garbage to go, and for others to be held up. */
const PAUSE_ROUNDS = 3;

interface Step {
  readonly what: string;
  /** Since the process was started. */
  readonly seconds: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

interface Searched {
  readonly mode: Mode | "none";
  readonly alone: Timing | undefined;
  /** Of `GET /health/live`, while such searches run. */
  readonly others: Loaded;
}

export async function measureServed(run: Run): Promise<void> {
  const { folders, sizes, note } = run;
  const stored = sizes.at(-1) ?? 0;
  const settled = () =>
    new Promise<void>((end) => setTimeout(end, 1000 * PAUSE_ROUNDS * run.seconds));
  const provider = Server.provider(DIMENSIONS);
  const folder = await folders.empty();
  const env = {
    OPENAI_BASE_URL: `http://127.0.0.1:${provider.port}/v1`,
    EMBEDDING_MODEL: "bench",
    EMBEDDING_DIMENSIONS: String(DIMENSIONS),
  };
  note(`served: filling with ${whole(stored)}`);
  const first = Server.brain(folder, env);
  const steps: Step[] = [];
  await first.answers("ready");
  steps.push(await step(first, "imported", () => fill(first, stored)));
  steps.push(await step(first, "all embedded", () => embedded(first, stored)));
  steps.push(await step(first, "some seconds later", settled));
  const searched: Searched[] = [];
  const searching = async () => {
    searched.push({ mode: "none", alone: undefined, others: await probed(run, first, settled) });
    for (const mode of MODES) searched.push(await search(run, first, mode, stored));
  };
  steps.push(await step(first, "searched", searching));
  await first.stop();

  const again = async (what: string, server: Server) => {
    note(`served: ${what}`);
    steps.push(await step(server, `${what}: ready`, () => server.answers("ready")));
    steps.push(await step(server, `${what}: all words`, () => server.answersWords()));
    steps.push(await step(server, `${what}: all vectors`, () => embedded(server, stored)));
    steps.push(await step(server, `${what}: some seconds later`, settled));
    for (const mode of MODES) await ask(run, server, mode, stored);
    steps.push(await step(server, `${what}: searched`, settled));
    await server.stop();
  };
  await again("started again", Server.brain(folder, env));
  const limited = await within(env, folder, again);
  await provider.stop();
  report(run, stored, steps, searched, limited);
}

/** In a control group, where there are such. */
async function within(
  env: Record<string, string>,
  folder: string,
  again: (what: string, server: Server) => Promise<void>,
): Promise<string> {
  if (withMemoryLimits.ignore) return `no control group of ${LIMIT_MIB} MiB to be had here`;
  await using limit = await MemoryLimit.of(LIMIT_MIB);
  const what = `in ${LIMIT_MIB} MiB`;
  try {
    await again(what, Server.brain(folder, { ...env, DENO_USE_CGROUPS: "1" }, limit.under));
  } catch (error) {
    return `${what}: ${await limit.kills()} killed by the system; ${error}`;
  }
  return `${what}: ${await limit.kills()} killed by the system, ` +
    `${whole(await limit.peakMib() ?? NaN)} MiB at most with the page cache`;
}

async function step(server: Server, what: string, work: () => Promise<unknown>): Promise<Step> {
  await work();
  const seconds = server.ageMs / 1000;
  const memory = await server.memory();
  return {
    what,
    seconds,
    residentBytes: memory?.residentBytes ?? NaN,
    peakBytes: memory?.peakBytes ?? NaN,
  };
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

async function embedded(server: Server, stored: number): Promise<void> {
  const end = performance.now() + EMBEDDED_MS;
  while (
    await server.metric("embeddings_indexed") < stored ||
    await server.metric("embeddings_pending") > 0
  ) {
    if (performance.now() > end) throw new Error("Cannot measure: the vectors are not indexed");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function ask(
  { load, questions }: Run,
  server: Server,
  mode: Mode,
  stored: number,
  bound: { readonly seconds: number; readonly requests?: number } = {
    seconds: 30,
    requests: questions,
  },
): Promise<Timing> {
  const ask = { kind: "search", mode, stored, questions } as const;
  return load.run(server, { ask, connections: 1, ...bound });
}

/** The first time each question is asked, it is embedded. */
async function search(run: Run, server: Server, mode: Mode, stored: number): Promise<Searched> {
  await ask(run, server, mode, stored);
  const alone = await ask(run, server, mode, stored);
  const bound = { seconds: PAUSE_ROUNDS * run.seconds };
  const others = await probed(run, server, () => ask(run, server, mode, stored, bound));
  return { mode, alone, others };
}

async function probed(
  { prober }: Run,
  server: Server,
  work: () => Promise<unknown>,
): Promise<Loaded> {
  const probing = prober.run(server, { ...PROBE, pid: server.pid });
  probing.catch(() => {}); // Its failure is met below; the work's must not hide it.
  await work();
  await prober.stopJob();
  return await probing;
}

function report(
  { print, goals, questions }: Run,
  stored: number,
  steps: readonly Step[],
  searched: readonly Searched[],
  limited: string,
): void {
  const memory = table(
    ["step", "after s", "resident", "peak so far"],
    steps.map(({ what, seconds, residentBytes, peakBytes }) => [
      what,
      seconds.toFixed(1),
      mebibytes(residentBytes),
      mebibytes(peakBytes),
    ]),
  );
  const times = table(
    [
      "mode",
      "p50 ms",
      "p95 ms",
      "longest ms",
      "CPU ms",
      "others p50 ms",
      "p99 ms",
      "longest ms",
      "own ms",
    ],
    searched.map(({ mode, alone, others }) => [
      mode,
      ...(alone === undefined ? ["", "", "", ""] : TOLD.map((figure) => ms(alone[figure]))),
      ...[others.p50, others.p99, others.longest, others.longestOwn].map(ms),
    ]),
  );
  print(`The whole program: ${whole(stored)} notes with vectors of ${DIMENSIONS} from a provider

${memory}

  Steps of one process after the other, as the kernel counts them (VmRSS, VmHWM); a peak is of its
  process up to there. ${limited}.

POST /search over HTTP, and GET /health/live asked every 2 ms while such searches run

${times}

  ${questions} questions that the provider was asked for before, on one connection. Mode "none": what a
  probe waits with nothing else to do, which is the machine's part in the lines below; "own" is the
  longest without the time that both sides waited for a processor.`);
  if (stored !== 100_000) return;
  const resident = Math.max(...steps.map(({ residentBytes }) => residentBytes));
  const peak = Math.max(...steps.map(({ peakBytes }) => peakBytes));
  goals.add(
    `100,000 memories with 1,536-dimension vectors in ${LIMIT_MIB} MiB, the whole process`,
    `resident ${mebibytes(resident)}, peak ${mebibytes(peak)}; ${limited}`,
    peak <= LIMIT_MIB * 2 ** 20,
  );
  const longest = Math.max(...searched.map(({ others }) => others.longest));
  const own = Math.max(...searched.map(({ others }) => others.longestOwn));
  goals.add(
    `no search holds up another request for more than ${LONGEST_WAIT_MS} ms`,
    `${ms(own)} ms, and ${ms(longest)} with the waiting for a processor`,
    (Number.isNaN(own) ? longest : own) <= LONGEST_WAIT_MS,
  );
}
