/**
 * Brings the users of an export of many in: each gets a brain of his own, and his memories. May be
 * broken off at any point and run again with the same file and folder: it goes on, and what was
 * done is not done twice. A record that is nobody's is kept in the folder and counted, and one user
 * who fails holds no other up.
 *
 * The order of steps, for each user: the brain is there, all his lines are imported, the counts
 * agree, only then the journal says so, and then his lines are removed.
 */
import type { Clock } from "../clock.ts";
import { type BrainAccess, BrainAccessError, type BrainAddress } from "./brain_access.ts";
import { ClusterError } from "./cluster.ts";
import { ManagerError } from "./errors.ts";
import { noteOutcome, readJournal, type UserOutcome } from "./migration/journal.ts";
import {
  type Split,
  splitByUser,
  type SplitInput,
  spoolOf,
  type UserPart,
} from "./migration/split.ts";
import type { MigrationFolder } from "./migration_folder.ts";

const MOST_TRIES = 4;
const FIRST_WAIT_MS = 2_000;
const MOST_ERRORS = 20;
const MOST_TEXT = 300;
const LINE_FEED = 10;

/** How users come to be. A brain that is handed out can be asked. */
export interface MigrationUsers {
  /** Creates the user unless he is there, and waits until his brain is ready. */
  provide(
    userId: string,
    signal: AbortSignal,
  ): Promise<{ readonly created: boolean; readonly address: BrainAddress }>;
}

export interface MigrationOptions {
  readonly input: SplitInput;
  readonly folder: MigrationFolder;
  readonly users: MigrationUsers;
  readonly brains: Pick<BrainAccess, "import" | "stats">;
  readonly clock: Clock;
  readonly onConflict: "newest" | "skip";
  /** Users that are brought in at the same time. */
  readonly concurrency: number;
  readonly mostUsers: number;
  /** Only looks: nothing is written, nobody created. */
  readonly dryRun: boolean;
  /** Told of each user as he is done, and of nobody's records first. */
  readonly report: (line: MigrationLine) => void;
}

export type MigrationLine =
  | UserOutcome
  | { readonly outcome: "unassigned"; readonly index: number; readonly reason: string };

export interface MigrationSummary {
  readonly users: number;
  readonly done: number;
  readonly done_before: number;
  readonly failed: number;
  readonly records: number;
  /** Records that are nobody's, in `unassigned.lines`. */
  readonly unassigned: number;
  readonly imported: number;
  readonly updated: number;
  readonly skipped: number;
  /** Records that a brain did not take, of users who are done. */
  readonly refused: number;
  readonly dry_run: boolean;
}

/** Throws only where nothing can be done at all: the file cannot be read, or the folder. */
export async function migrate(
  options: MigrationOptions,
  signal: AbortSignal,
): Promise<MigrationSummary> {
  const { input, folder, mostUsers, dryRun, report, concurrency } = options;
  const split = await splitByUser(input, dryRun ? undefined : folder, mostUsers);
  for (const { index, reason } of split.reasons) report({ outcome: "unassigned", index, reason });
  const before = dryRun ? new Map<string, UserOutcome>() : await readJournal(folder);
  const counted = new Summary(split, dryRun);
  const waiting = split.users.values();
  await together(concurrency, signal, async (signal) => {
    for (const part of waiting) {
      signal.throwIfAborted();
      const outcome = await outcomeOf(part, before.get(part.userId), options, signal);
      counted.add(outcome);
      report(outcome);
    }
  });
  return counted.summary();
}

/** So many at once; where one throws, the others are given up, and waited for. */
async function together(
  count: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  const running = Array.from({ length: count }, async () => {
    try {
      await work(both);
    } catch (error) {
      ending.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(running);
  await Promise.all(running);
}

async function outcomeOf(
  part: UserPart,
  before: UserOutcome | undefined,
  options: MigrationOptions,
  signal: AbortSignal,
): Promise<UserOutcome> {
  if (options.dryRun) return { ...blank(part), outcome: "planned" };
  if (before?.outcome === "done") {
    await letGo(part, before, options);
    return { ...before, outcome: "done_before" };
  }
  const outcome = await bringIn(part, options, signal);
  await noteOutcome(options.folder, outcome);
  await letGo(part, outcome, options);
  return outcome;
}

/** His memories do not stay on our disk, but where somebody has to see which were refused. */
async function letGo(
  part: UserPart,
  { outcome, failed }: UserOutcome,
  { folder }: MigrationOptions,
): Promise<void> {
  if (outcome === "done" && failed === 0) await folder.remove(spoolOf(part));
}

/** Again and again for what passes: every step can be repeated. */
async function bringIn(
  part: UserPart,
  options: MigrationOptions,
  signal: AbortSignal,
): Promise<UserOutcome> {
  let created = false;
  for (let tries = 1;; tries++) {
    try {
      const provided = await options.users.provide(part.userId, signal);
      created ||= provided.created;
      return { ...await imported(part, provided.address, options, signal), created };
    } catch (error) {
      signal.throwIfAborted();
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      if (reason.isFinal || tries === MOST_TRIES) {
        return { ...blank(part), created, outcome: "failed", reason: reason.text };
      }
      await waited(options.clock, FIRST_WAIT_MS * 2 ** (tries - 1), signal);
    }
  }
}

async function imported(
  part: UserPart,
  address: BrainAddress,
  { folder, brains, onConflict }: MigrationOptions,
  signal: AbortSignal,
): Promise<UserOutcome> {
  const before = await brains.stats(address, signal);
  const lines = allLines(folder.read(spoolOf(part)), part);
  const counts = await brains.import(address, lines, signal, { onConflict, onError: "skip" });
  const after = await brains.stats(address, signal);
  const { imported, updated, skipped, failed } = counts;
  const counted = imported + updated + skipped + failed;
  const reason = counted !== part.records
    ? `Cannot vouch for it: of ${part.records} records, the brain counted ${counted}`
    : after.memories < before.memories + imported
    ? `Cannot vouch for it: the brain has ${after.memories} memories, and had ` +
      `${before.memories} before ${imported} came`
    : null;
  const errors = counts.errors.slice(0, MOST_ERRORS).map(({ index, id, reason }) => ({
    index,
    id: id?.slice(0, MOST_TEXT) ?? null,
    reason: reason.slice(0, MOST_TEXT),
  }));
  return {
    ...blank(part),
    ...{ outcome: reason === null ? "done" : "failed", reason },
    ...{ imported, updated, skipped, failed, errors },
  };
}

/** Throws at the end, so that nothing is imported, where the spool is not whole. */
async function* allLines(
  pieces: AsyncIterable<Uint8Array>,
  { records }: UserPart,
): AsyncGenerator<Uint8Array> {
  let lines = 0;
  for await (const piece of pieces) {
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) lines++;
    yield piece;
  }
  if (lines === records) return;
  throw new ManagerError(
    "wrong_state",
    "Cannot import: the user's part in the folder is not whole; is another migration at work " +
      "there? Empty the folder, and run it again",
  );
}

/** Undefined for a defect, which is nobody's failure but ours. */
function reasonOf(error: unknown): { text: string; isFinal: boolean } | undefined {
  if (error instanceof BrainAccessError) {
    return { text: error.message, isFinal: error.fault === "refused" };
  }
  if (error instanceof ClusterError) {
    return { text: error.message, isFinal: error.fault !== "unavailable" };
  }
  if (!(error instanceof ManagerError)) return undefined;
  return { text: error.message, isFinal: error.code !== "cluster_unavailable" };
}

function blank({ userId, slug, records }: UserPart): UserOutcome {
  return {
    ...{ user_id: userId, slug, outcome: "failed", created: false, records },
    ...{ imported: 0, updated: 0, skipped: 0, failed: 0, errors: [], reason: null },
  };
}

class Summary {
  readonly #split: Split;
  readonly #dryRun: boolean;
  readonly #counts = { done: 0, done_before: 0, failed: 0, planned: 0 };
  readonly #records = { imported: 0, updated: 0, skipped: 0, refused: 0 };

  constructor(split: Split, dryRun: boolean) {
    this.#split = split;
    this.#dryRun = dryRun;
  }

  add({ outcome, imported, updated, skipped, failed }: UserOutcome): void {
    this.#counts[outcome]++;
    this.#records.imported += imported;
    this.#records.updated += updated;
    this.#records.skipped += skipped;
    this.#records.refused += failed;
  }

  summary(): MigrationSummary {
    const { users, records, unassigned } = this.#split;
    const { done, done_before, failed } = this.#counts;
    return {
      users: users.length,
      ...{ done, done_before, failed, records, unassigned },
      ...this.#records,
      dry_run: this.#dryRun,
    };
  }
}

function waited(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = clock.after(ms, () => {
    signal.removeEventListener("abort", end);
    resolve();
  });
  const end = () => {
    timer.cancel();
    reject(signal.reason);
  };
  signal.addEventListener("abort", end, { once: true });
  return promise;
}
