/** A brain that runs somewhere, asked over HTTP. */
import { z } from "zod";
import { UsageError } from "./command_line.ts";
import { CommandError, type Terminal } from "./terminal.ts";

export interface Remote {
  readonly url: string;
  readonly key: string;
}

const problemSchema = z.object({ detail: z.string() });

/** The brain that the options name; undefined where they name none. Throws `UsageError`. */
export function remoteOf(
  options: Readonly<Record<string, string | boolean | undefined>>,
  env: Terminal["env"],
): Remote | undefined {
  const { url, key = env("CONTAINER_API_KEY") } = options;
  if (typeof url !== "string") {
    if (options["key"] === undefined) return undefined;
    throw new UsageError("Cannot use --key: it goes with --url");
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError("Cannot use --url: it must be an http or https address");
  }
  if (typeof key !== "string" || key === "") {
    throw new UsageError("Cannot ask the brain: give its key with --key or CONTAINER_API_KEY");
  }
  return { url: url.replace(/\/+$/, ""), key };
}

/** Throws `CommandError` with what the brain says, where it refuses. */
export async function ask(
  { fetch }: Pick<Terminal, "fetch">,
  remote: Remote,
  path: string,
  init: { readonly contentType: string; readonly body: string | AsyncIterable<Uint8Array> },
): Promise<Response> {
  const headers = {
    "Authorization": `Bearer ${remote.key}`,
    "Content-Type": init.contentType,
  };
  // What fails may be the file that is sent, and not the way to the brain.
  let unread: unknown;
  async function* sent(pieces: AsyncIterable<Uint8Array>) {
    try {
      yield* pieces;
    } catch (error) {
      unread = error;
      throw error;
    }
  }
  let reply: Response;
  try {
    reply = await fetch(`${remote.url}${path}`, {
      method: "POST",
      headers,
      body: typeof init.body === "string" ? init.body : ReadableStream.from(sent(init.body)),
      redirect: "error",
    });
  } catch {
    if (unread instanceof CommandError) throw unread;
    throw new CommandError(`Cannot reach the brain at ${remote.url}: is it running?`);
  }
  if (reply.ok) return reply;
  const problem = problemSchema.safeParse(await reply.json().catch(() => null));
  const said = problem.success ? problem.data.detail : "it gave no reason";
  throw new CommandError(`The brain refused (${reply.status}): ${said}`);
}
