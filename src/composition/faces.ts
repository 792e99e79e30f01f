/** What is served beside our own protocol, by what the operator chose. */
import project from "../../deno.json" with { type: "json" };
import type { Brain } from "../brain.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import { type BodyLimits, readText, requireMediaType } from "../http/body.ts";
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

type FacesConfig = Pick<Config, "toolSets" | "compat" | "chatModel" | "embeddings">;

export async function openFaces(
  config: FacesConfig,
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
function assistants(config: FacesConfig, brain: Brain, { bodyLimits, clock, log }: Passed): Face {
  let loaded: Promise<McpFace> | undefined;
  const load = () => loaded ??= opened().catch(forgotten);
  /** The next request tries again. */
  const forgotten = (error: unknown) => {
    loaded = undefined;
    throw error;
  };
  const opened = async () => {
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
      readBody: async (asked) => {
        requireMediaType(asked, ["application/json"]);
        return await readText(asked, bodyLimits);
      },
    });
  };
  return {
    paths: ["/mcp"],
    async answer(request, scope, admitted) {
      const path = new URL(request.url).pathname.replace(/\/$/, "");
      if (!["/mcp", "/mcp/read-only"].includes(path)) {
        throw new AppError("not_found", "Cannot answer: there is no such path; try /mcp");
      }
      const face = await load();
      return await face.answer(request, path === "/mcp" ? scope : "read", admitted);
    },
  };
}
