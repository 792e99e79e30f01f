/** The estimate of tokens: never below what a model counts, and not far above where it matters. */
import assert from "node:assert/strict";
import { estimateTokens, stretchesOf } from "../src/tokens.ts";
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
  assert.ok(estimateTokens(" \t".repeat(100)) >= 200);
  assert.ok(estimateTokens("\n".repeat(100)) >= 7);
  assert.ok(estimateTokens("\u{1f600}".repeat(100_000)) >= 100_000);
});

Deno.test("each stretch of a text has its own language", () => {
  const english = "And we were with them, and that was what they had and all that it was. ".repeat(
    80,
  );
  const polish =
    "Jutro rano jedziemy do Zakopanego, wracamy dopiero wieczorem; trzeba podla\u0107 kwiaty. ";
  const alone = estimateTokens(polish.repeat(20));
  const behind = estimateTokens(english + polish.repeat(20)) - estimateTokens(english);
  assert.ok(Math.abs(behind - alone) < 20, `${behind} and ${alone}`);
});

Deno.test("the stretches of a text are all of it, each short, and no half of a character ends one", () => {
  const text = "The fence, 12 posts.\n\u82b1\u56ed \t\t\u{1f600}".repeat(500) +
    "\u{1f600}".repeat(500);
  const stretches = [...stretchesOf(text)];
  const ends = stretches.map(({ end }) => end);
  assert.equal(ends.at(-1), text.length);
  assert.ok(ends.every((end, at) => end > (ends[at - 1] ?? 0) && end <= (ends[at - 1] ?? 0) + 100));
  assert.ok(ends.every((end) => text.slice(0, end).isWellFormed()));
  const sum = stretches.reduce((sum, { tokens }) => sum + tokens, 0);
  assert.equal(Math.ceil(sum), estimateTokens(text));
});
