/**
 * What happened before the start, read back from the journal's files: from the one that the start
 * began, back along what each header says of the file before it. Where a file is gone, a line is
 * not as it was written, or a start found damage or an edit, whoever followed history has missed
 * something: nothing from before there is handed out.
 */
import { z, ZodError } from "zod";
import {
  endOf,
  ImportTelling,
  markAt,
  type Place,
  type Step,
  stepOf,
  type Stretch,
} from "../history.ts";
import { Pace } from "../pace.ts";
import type { DataFolder } from "./folder.ts";
import {
  isNoText,
  type JournalEnd,
  type JournalLine,
  readHeader,
  readJournal,
  toldBefore,
} from "./journal.ts";
import { generationName } from "./journal_names.ts";
import { positionIn } from "./record_position.ts";

/** A file that is part of history, up to a byte. */
interface Link {
  readonly path: string;
  readonly bytes: number;
  readonly headerSum: number;
  /** The last record's number before it. */
  readonly startSeq: number;
  /** The last place of what was told before it. */
  readonly told: Place | undefined;
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

/**
 * At least the latest so many events, and the place behind which they are all; undefined where the
 * last of it is gone. See `Store.earlier`.
 */
export async function earlierSteps(
  folder: DataFolder,
  began: JournalEnd,
  most: number,
): Promise<Stretch | undefined> {
  const history = new EarlierHistory(most);
  for (const link of await linksUpTo(folder, began)) {
    history.begin(link);
    try {
      await readLink(folder, link, history);
    } catch (error) {
      // A fresh snapshot lets go of the oldest while they are read.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      history.cut();
    }
  }
  return history.latest();
}

/** Oldest first. */
async function linksUpTo({ fs, journal }: DataFolder, began: JournalEnd): Promise<readonly Link[]> {
  const links: Link[] = [];
  for (let wanted: JournalEnd | null = began; wanted !== null;) {
    const path = `${journal}/${generationName(wanted.generation)}`;
    if (await fs.size(path) === undefined) break;
    const first = await readHeader(fs, path);
    if (first === undefined) break;
    const { previous, unbroken = true } = first.header;
    const { seq: startSeq, sum: headerSum } = first;
    links.unshift({ path, bytes: wanted.bytes, headerSum, startSeq, told: toldBefore(first) });
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
      else if (offset > 0) history.record(line);
      if (pace.due) await pace.breathe();
    }
  }
  if (end !== link.bytes) history.cut();
}

class EarlierHistory {
  readonly #most: number;
  /** Undefined where something is missing before what comes next. */
  #floor: Place | undefined;
  #steps: Step[] = [];
  #events = 0;
  #seq = 0;
  #headerSum = 0;
  #unit: string | undefined;
  #staged = 0;
  #telling = new ImportTelling();

  constructor(most: number) {
    this.#most = most;
  }

  begin({ headerSum, startSeq, told }: Link): void {
    this.#headerSum = headerSum;
    this.#seq = startSeq;
    if (this.#floor === undefined) this.#floor = told;
    // A place that is no event's may have been given to who listened.
    else if (told?.place === 0) this.#steps.push(markAt(told));
  }

  /** Something is missing here: what was before is let go. */
  cut(): void {
    this.#floor = undefined;
    this.#steps = [];
    this.#events = 0;
    this.#stageAnew(undefined);
  }

  record(line: JournalLine): void {
    if (line.seq !== this.#seq + 1) this.cut();
    // Nobody can know this place.
    this.#floor ??= { seq: line.seq, place: 0, sum: NO_SUM };
    this.#seq = line.seq;
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
      return undefined;
    }
    if (record.op === "stage") {
      if (record.unit !== this.#unit) this.#stageAnew(record.unit);
      for (const change of record.changes) this.#telling.add(change);
      this.#staged += record.changes.length;
      return undefined;
    }
    const at = positionIn(this.#headerSum, line);
    if (record.op !== "commit") return stepOf(record, at);
    if (record.unit !== this.#unit) this.#stageAnew(record.unit);
    const telling = this.#telling, isWhole = record.count === this.#staged;
    this.#stageAnew(undefined);
    if (isWhole) return telling.stepAt(at);
    this.cut();
    return undefined;
  }

  #stageAnew(unit: string | undefined): void {
    this.#unit = unit;
    this.#staged = 0;
    this.#telling = new ImportTelling();
  }

  #trim(): void {
    let gone = 0;
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[gone]) {
      if (this.#events - step.types.length < this.#most) break;
      this.#events -= step.types.length;
      this.#floor = endOf(step);
      gone++;
    }
    this.#steps.splice(0, gone);
  }

  latest(): Stretch | undefined {
    this.#trim();
    const floor = this.#floor;
    return floor && { floor, steps: this.#steps };
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
