/** What became of each user, noted durably once he is done, so that nobody is brought in twice. */
import { z } from "zod";
import { readLines } from "../../lines.ts";
import type { MigrationFolder } from "../migration_folder.ts";

const JOURNAL = "journal.lines";
const MOST_LINE_BYTES = 64 * 1024;

const outcomeSchema = z.object({
  user_id: z.string(),
  slug: z.string(),
  /** `planned`: in a dry run. `done_before`: by a run that was broken off. */
  outcome: z.enum(["done", "failed", "planned", "done_before"]),
  created: z.boolean(),
  records: z.int(),
  imported: z.int(),
  updated: z.int(),
  skipped: z.int(),
  failed: z.int(),
  /** The first bad records: the lines of his spool, from 0. */
  errors: z.array(z.object({ index: z.int(), id: z.string().nullable(), reason: z.string() })),
  /** Why he failed; null where he did not. */
  reason: z.string().nullable(),
});
export type UserOutcome = z.infer<typeof outcomeSchema>;

export async function noteOutcome(folder: MigrationFolder, outcome: UserOutcome): Promise<void> {
  const line = new TextEncoder().encode(JSON.stringify(outcome) + "\n");
  await folder.append(JOURNAL, line, { durable: true });
}

/** By user; the last line of each counts. One that was cut off by a crash does not. */
export async function readJournal(
  folder: MigrationFolder,
): Promise<Map<string, UserOutcome>> {
  const outcomes = new Map<string, UserOutcome>();
  for await (const lines of readLines(folder.read(JOURNAL), MOST_LINE_BYTES)) {
    for (const { bytes } of lines) {
      const outcome = outcomeSchema.safeParse(jsonOf(new TextDecoder().decode(bytes))).data;
      if (outcome !== undefined) outcomes.set(outcome.user_id, outcome);
    }
  }
  return outcomes;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The user is brought in again.
  }
}
