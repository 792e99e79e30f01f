/** Search over HTTP, one question at a time: by words, and by vectors that the client sends. */
import { DIMENSIONS, question } from "./notes.ts";
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import { KEYWORD_GOAL, keywordGoal } from "./search/goals.ts";
import { ms, table, whole } from "./tables.ts";

const READY_MS = 120_000;
/** Where searches take long, fewer are asked. */
const MOST_SECONDS = 16;

export async function measureSearches(run: Run): Promise<void> {
  const { folders, sizes, wordSizes, load, note, searches, print, goals } = run;
  const rows: string[][] = [];
  for (const kind of ["keyword", "vector"] as const) {
    for (const stored of kind === "keyword" ? wordSizes : sizes) {
      note(`search: by ${kind}, among ${whole(stored)}`);
      const server = Server.brain(await folders.filled(stored, kind === "vector"));
      await server.answers("ready");
      if (kind === "vector") await indexed(server, stored);
      const ask = kind === "keyword" ? { kind, stored } : { kind };
      const warm = Math.ceil(searches / 4);
      await load.run(server, { ask, connections: 1, seconds: MOST_SECONDS / 4, requests: warm });
      const { p50, p95, longest, requests, cpuMs } = await load.run(server, {
        ask,
        connections: 1,
        seconds: MOST_SECONDS,
        requests: searches,
      });
      if (kind === "keyword" && stored === KEYWORD_GOAL.stored) {
        keywordGoal(goals, "over HTTP", p95);
      }
      const resident = await server.metric("resident_bytes");
      const found = kind === "keyword" ? await meanFound(server, stored) : stored;
      const figures = [p50, p95, longest, cpuMs].map(ms);
      rows.push([
        kind,
        whole(stored),
        ...figures,
        whole(requests),
        whole(found),
        whole(resident / 1024 / 1024),
      ]);
      await server.stop();
    }
  }
  const head = [
    "search by",
    "memories",
    "p50 ms",
    "p95 ms",
    "longest ms",
    "CPU ms",
    "asked",
    "match",
    "RSS MiB",
  ];
  print(`3. Search: POST /search over HTTP, limit 10, one connection

${table(head, rows)}

  Words: questions of 2 to 8 words out of the notes (Zipfian words, names, dates, threads); "match"
  is how many memories a question finds, on average. Vectors: ${DIMENSIONS} dimensions in 256 clusters,
  kept with the memories as \`embedding\` and loaded from the data folder at start-up; every search
  compares all of them, and sends its own vector as JSON.`);
}

async function indexed(server: Server, wanted: number): Promise<void> {
  const end = performance.now() + READY_MS;
  while (await server.metric("embeddings_indexed") < wanted) {
    if (performance.now() > end) throw new Error("Cannot measure: the vectors are not indexed");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function meanFound(server: Server, stored: number): Promise<number> {
  const asked = 20;
  let sum = 0;
  for (let number = 0; number < asked; number++) {
    const body = JSON.stringify({ query: question(number, stored), mode: "keyword" });
    const headers = { "Content-Type": "application/json" };
    const reply = await server.fetch("/search", { method: "POST", headers, body });
    sum += (await reply.json() as { readonly total: number }).total;
  }
  return sum / asked;
}
