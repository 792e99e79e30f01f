/** Calls that change the graph, one after the other, as long as somebody waits for them. */
import { orAborted } from "../../deadline.ts";
import { AppError } from "../../errors.ts";
import { Locks } from "../../locks.ts";

/** So many may wait for one. */
const MOST_IN_LINE = 64;

export class Turns {
  readonly #locks = new Locks();
  #inLine = 0;

  /** Whoever has left keeps his place in the line, but nothing of what he sent. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#inLine >= MOST_IN_LINE) throw overloaded();
    let wanted: typeof work | undefined = work;
    const turn = async () => {
      this.#inLine--;
      if (wanted === undefined) throw signal.reason;
      return await wanted();
    };
    try {
      return await orAborted(signal, () => {
        this.#inLine++;
        return this.#locks.run("graph", turn);
      });
    } finally {
      wanted = undefined;
    }
  }
}

function overloaded(): AppError {
  return new AppError(
    "overloaded",
    `Cannot change the graph now: ${MOST_IN_LINE} others wait for it; try again later`,
  );
}
