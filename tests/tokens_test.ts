/** The estimate of tokens: never below what a model counts, and not far above where it matters. */
import assert from "node:assert/strict";
import { estimateTokens } from "../src/tokens.ts";
import { SAMPLES } from "./tokens/samples.ts";

Deno.test("of no kind of text fewer tokens are estimated than real vocabularies count", () => {
  const below = Object.entries(SAMPLES).flatMap(([kind, samples]) =>
    samples.filter(({ text, tokens }) => estimateTokens(text) < tokens)
      .map(({ text, tokens }) => `${kind}: ${estimateTokens(text)} of ${tokens}: ${text}`)
  );
  assert.deepEqual(below, []);
});

Deno.test("of English a quarter too many at most is estimated, of anything else twice as many", () => {
  for (const [kind, samples] of Object.entries(SAMPLES)) {
    const counted = samples.reduce((sum, { tokens }) => sum + tokens, 0);
    const estimated = samples.reduce((sum, { text }) => sum + estimateTokens(text), 0);
    const most = kind === "english" ? 1.25 : 2;
    assert.ok(estimated <= most * counted, `${kind}: ${estimated} of ${counted}`);
  }
});

Deno.test("nothing takes no tokens, and blanks, lines and the longest text take theirs", () => {
  assert.equal(estimateTokens(""), 0);
  assert.ok(estimateTokens(" ".repeat(100)) >= 2);
  assert.ok(estimateTokens("\n".repeat(100)) >= 7);
  assert.ok(estimateTokens("\u{1f600}".repeat(100_000)) >= 100_000);
});
