/** What a stream of Server-Sent Events says, as far as the protocol uses it: the data of messages. */
import { readLines } from "../lines.ts";

/**
 * The data of each event, in bounded memory; comments, which keep the connection alive, say nothing.
 * Throws `RangeError` for an event that is larger than that.
 */
export async function* readEventData(
  pieces: AsyncIterable<Uint8Array>,
  maxEventBytes: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let data: string[] = [], bytes = 0;
  for await (const lines of readLines(pieces, maxEventBytes)) {
    for (const line of lines) {
      bytes += line.bytes.length;
      if (line.tooLong || bytes > maxEventBytes) {
        throw new RangeError(`Cannot read the event: it has more than ${maxEventBytes} bytes`);
      }
      const text = decoder.decode(line.bytes).replace(/\r$/, "");
      const field = /^data(?:: ?|$)/.exec(text)?.[0];
      if (field !== undefined) data.push(text.slice(field.length));
      if (text !== "") continue;
      if (data.length > 0) yield data.join("\n");
      data = [];
      bytes = 0;
    }
  }
}
