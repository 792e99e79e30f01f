/** `second-brain healthcheck`: what a container's HEALTHCHECK runs; it must be quick and cheap. */
import type { CommandLine } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

const DEADLINE_MS = 4_000;

/** Returns the exit code. */
export async function runHealthcheck(
  { options }: CommandLine,
  { env, statusOf, say }: Pick<Terminal, "env" | "statusOf" | "say">,
): Promise<number> {
  const { url = localAddress(env) } = options;
  try {
    const asked = `${String(url).replace(/\/+$/, "")}/health/ready`;
    const status = await statusOf(asked, AbortSignal.timeout(DEADLINE_MS));
    say(status === 200 ? "ready" : `not ready (${status})`);
    return status === 200 ? 0 : 1;
  } catch {
    say("no answer");
    return 1;
  }
}

/** Whatever it listens on, it can be asked on this machine. */
function localAddress(env: Terminal["env"]): string {
  const host = env("HOST")?.trim() || "127.0.0.1";
  const port = env("PORT")?.trim() || "8000";
  const asked = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${asked.includes(":") ? `[${asked}]` : asked}:${port}`;
}
