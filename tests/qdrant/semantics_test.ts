import { StandIn } from "../fakes/qdrant/stand_in.ts";
import { qdrantSemantics } from "./semantics.ts";

const REAL = Deno.env.get("QDRANT_TEST_URL");

qdrantSemantics("stand-in Qdrant", false, async () => {
  const standIn = await StandIn.start();
  return { url: standIn.url, close: () => standIn.close() };
});
if (REAL !== undefined) {
  qdrantSemantics("real Qdrant", true, () => Promise.resolve({ url: REAL.replace(/\/$/, "") }));
}
