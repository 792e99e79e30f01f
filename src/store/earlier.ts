/**
 * What happened before the start, read back from the journal's files: from the one that the start
 * began, back along what each header says of the file before it. Where a file is gone, a line is
 * not as it was written, or a start found damage or an edit, whoever followed history has missed
 * something: nothing from before there is handed out.
 */
import { z, ZodError } from "zod";
import { ImportTelling, markAt, type Step, stepOf } from "../history.ts";
import { Pace } from "../pace.ts";
import type { Extent } from "./active_journal.ts";
import type { DataFolder } from "./folder.ts";
import { generationName, isNoText, type JournalLine, readHeader, readJournal } from "./journal.ts";

/** A file that is part of history, up to a byte. */
interface Link {
  readonly path: string;
  readonly bytes: number;
  /** The last record's number before it. */
  readonly startSeq: number;
  /** No record is before it. */
  readonly isFirst: boolean;
  readonly unbroken: boolean;
}

/** The checksum of no line: what stands there is not known. */
const NO_SUM = -1;

const told = [
  z.object({
    op: z.literal("put"),
    memory: z.object({ id: z.string() }),
    access: z.exactOptional(z.looseObject({})),
    existing: z.exactOptional(z.literal(true)),
  }),
  z.object({ op: z.literal("delete"), id: z.string() }),
  z.object({ op: z.literal("embedded"), ids: z.array(z.string()) }),
  z.object({ op: z.enum(["access", "receipt"]) }),
] as const;

/** What has to be known of a record to tell of it: a small part, for which the whole takes long. */
const recordSchema = z.discriminatedUnion("op", [
  ...told,
  z.object({
    op: z.literal("stage"),
    unit: z.string(),
    changes: z.array(z.discriminatedUnion("op", told)),
  }),
  z.object({ op: z.literal("commit"), unit: z.string(), count: z.int().min(0) }),
]);

/** At least the latest so many events, with where they begin before them; see `Store.earlier`. */
export async function earlierSteps(
  folder: DataFolder,
  began: Extent,
  most: number,
): Promise<readonly Step[]> {
  const history = new EarlierHistory(most);
  for (const link of await linksUpTo(folder, began)) {
    history.begin(link);
    await readLink(folder, link, history);
  }
  return history.latest();
}

/** Oldest first. */
async function linksUpTo({ fs, journal }: DataFolder, began: Extent): Promise<readonly Link[]> {
  const links: Link[] = [];
  for (let wanted: Extent | null = began; wanted !== null;) {
    const path = `${journal}/${generationName(wanted.generation)}`;
    if (await fs.size(path) === undefined) break;
    const first = await readHeader(fs, path);
    if (first === undefined) break;
    const { previous, unbroken = true } = first.header;
    const isFirst = first.seq === 0 && unbroken;
    links.unshift({ path, bytes: wanted.bytes, startSeq: first.seq, isFirst, unbroken });
    wanted = unbroken ? previous : null;
  }
  return links;
}

async function readLink({ fs }: DataFolder, link: Link, history: EarlierHistory): Promise<void> {
  const pace = new Pace();
  let end = 0;
  for await (const parts of readJournal(fs, link.path, link.bytes)) {
    for (const { offset, bytes, line } of parts) {
      end = offset + bytes.length + 1;
      if (line === undefined) history.cut();
      else if (offset === 0) history.header(line, link);
      else history.record(line);
      if (pace.due) await pace.breathe();
    }
  }
  if (end !== link.bytes) history.cut();
}

class EarlierHistory {
  readonly #most: number;
  #steps: Step[] = [];
  /** In all steps but the first, which only says where they begin. */
  #events = 0;
  #seq = 0;
  #sum = NO_SUM;
  #unit: string | undefined;
  #staged = 0;
  #telling = new ImportTelling();

  constructor(most: number) {
    this.#most = most;
  }

  /** A place that a listener may have been given in the run that began there. */
  begin({ startSeq, isFirst }: Link): void {
    if (isFirst && this.#steps.length === 0) this.#sum = 0;
    this.#seq = startSeq;
    this.#steps.push(markAt({ seq: startSeq + 1, sum: this.#sum }));
  }

  header({ seq, sum }: JournalLine, { unbroken }: Link): void {
    this.#sum = sum;
    if (!unbroken) this.#steps.push(markAt({ seq: seq + 1, sum }));
  }

  /** Something is missing here: what was before is let go. */
  cut(): void {
    this.#steps = [];
    this.#events = 0;
    this.#unit = undefined;
    this.#sum = NO_SUM;
  }

  record(line: JournalLine): void {
    if (line.seq !== this.#seq + 1) this.cut();
    // Where they begin is not known by its checksum: nobody can have been told of it.
    if (this.#steps.length === 0) this.#steps.push(markAt({ seq: line.seq, sum: NO_SUM }));
    this.#seq = line.seq;
    this.#sum = line.sum;
    const step = this.#stepOf(line);
    if (step === undefined) return;
    this.#steps.push(step);
    this.#events += step.types.length;
    if (this.#events > 2 * this.#most) this.#trim();
  }

  #stepOf(line: JournalLine): Step | undefined {
    const record = recordOrUndefined(line);
    if (record === undefined) {
      this.cut();
      return markAt({ seq: line.seq + 1, sum: line.sum });
    }
    if (record.op === "stage") {
      if (record.unit !== this.#unit) this.#stageAnew(record.unit);
      for (const change of record.changes) this.#telling.add(change);
      this.#staged += record.changes.length;
      return undefined;
    }
    if (record.op !== "commit") return stepOf(record, line);
    const isWhole = record.unit === this.#unit && record.count === this.#staged;
    const telling = this.#telling;
    this.#stageAnew(undefined);
    if (isWhole) return telling.stepAt(line);
    this.cut();
    return markAt({ seq: line.seq + 1, sum: line.sum });
  }

  #stageAnew(unit: string | undefined): void {
    this.#unit = unit;
    this.#staged = 0;
    this.#telling = new ImportTelling();
  }

  #trim(): void {
    let gone = 0;
    for (let next = this.#steps[1]; next !== undefined; next = this.#steps[gone + 1]) {
      if (this.#events - next.types.length < this.#most) break;
      this.#events -= next.types.length;
      gone++;
    }
    this.#steps.splice(0, gone);
  }

  latest(): readonly Step[] {
    this.#trim();
    return this.#steps;
  }
}

function recordOrUndefined({ json }: JournalLine): z.infer<typeof recordSchema> | undefined {
  try {
    return recordSchema.parse(JSON.parse(json));
  } catch (error) {
    // A checksum is right, and what stands under it has no meaning: recovery has noted it.
    if (isNoText(error) || error instanceof ZodError) return undefined;
    throw error;
  }
}
