/**
 * Search by vectors, ours beside hnswlib-node and usearch: the same clustered vectors, the same
 * questions, one at a time on one thread, by turns. Ours at every size, the others at the largest.
 */
import type { Run } from "../run.ts";
import { median } from "../statistics.ts";
import { mebibytes, ms, table, whole } from "../tables.ts";
import { type EngineName, type EngineProcess, OURS } from "./engine_process.ts";
import type { Goals } from "./goals.ts";
import { askByTurns, type Asked, build, type BuildOptions, type Built } from "./turns.ts";
import { FOUND, makeVectorData, recall, type VectorData } from "./vector_data.ts";

const DIMENSIONS = [384, 1536] as const;
const CHANGED = 200;
const CHANGE_SECONDS = 60;
const BUILD_SECONDS = 600;
const RIVAL = "hnswlib-node";
/** Of hnswlib's search: 200, and on to where it finds as much as ours. */
const WIDTHS = [200, 400, 800, 1600] as const;
const ENOUGH_RECALL = 0.99;

interface Row {
  readonly name: EngineName;
  readonly note: string;
  readonly dimensions: number;
  readonly stored: number;
  readonly p50: number;
  readonly recall: number;
  readonly figures: readonly string[];
}

export async function measureVectors(run: Run): Promise<void> {
  const { note, print, sizes, questions: asked, goals, folders } = run;
  const rows: Row[] = [];
  const left: string[] = [];
  for (const dimensions of DIMENSIONS) {
    note(`vectors: making ${whole(sizes.at(-1) ?? 0)} of ${dimensions} dimensions`);
    const folder = await folders.empty();
    const data = makeVectorData({ folder, dimensions, sizes, asked, more: CHANGED });
    for (const stored of sizes) {
      note(`vectors: ${dimensions} dimensions, among ${whole(stored)}`);
      const others = !run.alone && stored === sizes.at(-1) ? ([RIVAL, "usearch"] as const) : [];
      const subject = { kind: "vectors", ...data, most: stored + CHANGED } as const;
      const wanted: BuildOptions = {
        subject,
        names: [OURS, ...others],
        stored,
        seconds: BUILD_SECONDS,
      };
      const built = await build(run, wanted, left);
      rows.push(...await compare(built, data, stored));
      for (const { process } of built) await process.end();
    }
    await Deno.remove(folder, { recursive: true });
  }
  print(text(run, rows, left));
  judge(goals, rows);
}

async function compare(
  built: readonly Built[],
  data: VectorData,
  stored: number,
): Promise<Row[]> {
  const asked = await askByTurns(built.map(({ process }) => process), data.asked);
  const rows: Row[] = [];
  const row = (process: EngineProcess, note: string, asked: Asked, rest: readonly string[]) => {
    const { p50s, p95, cpuMs, found } = asked;
    const p50 = median(p50s);
    const share = recall(found, data.nearest.get(stored) ?? []);
    const spread = `${ms(Math.min(...p50s))} to ${ms(Math.max(...p50s))}`;
    const figures = [ms(p50), spread, ms(p95), ms(cpuMs), share.toFixed(3), ...rest];
    rows.push({
      name: process.name,
      note,
      dimensions: data.dimensions,
      stored,
      p50,
      recall: share,
      figures,
    });
    return share;
  };
  let ours = 0, others = 1;
  for (const { process, buildMs } of built) {
    const found = asked.get(process);
    if (found === undefined) continue;
    const resident = await process.residentBytes();
    const changed = await changes(process, stored);
    const rest = [
      (buildMs / 1000).toFixed(1),
      ...changed.map(ms),
      resident === undefined ? "unknown" : mebibytes(resident),
    ];
    const share = row(process, process.name === OURS ? "" : `ef ${WIDTHS[0]}`, found, rest);
    if (process.name === OURS) ours = share;
    if (process.name === RIVAL) others = share;
  }
  const pair = built.map(({ process }) => process)
    .filter(({ name }) => name === OURS || name === RIVAL);
  for (const width of WIDTHS.slice(1)) {
    if (others >= Math.min(ours, ENOUGH_RECALL)) break;
    for (const process of pair) await process.work({ do: "widen", width });
    for (const [process, found] of await askByTurns(pair, data.asked)) {
      const share = row(process, process.name === OURS ? "again" : `ef ${width}`, found, []);
      if (process.name === RIVAL) others = share;
    }
  }
  return rows;
}

/** The median of adding one to a full index, and of taking it away again. */
async function changes(process: EngineProcess, stored: number): Promise<[number, number]> {
  const change = { from: stored, to: stored + CHANGED, seconds: CHANGE_SECONDS } as const;
  const added = await process.work({ do: "add", ...change });
  const removed = await process.work({ do: "remove", ...change });
  return [median(added.latenciesMs), median(removed.latenciesMs)];
}

function text({ questions }: Run, rows: readonly Row[], left: readonly string[]): string {
  const head = [
    "vectors",
    "",
    "dimensions",
    "memories",
    "p50 ms",
    "of rounds",
    "p95 ms",
    "CPU ms",
    `recall@${FOUND}`,
    "build s",
    "add ms",
    "delete ms",
    "RSS",
  ];
  const lines = rows.map(({ name, note, dimensions, stored, figures }) => [
    name,
    note,
    String(dimensions),
    whole(stored),
    ...figures,
  ]);
  const missing = left.map((line) => `\n  Left out: ${line}`).join("");
  return `Vectors: the index alone, one question at a time, one thread, by turns

${table(head, lines)}
${missing}
  ${questions} questions in each of 3 rounds after one to warm up; "of rounds" is the lowest and the
  highest of their medians: how noisy it was. No time counts that a thread waited for a processor;
  CPU is the mean of what a question takes of the thread. Clustered vectors of common direction;
  half of the questions say a vector in other words, half lie between two. Recall against a scan of
  float32. Each engine in a process of its own, ours under Deno, the others under Node; RSS is the
  whole of it. hnswlib and usearch with M 16, ef 200 for building; both build side by side. Where
  hnswlib finds less than ours, its search is widened until it finds as much, beside ours again.`;
}

/** What the goals speak of was measured last at its size, at equal recall where that was had. */
function judge(goals: Goals, rows: readonly Row[]): void {
  const of = (wanted: EngineName) =>
    rows.findLast(({ name, stored, dimensions }) =>
      name === wanted && stored === 100_000 && dimensions === 1536
    );
  const ours = of(OURS), rival = of(RIVAL);
  if (ours === undefined) return;
  const seen = ({ p50, recall }: Row) => `${ms(p50)} ms at ${recall.toFixed(3)}`;
  goals.add(
    "vectors, 100,000 x 1,536: p50 under 4 ms at recall@10 of .99 or more",
    seen(ours),
    ours.p50 < 4 && ours.recall >= ENOUGH_RECALL,
  );
  if (rival === undefined) return;
  goals.add(
    "no slower than hnswlib at equal recall",
    `${seen(ours)}, ${RIVAL} ${seen(rival)} (${rival.note})`,
    ours.p50 <= rival.p50,
  );
}
