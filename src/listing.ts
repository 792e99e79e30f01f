/**
 * Lists memories in an order, page by page. A cursor holds the whole question and the place where
 * the last page ended; offsets are served too, for those who jump.
 */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { AppError } from "./errors.ts";
import { jsonEqual } from "./json.ts";
import { type Entry, matcher, type Memory, MEMORY_TYPES } from "./memory.ts";
import { Pace } from "./pace.ts";
import { Best } from "./ranking.ts";
import { compareKeys, selectWindow } from "./selection.ts";
import type { State } from "./state.ts";
import { type SortKey, sortKey, SORTS, type Walks } from "./walks.ts";

const questionSchema = z.strictObject({
  sort: z.enum(SORTS),
  order: z.enum(["asc", "desc"]),
  filter: z.strictObject({
    memory_type: z.array(z.enum(MEMORY_TYPES)).optional(),
    tags: z.array(z.string()).optional(),
    min_importance: z.number().optional(),
    created_after: z.string().optional(),
    created_before: z.string().optional(),
  }),
});

const cursorSchema = z.strictObject({
  question: questionSchema,
  /** How many memories the pages before had. */
  seen: z.int().min(0),
  key: z.union([z.string(), z.number()]),
  id: z.string(),
  walk: z.string(),
});

type Cursor = z.infer<typeof cursorSchema>;
export type Question = z.infer<typeof questionSchema>;

export interface ListRequest {
  /** What was asked for; parts left out are those of the cursor, or the defaults. */
  readonly sort?: Question["sort"] | undefined;
  readonly order?: Question["order"] | undefined;
  readonly filter: Question["filter"];
  readonly limit: number;
  readonly offset?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ListPage {
  readonly entries: readonly Entry[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly nextCursor: string | null;
}

interface Place {
  readonly key: SortKey;
  readonly id: string;
}

interface Placed extends Place {
  readonly memory: Memory;
}

/** Looking at the clock costs as much as looking at a memory. */
const SCANNED_AT_ONCE = 256;
/** What a test of somebody else costs is not known here. */
const TESTED_AT_ONCE = 4;

export class Listing {
  readonly #state: State;
  readonly #walks: Walks;

  constructor(state: State, walks: Walks) {
    this.#state = state;
    this.#walks = walks;
  }

  async list(request: ListRequest): Promise<ListPage> {
    const cursor = request.cursor === undefined ? undefined : readCursor(request.cursor);
    const question = cursor === undefined ? questionOf(request) : cursor.question;
    if (cursor !== undefined) refuseOther(request, cursor);
    // Before the first look at the state: what moves from here on is remembered.
    const walk = cursor === undefined ? this.#walks.begin() : cursor.walk;
    const offset = cursor === undefined ? request.offset ?? 0 : 0;
    const end = offset + request.limit;
    const { best, after, total } = await this.#collect(question, walk, cursor, end);
    const page = await selectWindow(best, comparison(question), offset, end);
    const before = (cursor?.seen ?? 0) + offset;
    const last = page.at(-1);
    const ended = last === undefined || after <= end;
    return {
      entries: page.map(({ memory }) => ({ memory, access: this.#state.access(memory.id) })),
      total,
      limit: request.limit,
      offset: before,
      nextCursor: ended ? null : writeCursor({
        question,
        seen: before + page.length,
        key: last.key,
        id: last.id,
        walk,
      }),
    };
  }

  /**
   * All that `matches` holds for, as they are at one moment, in the order in which they were made.
   * Looking at them is no reading of them. For tools that keep something of their own in memories.
   */
  async select(matches: (memory: Memory) => boolean): Promise<readonly Memory[]> {
    const selected: Memory[] = [];
    const pace = new Pace();
    for (const [n, memory] of [...this.#state.memories()].entries()) {
      if (n % TESTED_AT_ONCE === 0 && pace.due) await pace.breathe();
      if (matches(memory)) selected.push(memory);
    }
    return selected;
  }

  /** The first `most` that match and come after the cursor, in no order; how many come after it,
   * and how many match at all. */
  async #collect(
    question: Question,
    walk: string,
    cursor: Place | undefined,
    most: number,
  ) {
    const matches = matcher(question.filter);
    const compare = comparison(question);
    const keyOf = this.#keyOf(question, walk);
    const best = new Best<Placed>(most, compare);
    const pace = new Pace();
    let total = 0, after = 0;
    // Of one moment. Memories mostly come in the order of time: the last ones first, where those
    // are wanted, and hardly another one gets among the best.
    const memories = [...this.#state.memories()];
    if (question.order === "desc") memories.reverse();
    for (const [n, memory] of memories.entries()) {
      if (n % SCANNED_AT_ONCE === 0 && pace.due) await pace.breathe();
      if (!matches(memory)) continue;
      total++;
      const place = { key: keyOf(memory), id: memory.id, memory };
      if (cursor !== undefined && compare(place, cursor) <= 0) continue;
      after++;
      best.offer(place);
    }
    return { best: best.items(), after, total };
  }

  #keyOf({ sort }: Question, walk: string): (memory: Memory) => SortKey {
    const accessOf = (id: string) => this.#state.access(id);
    const stoodAt = this.#walks.resume(walk, sort);
    if (stoodAt !== undefined) {
      return (memory) => stoodAt.get(memory.id) ?? sortKey(sort, memory, accessOf);
    }
    // By creation next to nothing ever moves: such a walk goes on, also after a restart.
    if (sort === "created_at") return (memory) => memory.created_at;
    throw new AppError(
      "malformed",
      "Cannot continue the listing: its cursor has expired; begin again without a cursor",
    );
  }
}

function questionOf({ sort = "created_at", order = "desc", filter }: ListRequest): Question {
  return { sort, order, filter };
}

function writeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64url");
}

function readCursor(text: string): Cursor {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(text, "base64url").toString()));
  } catch {
    throw new AppError("malformed", "Cannot list memories: the cursor is not one of ours", {
      errors: [{ path: "/cursor", message: "must be a next_cursor of an earlier reply" }],
    });
  }
}

/** A cursor goes with its own question: what is asked beside it must be the same, or nothing. */
function refuseOther(request: ListRequest, { question }: Cursor): void {
  const asked: Record<string, unknown> = { ...request.filter };
  if (request.sort !== undefined) asked["sort"] = request.sort;
  if (request.order !== undefined) asked["order"] = request.order;
  const own: Record<string, unknown> = { ...question.filter, sort: question.sort };
  own["order"] = question.order;
  for (const [name, value] of Object.entries(asked)) {
    if (value === undefined || jsonEqual(JSON.parse(JSON.stringify(value)), jsonOf(own[name]))) {
      continue;
    }
    throw new AppError(
      "malformed",
      `Cannot continue the listing: the cursor belongs to another "${name}"; ` +
        "repeat the first request's parameters or leave them out",
    );
  }
}

function jsonOf(value: unknown) {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}

/** By key in the asked direction; equal keys by id, in the same direction. */
function comparison({ order }: Question): (a: Place, b: Place) => number {
  const sign = order === "asc" ? 1 : -1;
  return (a, b) => sign * (compareKeys(a.key, b.key) || compareKeys(a.id, b.id));
}
