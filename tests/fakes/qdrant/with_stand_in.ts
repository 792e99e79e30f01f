/** A stand-in Qdrant for the length of a test, which fails if a request was not allowed. */
import assert from "node:assert/strict";
import { StandIn, type StandInOptions } from "./stand_in.ts";

export async function withStandIn(
  test: (standIn: StandIn) => Promise<void>,
  options: StandInOptions = {},
): Promise<void> {
  const standIn = await StandIn.start(options);
  try {
    await test(standIn);
  } finally {
    await standIn.close();
  }
  assert.deepEqual(standIn.violations, [], "requests that Qdrant's OpenAPI document forbids");
}
