/** `second-brain export`. */
import { amountOfMemories } from "../amount.ts";
import type { Brain } from "../brain.ts";
import type { CommandLine } from "./arguments.ts";
import { ask, remoteOf } from "./remote.ts";
import { CommandError, counted, type Terminal } from "./terminal.ts";

/** `local` opens the brain in this environment's data folder for as long as the work takes. */
export async function runExport(
  { options }: CommandLine,
  terminal: Terminal,
  local: <T>(work: (brain: Brain) => Promise<T>) => Promise<T>,
): Promise<void> {
  const format = options["format"] === "ndjson" ? "ndjson" : "json";
  const includeEmbeddings = options["include-embeddings"] === true;
  const { output } = options;
  const write = async (pieces: AsyncIterable<Uint8Array>) => {
    const shown = counted(pieces, terminal.progress, "exported");
    if (typeof output === "string" && output !== "-") await terminal.writeFile(output, shown);
    else for await (const piece of shown) await terminal.out(piece);
  };
  const remote = remoteOf(options, terminal.env);
  if (remote === undefined) {
    await local(async (brain) => {
      const { pieces, total } = brain.exports.stream({ format, includeEmbeddings });
      await write(pieces);
      terminal.say(`Exported ${amountOfMemories(total)}.`);
    });
    return;
  }
  const reply = await ask(terminal, remote, "/export", {
    contentType: "application/json",
    body: JSON.stringify({ format, include_embeddings: includeEmbeddings }),
  });
  if (reply.body === null) throw new CommandError("Cannot export: the brain sent nothing");
  await write(received(reply.body));
  terminal.say("Exported.");
}

async function* received(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {
    throw new CommandError("Cannot export: the connection to the brain broke");
  }
}
