/**
 * The process that asks: takes jobs from standard input, one JSON line each, and answers each with
 * a line of timings. A process of its own, so that asking and answering do not share a thread.
 */
import { textLines } from "./text_lines.ts";
import { Connection, requestBytes } from "./connection.ts";
import { newNote, noteId, question, questionVector } from "./notes.ts";
import { type Timing, timing } from "./statistics.ts";

/** What to ask; `stored` is how many notes the brain was filled with. */
export type Ask =
  | { readonly kind: "create"; readonly stream: number }
  | { readonly kind: "read" | "keyword"; readonly stored: number }
  | { readonly kind: "list" | "vector" | "live" }
  /** The same questions in every mode, so many. */
  | {
    readonly kind: "search";
    readonly mode: string;
    readonly stored: number;
    readonly questions: number;
  };

export interface Job {
  readonly ask: Ask;
  readonly port: number;
  readonly key: string;
  readonly connections: number;
  /** Ends after this time, after so many requests, or when told to, whatever comes first. */
  readonly seconds: number;
  readonly requests?: number;
  /** Waits so long between two requests of a connection. */
  readonly pauseMs?: number;
  /** The server's process, for how long the answers take without waiting for a processor. */
  readonly pid?: number;
}

/** Asked to end its job early. */
export const STOP = "stop";

export interface Loaded extends Timing {
  /** The longest answer, without what both processes' first threads waited for a processor
   * meanwhile; NaN where the server's process was not named or the system does not say. */
  readonly longestOwn: number;
}

export type LoadAnswer = { readonly timing: Loaded } | { readonly problem: string };

const CREATES = 3_000;
const READS = 2_000;
const QUESTIONS = 500;

function requestsOf({ ask, key }: Job): Uint8Array[] {
  const many = (count: number, request: (number: number) => Uint8Array) =>
    Array.from({ length: count }, (_, number) => request(number));
  switch (ask.kind) {
    case "create":
      return many(
        CREATES,
        (number) => requestBytes("POST", "/memories", key, newNote(ask.stream, number)),
      );
    case "read":
      return many(READS, (number) => {
        // A step that shares no factor with any size we use: every part of the store is read.
        const id = noteId((number * 7919) % ask.stored);
        return requestBytes("GET", `/memories/${id}`, key);
      });
    case "list":
      return [requestBytes("GET", "/memories?limit=20", key)];
    case "live":
      return [requestBytes("GET", "/health/live", key)];
    case "keyword":
      return many(QUESTIONS, (number) => {
        const query = question(number, ask.stored);
        return requestBytes("POST", "/search", key, { query, mode: "keyword" });
      });
    case "search":
      return many(ask.questions, (number) => {
        const query = question(number, ask.stored);
        return requestBytes("POST", "/search", key, { query, mode: ask.mode });
      });
    case "vector":
      return many(QUESTIONS, (number) => {
        const embedding = [...questionVector(number)];
        return requestBytes("POST", "/search", key, { embedding, mode: "semantic" });
      });
  }
}

/** That the threads were ready to run, and others ran (Linux). */
function waitedMs(pids: readonly (number | undefined)[]): number {
  try {
    return pids.reduce<number>((sum, pid) => {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`);
      return sum + Number(text.split(" ")[1]) / 1e6;
    }, 0);
  } catch {
    return NaN;
  }
}

let stopped = false;

async function carryOut(job: Job): Promise<Loaded> {
  const { port, connections, seconds, requests: most = Infinity, pauseMs = 0, ask } = job;
  const requests = requestsOf(job);
  const wanted = ask.kind === "create" ? 201 : 200;
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
  const latencies: number[] = [];
  const both = [job.pid, Deno.pid];
  let next = 0, longestOwn = 0;
  const began = performance.now();
  const end = began + 1000 * seconds;
  try {
    await Promise.all(open.map(async (connection) => {
      while (!stopped && next < most && performance.now() < end) {
        const request = requests[next++ % requests.length] ?? new Uint8Array();
        const waited = job.pid === undefined ? NaN : waitedMs(both);
        const sent = performance.now();
        const status = await connection.exchange(request);
        const took = performance.now() - sent;
        latencies.push(took);
        if (job.pid !== undefined) {
          longestOwn = Math.max(longestOwn, took - (waitedMs(both) - waited));
        }
        if (status !== wanted) throw new Error(`"${ask.kind}" was answered with ${status}`);
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }));
    const taken = timing(latencies, (performance.now() - began) / 1000);
    return { ...taken, longestOwn: job.pid === undefined ? NaN : longestOwn };
  } finally {
    for (const connection of open) connection.close();
  }
}

async function answer(line: string): Promise<LoadAnswer> {
  try {
    return { timing: await carryOut(JSON.parse(line) as Job) };
  } catch (error) {
    return { problem: String(error) };
  }
}

if (import.meta.main) {
  for await (const line of textLines(Deno.stdin.readable)) {
    if (line === STOP) {
      stopped = true;
      continue;
    }
    stopped = false;
    answer(line).then((reply) => console.log(JSON.stringify(reply)));
  }
}
