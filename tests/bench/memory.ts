/** The most memory that the program takes: at its start, and doing what takes the most. */
import { newNote, question } from "./notes.ts";
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import { mebibytes, table, whole } from "./tables.ts";

const SEARCHES = 200;
const BACKUP_MS = 60_000;

export async function measureMemory({ folders, sizes, note, print }: Run): Promise<void> {
  const stored = sizes.at(-1) ?? 0;
  const rows: string[][] = [];
  for (const backups of ["off", "on"] as const) {
    note(`memory: ${whole(stored)}, backups ${backups}`);
    const peaks = await peaksOf(await folders.filled(stored), stored, backups === "on");
    rows.push([
      backups,
      ...peaks.map((bytes) => bytes === undefined ? "unknown" : mebibytes(bytes)),
    ]);
  }
  const head = ["backups", "ready", "words", "backup", `${SEARCHES} searches`, "export", "stop"];
  print(
    `6. Memory: the most that was resident so far, with ${whole(stored)} memories without vectors

${table(head, rows)}

  As the kernel counts it (VmHWM), up to: readiness; the first search by words; the end of the
  first backup, which is read back; searches by words; an export of everything in one reply; and a
  stop, which writes a snapshot anew and reads it back, as every compaction does.`,
  );
}

/** The peak after each step. */
async function peaksOf(
  folder: string,
  stored: number,
  backups: boolean,
): Promise<(number | undefined)[]> {
  const server = Server.brain(folder, { BACKUP_INTERVAL_HOURS: backups ? "24" : "0" });
  const peaks: (number | undefined)[] = [];
  const step = async (work: Promise<unknown>) => {
    await work;
    peaks.push(await server.peakBytes());
  };
  await step(server.answers("ready"));
  await step(server.answersWords());
  await step(backups ? backedUp(server) : Promise.resolve());
  await step(search(server, stored));
  await step(readAll(server, "/export", {}));
  // What was written since the last snapshot makes the stop write another.
  await readAll(server, "/memories", newNote(5, 0));
  peaks.push(await server.stopPeakBytes());
  return peaks;
}

async function backedUp(server: Server): Promise<void> {
  const end = performance.now() + BACKUP_MS;
  while (performance.now() < end) {
    if (await server.metric("exports_bytes") > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`Cannot measure: there was no backup within ${BACKUP_MS} ms`);
}

async function search(server: Server, stored: number): Promise<void> {
  for (let number = 0; number < SEARCHES; number++) {
    await readAll(server, "/search", { query: question(number, stored), mode: "keyword" });
  }
}

/** Posts, and reads the reply to its end without keeping it. */
async function readAll(server: Server, path: string, content: unknown): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const reply = await server.fetch(path, {
    method: "POST",
    headers,
    body: JSON.stringify(content),
  });
  await reply.body?.pipeTo(new WritableStream());
}
