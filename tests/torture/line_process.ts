/** A process that answers a line of JSON with a line of JSON that carries the same id. */
import { textLines } from "../bench/text_lines.ts";
import { within } from "../e2e/conditions.ts";

const ANSWER_MS = 30_000;

export type Answer = Readonly<Record<string, unknown>>;

export class LineProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  readonly #read: Promise<void>;
  #count = 0;
  #isOver = false;

  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(command, {
      args: [...args],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#read = this.#readAnswers();
  }

  async #readAnswers(): Promise<void> {
    for await (const line of textLines(this.#child.stdout)) {
      const answer: Answer = JSON.parse(line);
      const id = Number(answer["id"]);
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    }
    this.hangUp();
  }

  /** Undefined where it ended, or was hung up on, before it answered. */
  async ask(question: Answer): Promise<Answer | undefined> {
    const id = ++this.#count;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    if (this.#isOver) return undefined;
    this.#waiting.set(id, resolve);
    await this.tell({ ...question, id });
    return await within(ANSWER_MS, promise, () => `an answer to ${JSON.stringify(question)}`);
  }

  async tell(message: Answer): Promise<void> {
    try {
      await this.#writer.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
    } catch {
      this.hangUp(); // It has ended: nobody waits any longer.
    }
  }

  /** No answer is heard any more. */
  hangUp(): void {
    this.#isOver = true;
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }

  async kill(): Promise<void> {
    this.hangUp();
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended by itself.
    }
    await this.#child.status;
    await this.#read;
    await this.#writer.abort().catch(() => {}); // Its other end is gone already.
  }
}
