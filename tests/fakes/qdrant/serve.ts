/**
 * The stand-in as a program of its own: `deno run -A tests/fakes/qdrant/serve.ts --port 6333`.
 * What Qdrant's OpenAPI document does not allow is written to stderr; with `--memory-lean` nothing
 * is checked or remembered. `--api-key KEY` asks for it.
 */
import { parseArgs } from "node:util";
import { StandIn } from "./stand_in.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "api-key": { type: "string" },
    "memory-lean": { type: "boolean", default: false },
  },
});
const standIn = await StandIn.start({
  port: Number(values.port),
  apiKey: values["api-key"],
  isChecked: !values["memory-lean"],
});
console.log(`listening ${standIn.url}`);
const told = standIn.violations;
setInterval(() => told.splice(0).forEach((text) => console.error(text)), 200);
