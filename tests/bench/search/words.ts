/** Search by words, ours beside minisearch and @orama/orama, over the same notes. */
import type { Run } from "../run.ts";
import { median } from "../statistics.ts";
import { mebibytes, ms, table, whole } from "../tables.ts";
import { type EngineName, OURS } from "./engine_process.ts";
import { KEYWORD_GOAL, keywordGoal } from "./goals.ts";
import { askByTurns, build, type BuildOptions, type Built } from "./turns.ts";

const CHANGED = 200;
const SECONDS = 120;
/** The others are asked among so many and more. */
const MANY = 10_000;

interface Row {
  readonly name: EngineName;
  readonly stored: number;
  readonly p95: number;
  readonly figures: readonly string[];
}

export async function measureWords(run: Run): Promise<void> {
  const { note, print, wordSizes, questions, goals } = run;
  const rows: Row[] = [];
  const left: string[] = [];
  for (const stored of wordSizes) {
    note(`words: among ${whole(stored)}`);
    const others = stored > MANY || stored === wordSizes.at(-1)
      ? (["minisearch", "@orama/orama"] as const)
      : [];
    const subject = { kind: "words", stored } as const;
    const wanted: BuildOptions = { subject, names: [OURS, ...others], stored, seconds: SECONDS };
    const built = await build(run, wanted, left);
    rows.push(...await compare(built, stored, questions));
    for (const { process } of built) await process.end();
  }
  const head = [
    "words",
    "memories",
    "p50 ms",
    "of rounds",
    "p95 ms",
    "CPU ms",
    "build s",
    "put ms",
    "delete ms",
    "RSS",
  ];
  const lines = rows.map(({ name, stored, figures }) => [name, whole(stored), ...figures]);
  const missing = left.map((line) => `\n  Left out: ${line}`).join("");
  print(`Words: the index alone, one question at a time, by turns

${table(head, lines)}
${missing}
  ${questions} questions of 2 to 8 words out of the notes in each of 3 rounds after one to warm up,
  the best ten of each; "of rounds" is the lowest and the highest of their medians. No time counts
  that a thread waited for a processor; CPU is the mean of what a question takes of the thread. The
  same texts, tags and authors for all, each engine as it comes, in a process of its own; RSS is the
  whole of it and holds, of ours, the notes too.`);
  const ours = rows.find(({ name, stored }) => name === OURS && stored === KEYWORD_GOAL.stored);
  if (ours !== undefined) keywordGoal(goals, "the index alone", ours.p95);
}

async function compare(
  built: readonly Built[],
  stored: number,
  questions: number,
): Promise<Row[]> {
  const asked = await askByTurns(built.map(({ process }) => process), questions);
  const rows: Row[] = [];
  for (const { process, buildMs, addMs } of built) {
    const found = asked.get(process);
    if (found === undefined) continue;
    const { p50s, p95, cpuMs } = found;
    const resident = await process.residentBytes();
    const removed = await process.work({ do: "remove", from: 0, to: CHANGED, seconds: SECONDS });
    const figures = [
      ms(median(p50s)),
      `${ms(Math.min(...p50s))} to ${ms(Math.max(...p50s))}`,
      ms(p95),
      ms(cpuMs),
      (buildMs / 1000).toFixed(1),
      ms(addMs),
      ms(median(removed.latenciesMs)),
      resident === undefined ? "unknown" : mebibytes(resident),
    ];
    rows.push({ name: process.name, stored, p95, figures });
  }
  return rows;
}
