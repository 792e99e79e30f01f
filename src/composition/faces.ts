/** What is served beside our own protocol, by what the operator chose. */
import project from "../../deno.json" with { type: "json" };
import type { Brain } from "../brain.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import { type BodyLimits, readText } from "../http/body.ts";
import type { Face } from "../http/face.ts";
import type { Log } from "../log.ts";
import type { McpFace } from "../mcp/face.ts";

const { version } = project;

interface Passed {
  readonly bodyLimits: BodyLimits;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
}

export async function openFaces(
  config: Config,
  brain: Brain,
  passed: Passed,
): Promise<readonly Face[]> {
  const face = assistants(config, brain, passed);
  if (!config.compat.includes("mem0")) return [face];
  const { mem0 } = await import("./mem0.ts");
  return [face, mem0(config, brain, passed)];
}

/**
 * The Model Context Protocol. Below its own path there is one for whoever is to change nothing,
 * whatever his key: the bridge's `--read-only`.
 */
function assistants(config: Config, brain: Brain, { bodyLimits, clock, log }: Passed): Face {
  let loaded: Promise<McpFace> | undefined;
  const load = async () => {
    const [{ mcpFace }, { toolsOf }] = await Promise.all([
      import("../mcp/face.ts"),
      import("../mcp/sets.ts"),
    ]);
    const tools = await toolsOf(config.toolSets, brain);
    return mcpFace({
      brain,
      tools,
      version,
      clock,
      log,
      readBody: (asked) => readText(asked, bodyLimits),
    });
  };
  return {
    paths: ["/mcp"],
    async answer(request, scope) {
      const path = new URL(request.url).pathname.replace(/\/$/, "");
      if (!["/mcp", "/mcp/read-only"].includes(path)) {
        throw new AppError("not_found", "Cannot answer: there is no such path; try /mcp");
      }
      return await (await (loaded ??= load())).answer(request, path === "/mcp" ? scope : "read");
    },
  };
}
