/** What mem0's clients are served with, and the chat model behind it where one is set. */
import type { Brain } from "../brain.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Face } from "../http/face.ts";
import { mem0Face, type Mem0Options } from "../http/mem0.ts";

type ModelConfig = Pick<Config, "chatModel" | "embeddings">;

export function mem0(
  config: ModelConfig,
  brain: Brain,
  passed: Pick<Mem0Options, "bodyLimits" | "clock" | "newId">,
): Face {
  return mem0Face({
    ...passed,
    brain,
    extraction: () => extractionOf(config, brain, passed.clock),
  });
}

/** It is asked where the embeddings are made. */
async function extractionOf(
  { chatModel: model, embeddings }: ModelConfig,
  { search }: Brain,
  clock: Clock,
) {
  if (model === undefined || embeddings === undefined) return undefined;
  const [{ openAiChatModel }, { Extraction }] = await Promise.all([
    import("../chat_model/openai.ts"),
    import("../extraction.ts"),
  ]);
  const { apiKey, baseUrl } = embeddings;
  return new Extraction({ model: openAiChatModel({ apiKey, baseUrl, model }), search, clock });
}
