import { seed } from "../fakes/store_kit.ts";
import { Twins } from "./twins.ts";

const STEPS = Number(Deno.env.get("QDRANT_TWINS_STEPS") ?? 200);
const REAL_URL = Deno.env.get("QDRANT_TEST_URL")?.replace(/\/$/, "");

Deno.test({
  name: "real Qdrant: whatever is written, it finds what the built-in index finds" +
    (REAL_URL === undefined ? " (skipped: QDRANT_TEST_URL names none)" : ""),
  ignore: REAL_URL === undefined,
  async fn() {
    await using twins = new Twins(REAL_URL ?? "", seed);
    try {
      await twins.begin();
      for (let step = 0; step < STEPS; step++) await twins.step();
      await twins.there.elsewhere.converge();
      for (let question = 0; question < 20; question++) await twins.compare();
    } catch (error) {
      console.error(`TEST_SEED=${seed}`);
      throw error;
    }
  },
});
