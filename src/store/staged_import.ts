/** Writing side of a unit of many changes: staged in lines of bounded size, then one commit. */
import { ImportTelling, type Position } from "../history.ts";
import type { Change } from "../memory.ts";
import type { HistoryFollower, StagedImport } from "../store.ts";
import { encodeRecord } from "./codec.ts";
import type { Durable } from "./write_queue.ts";

/** Bounds the memory that one line takes to write and to replay. */
const STAGE_CHARACTERS = 512 * 1024;

export function stagedImport(
  unit: string,
  write: (json: string, durable?: Durable) => Promise<void>,
  end: () => void,
  follower: Pick<HistoryFollower, "committed" | "ended">,
): StagedImport {
  const head = `{"op":"stage","unit":${JSON.stringify(unit)},"changes":[`;
  const telling = new ImportTelling();
  let count = 0, committedAt: Position | undefined;
  const committed = (at: Position) => {
    committedAt = at;
    follower.committed(at);
  };
  return {
    async stage(changes: readonly Change[]) {
      let waiting: string[] = [], characters = 0;
      const flush = async () => {
        if (waiting.length > 0) await write(`${head}${waiting.join(",")}]}`);
        count += waiting.length;
        waiting = [];
        characters = 0;
      };
      for (const change of changes) {
        const json = encodeRecord(change);
        telling.add(change);
        if (characters + json.length > STAGE_CHARACTERS) await flush();
        waiting.push(json);
        characters += json.length;
      }
      await flush();
    },
    commit: () => write(encodeRecord({ op: "commit", unit, count }), committed),
    finish() {
      if (committedAt !== undefined) follower.ended(telling.stepAt(committedAt));
      committedAt = undefined; // A second time it would be told twice.
      end();
    },
  };
}
