/**
 * Takes an export of many users apart: a spool of lines for each, and one of what is nobody's. The
 * input is read once, in pieces; what waits to be written is bounded, and no file stays open.
 *
 * In the folder: `<slug>.lines` of each user, `unassigned.lines`, and, written last, `split.json`:
 *
 *     {"format":"second-brain-split/1","sha256":"9c1e…","records":3,"unassigned":1}
 *     {"user_id":"Ada@example.org","slug":"ada-example-org--…","records":2,"bytes":812}
 *
 * With the hash of the whole input: for another input it counts for nothing.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { joinBytes, readLines } from "../../lines.ts";
import { Pace } from "../../pace.ts";
import { readJsonRecords, readLineRecords } from "../../record_stream.ts";
import { ManagerError } from "../errors.ts";
import type { MigrationFolder } from "../migration_folder.ts";
import { slugOf } from "../user_id.ts";
import { lineOf, type LineOrReason } from "./line.ts";

const SPLIT = "split.json";
const UNASSIGNED = "unassigned.lines";
/** What waits for all users together before it is written. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;
const MOST_REASONS = 100;
const MOST_SPLIT_LINE_BYTES = 4_096;
const NONE = new Uint8Array();
const NEW_LINE = Uint8Array.of(10);

export interface UserPart {
  readonly userId: string;
  readonly slug: string;
  readonly records: number;
  readonly bytes: number;
}

export interface Unassigned {
  /** Which record, counted from 0. */
  readonly index: number;
  readonly reason: string;
}

export interface Split {
  /** Hex, of the whole input. */
  readonly sha256: string;
  readonly records: number;
  readonly unassigned: number;
  /** The first hundred, where the split was made just now; they are all in the folder. */
  readonly reasons: readonly Unassigned[];
  readonly users: readonly UserPart[];
}

export interface SplitInput {
  readonly open: () => AsyncIterable<Uint8Array>;
  /** A record a line; else one JSON document. */
  readonly isLines: boolean;
}

const headSchema = z.object({
  format: z.literal("second-brain-split/1"),
  sha256: z.string(),
  records: z.int().min(0),
  unassigned: z.int().min(0),
});
const userSchema = z.object({
  user_id: z.string(),
  slug: z.string(),
  records: z.int().min(1),
  bytes: z.int().min(1),
});

export function spoolOf({ slug }: UserPart): string {
  return `${slug}.lines`;
}

/** Takes the input apart, unless that was done; without a folder nothing is written. */
export async function splitByUser(
  input: SplitInput,
  folder: MigrationFolder | undefined,
  mostUsers: number,
): Promise<Split> {
  const former = folder === undefined ? undefined : await readSplit(folder);
  if (former !== undefined && former.sha256 === await hashOf(input)) return former;
  await folder?.clear();
  const splitter = new Splitter(folder, mostUsers);
  const split = await readable(splitter.read(input));
  await folder?.replace(SPLIT, new TextEncoder().encode(splitText(split)));
  return split;
}

/** What is wrong with the file is told as what is wrong with anything else that was asked for. */
async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new ManagerError("wrong_state", error.message, { cause: error });
  }
}

class Splitter {
  readonly #folder: MigrationFolder | undefined;
  readonly #mostUsers: number;
  readonly #users = new Map<string, { slug: string; records: number; bytes: number }>();
  readonly #waiting = new Map<string, Uint8Array[]>();
  #waitingBytes = 0;
  #records = 0;
  #unassigned = 0;
  readonly #reasons: Unassigned[] = [];

  constructor(folder: MigrationFolder | undefined, mostUsers: number) {
    this.#folder = folder;
    this.#mostUsers = mostUsers;
  }

  async read({ open, isLines }: SplitInput): Promise<Split> {
    const hash = createHash("sha256");
    const pieces = hashed(open(), hash);
    const pace = new Pace();
    for await (const some of isLines ? readLineRecords(pieces) : readJsonRecords(pieces)) {
      for (const record of some) {
        const index = this.#records++;
        this.#take(lineOf(record, index), index, record.bytes);
        if (this.#waitingBytes > MOST_WAITING_BYTES) await this.#flush();
        if (pace.due) await pace.breathe();
      }
    }
    await this.#flush();
    const users = [...this.#users].map(([userId, part]) => ({ userId, ...part }));
    await this.#folder?.settle([
      ...users.map(spoolOf),
      ...this.#unassigned > 0 ? [UNASSIGNED] : [],
    ]);
    return {
      sha256: hash.digest("hex"),
      records: this.#records,
      unassigned: this.#unassigned,
      reasons: this.#reasons,
      users,
    };
  }

  #take(taken: LineOrReason, index: number, bytes: Uint8Array | undefined): void {
    const reason = "reason" in taken ? taken.reason : this.#assign(taken.user, taken.line);
    if (reason === undefined) return;
    this.#unassigned++;
    if (this.#reasons.length < MOST_REASONS) this.#reasons.push({ index, reason });
    const line = new TextEncoder().encode(
      `{"index":${index},"reason":${JSON.stringify(reason)}}\n`,
    );
    // As it stood, below what says why: nothing is lost, also where it is no JSON.
    this.#wait(UNASSIGNED, joinBytes([line, bytes ?? NONE, NEW_LINE]));
  }

  #assign(userId: string, line: Uint8Array): string | undefined {
    let user = this.#users.get(userId);
    if (user === undefined) {
      const slug = slugOrReason(userId);
      if (slug.reason !== undefined) return slug.reason;
      if (this.#users.size >= this.#mostUsers) {
        throw new ManagerError(
          "wrong_state",
          `Cannot migrate: the file has more than ${this.#mostUsers} users`,
        );
      }
      user = { slug: slug.slug, records: 0, bytes: 0 };
      this.#users.set(userId, user);
    }
    user.records++;
    user.bytes += line.length;
    this.#wait(`${user.slug}.lines`, line);
    return undefined;
  }

  #wait(name: string, bytes: Uint8Array): void {
    if (this.#folder === undefined) return;
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) this.#waiting.set(name, [bytes]);
    else waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  async #flush(): Promise<void> {
    for (const [name, parts] of this.#waiting) {
      await this.#folder?.append(name, joinBytes(parts));
    }
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }
}

function slugOrReason(userId: string): { slug: string; reason?: never } | { reason: string } {
  try {
    return { slug: slugOf(userId) };
  } catch (error) {
    if (!(error instanceof ManagerError)) throw error;
    return { reason: error.message };
  }
}

function splitText({ sha256, records, unassigned, users }: Split): string {
  const head = { format: "second-brain-split/1", sha256, records, unassigned };
  const lines = users.map(({ userId, slug, records, bytes }) => ({
    ...{ user_id: userId, slug, records, bytes },
  }));
  return [head, ...lines].map((line) => JSON.stringify(line) + "\n").join("");
}

/** Undefined where there is none, or it is not one of ours. */
async function readSplit(folder: MigrationFolder): Promise<Split | undefined> {
  let head: z.infer<typeof headSchema> | undefined;
  const users: UserPart[] = [];
  for await (const lines of readLines(folder.read(SPLIT), MOST_SPLIT_LINE_BYTES)) {
    for (const { bytes } of lines) {
      const text = new TextDecoder().decode(bytes);
      if (head === undefined) {
        head = headSchema.safeParse(jsonOf(text)).data;
        if (head === undefined) return undefined;
        continue;
      }
      const user = userSchema.safeParse(jsonOf(text)).data;
      if (user === undefined) return undefined;
      const { user_id, ...part } = user;
      users.push({ userId: user_id, ...part });
    }
  }
  return head && { ...head, reasons: [], users };
}

/** Undefined where it is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function hashOf({ open }: SplitInput): Promise<string> {
  const hash = createHash("sha256");
  for await (const _ of hashed(open(), hash));
  return hash.digest("hex");
}

async function* hashed(
  pieces: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}
