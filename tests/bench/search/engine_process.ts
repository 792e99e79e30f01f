/** The other end of `engine.ts`: one process that holds one engine. */
import { fileURLToPath } from "node:url";
import { V8_FLAGS } from "../../../.build/permissions.ts";
import { memoryOf, start } from "../processes.ts";
import { textLines } from "../text_lines.ts";
import type { EngineAnswer, EngineJob, Worked } from "./engine.ts";
import type { RivalName } from "./rivals.ts";

const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const own = fileURLToPath(new URL("own_engines.ts", import.meta.url));
/** As the program is started, and so that garbage can be let go before memory is looked at. */
const FLAGS = `--v8-flags=${[...V8_FLAGS, "--expose-gc"]}`;

export const OURS = "Second Brain";
export type EngineName = RivalName | typeof OURS;

export class EngineProcess {
  readonly name: EngineName;
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  /** `args` start Node with the engines of the others. */
  constructor(name: EngineName, args: readonly string[]) {
    this.name = name;
    const [command, words] = name === OURS
      ? [Deno.execPath(), ["run", "--quiet", `--config=${config}`, "-A", FLAGS, own]]
      : ["node", args];
    this.#child = start([...words], { stdin: "piped", stdout: "piped" }, command);
    this.#lines = textLines(this.#child.stdout);
    this.#writer = this.#child.stdin.getWriter();
  }

  async work(job: EngineJob): Promise<Worked> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(job) + "\n"));
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`Cannot measure ${this.name}: its process has ended`);
    const answer = JSON.parse(value) as EngineAnswer;
    if ("problem" in answer) throw new Error(`Cannot measure ${this.name}: ${answer.problem}`);
    return answer.worked;
  }

  /** What is resident once garbage is gone, where the system says so (Linux). */
  async residentBytes(): Promise<number | undefined> {
    await this.work({ do: "settle" });
    return (await memoryOf(this.#child.pid))?.residentBytes;
  }

  async end(): Promise<void> {
    await this.#writer.close();
    await this.#lines.return(undefined);
    await this.#child.status;
  }
}
