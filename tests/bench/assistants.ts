/**
 * What it costs an assistant to ask by the Model Context Protocol: the same question, asked by REST
 * and as `tools/call memory_search`, one after the other over one connection each.
 */
import { Connection, requestBytes } from "./connection.ts";
import { question } from "./notes.ts";
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import { median, percentile } from "./statistics.ts";
import { ms, table, whole } from "./tables.ts";

const LIMIT = 10;
/** What the protocol may add to a search. */
const GOAL_MS = 1;

const ERAS = ["2025-11-25", "2026-07-28"] as const;

/** How each asks: by REST, and in either era of the protocol. */
function asked(stored: number, key: string, number: number) {
  const query = question(number, stored);
  const args = { query, limit: LIMIT, mode: "keyword" };
  const accept = { Accept: "application/json, text/event-stream" };
  const call = (version: string, _meta: object) => ({
    jsonrpc: "2.0",
    id: number,
    method: "tools/call",
    params: { name: "memory_search", arguments: args, ...(version === ERAS[1] && { _meta }) },
  });
  return [
    requestBytes("POST", "/search", key, args),
    ...ERAS.map((version) => {
      const meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": {},
      };
      const named = { "Mcp-Method": "tools/call", "Mcp-Name": "memory_search" };
      return requestBytes("POST", "/mcp", key, call(version, meta), {
        ...accept,
        "MCP-Protocol-Version": version,
        ...(version === ERAS[1] && named),
      });
    }),
  ];
}

/** Milliseconds of each question, by who asked. Who is first changes from question to question. */
async function measured(server: Server, stored: number, questions: number): Promise<number[][]> {
  const ways = 1 + ERAS.length;
  const open = await Promise.all(
    Array.from({ length: ways }, () => Connection.open(server.port)),
  );
  const took: number[][] = open.map(() => []);
  try {
    for (let number = 0; number < questions; number++) {
      const requests = asked(stored, server.key, number);
      for (let step = 0; step < ways; step++) {
        const way = (number + step) % ways;
        const began = performance.now();
        const status = await open[way]?.exchange(requests[way] ?? new Uint8Array());
        took[way]?.push(performance.now() - began);
        if (status !== 200) throw new Error(`Cannot measure: it was answered with ${status}`);
      }
    }
  } finally {
    for (const connection of open) connection.close();
  }
  return took;
}

export async function measureAssistants(run: Run): Promise<void> {
  const { folders, sizes, searches, note, print, goals } = run;
  const rows: string[][] = [];
  for (const stored of sizes) {
    note(`mcp: among ${whole(stored)}`);
    const server = Server.brain(await folders.filled(stored, false));
    await server.answers("ready");
    // The first request loads what speaks the protocol; the next ones make it fast.
    await measured(server, stored, Math.ceil(searches / 2));
    const [rest = [], ...eras] = await measured(server, stored, searches);
    for (const [index, took] of eras.entries()) {
      const era = ERAS[index] ?? "";
      const added = median(took) - median(rest);
      const pairs = median(took.map((one, number) => one - (rest[number] ?? NaN)));
      rows.push([
        ...[whole(stored), era, ms(median(rest)), ms(median(took)), ms(added), ms(pairs)],
        ...[ms(percentile(rest, 0.95)), ms(percentile(took, 0.95))],
      ]);
      const what = `mcp: at most ${GOAL_MS} ms over REST, ${era}, among ${whole(stored)}`;
      goals.add(what, `${ms(added)} ms`, added <= GOAL_MS);
    }
    await server.stop();
  }
  const head = ["memories", "revision", "REST p50", "MCP p50", "added", "in pairs", "REST p95"];
  print(`7. Assistants: tools/call memory_search beside POST /search, limit ${LIMIT}, ms

${table([...head, "MCP p95"], rows)}

  "Added" is the difference of the medians, "in pairs" the median of the differences, question by
  question. Both search by words and answer all that they found; who asks first takes turns.`);
}
