/** Writing side of a unit of many changes: staged in lines of bounded size, then one commit. */
import type { Change } from "../memory.ts";
import type { StagedImport } from "../store.ts";
import { encodeRecord } from "./codec.ts";

/** Bounds the memory that one line takes to write and to replay. */
const STAGE_CHARACTERS = 512 * 1024;

export function stagedImport(
  unit: string,
  write: (json: string) => Promise<void>,
  end: () => void,
): StagedImport {
  const head = `{"op":"stage","unit":${JSON.stringify(unit)},"changes":[`;
  let count = 0;
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
        if (characters + json.length > STAGE_CHARACTERS) await flush();
        waiting.push(json);
        characters += json.length;
      }
      await flush();
    },
    commit: () => write(encodeRecord({ op: "commit", unit, count })),
    finish: end,
  };
}
