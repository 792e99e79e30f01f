/**
 * How long others wait while the program is busy: a second process asks for `/health/live`, which
 * needs no work, again and again. Its longest answer is an upper bound of the longest pause.
 */
import { newNote } from "./notes.ts";
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import type { Timing } from "./statistics.ts";
import { ms, table, whole } from "./tables.ts";

const PROBE = { ask: { kind: "live" }, connections: 1, seconds: 300, pauseMs: 2 } as const;
const IMPORTED = 10_000;
const BUSY = 32;

export async function measurePauses(run: Run): Promise<void> {
  const { folders, sizes, note, print, seconds } = run;
  const rows: string[][] = [];
  const add = (what: string, timing: Timing) =>
    rows.push([what, whole(timing.requests), ...[timing.p50, timing.p99, timing.longest].map(ms)]);
  const rest = sizes.at(-1) ?? 0;
  const few = sizes.find((size) => size >= IMPORTED) ?? rest;

  note("pauses: starting");
  const server = Server.brain(await folders.filled(few));
  await server.answers("ready");
  add(
    "nothing else",
    await probed(run, server, () => new Promise((end) => setTimeout(end, 1000 * seconds))),
  );
  note("pauses: writing");
  const compactions = { count: 0 };
  add(
    `writing on ${BUSY} connections`,
    await probed(run, server, () => write(run, server, compactions)),
  );
  note("pauses: importing");
  add(`importing ${whole(IMPORTED)}`, await probed(run, server, () => importNotes(server)));
  await server.stop();

  const large = Server.brain(await folders.filled(rest));
  note(`pauses: among ${whole(rest)}`);
  await large.answers("live");
  add(
    `loading ${whole(rest)} at the start`,
    await probed(run, large, () => large.answers("ready")),
  );
  const asks = { list: "listing", keyword: "searching words" } as const;
  for (const kind of ["list", "keyword"] as const) {
    const ask = kind === "list" ? { kind } : { kind, stored: rest };
    const work = () => run.load.run(large, { ask, connections: 1, seconds: 2 * seconds });
    add(`${asks[kind]} among ${whole(rest)}`, await probed(run, large, work));
  }
  await large.stop();

  const head = ["meanwhile", "probes", "p50 ms", "p99 ms", "longest ms"];
  print(`5. Pauses: how long GET /health/live takes while the program does other work

${table(head, rows)}

  The brain of the first lines held ${whole(few)} memories before; its snapshot was rewritten
  ${compactions.count} times during the writing. A probe waits for the requests that came before it in
  the same turn, and for a processor: the longest answer is an upper bound of the longest pause.`);
}

async function probed(
  { prober }: Run,
  server: Server,
  work: () => Promise<unknown>,
): Promise<Timing> {
  const timing = prober.run(server, PROBE);
  timing.catch(() => {}); // Its failure is met below; the work's must not hide it.
  await work();
  await prober.stopJob();
  return await timing;
}

/** Writes until the snapshot was rewritten twice, or for so long that it should have been. */
async function write(run: Run, server: Server, compactions: { count: number }): Promise<void> {
  let size = await server.metric("snapshot_bytes");
  const end = performance.now() + 20_000 * run.seconds;
  while (compactions.count < 2 && performance.now() < end) {
    await run.load.run(server, {
      ask: { kind: "create", stream: 3 },
      connections: BUSY,
      seconds: run.seconds,
    });
    const now = await server.metric("snapshot_bytes");
    if (now !== size) compactions.count++;
    size = now;
  }
}

async function importNotes(server: Server): Promise<void> {
  const lines = Array.from({ length: IMPORTED }, (_, i) => JSON.stringify(newNote(4, i)) + "\n");
  const headers = { "Content-Type": "application/x-ndjson" };
  const reply = await server.fetch("/import", { method: "POST", headers, body: lines.join("") });
  const { imported } = await reply.json() as { readonly imported: number };
  if (imported !== IMPORTED) throw new Error(`Cannot measure: ${imported} were imported`);
}
