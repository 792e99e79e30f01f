/**
 * Holds the estimate of tokens against real vocabularies, over texts of many kinds: it must not be
 * below either, and is said to be so many times as large. Optional: the vocabularies are not in
 * `deno.json`, as nothing else needs them. Further texts may be named, a file each.
 *
 *     deno run -A --no-lock tests/tokens/measure.ts [FILE ...]
 */
import { estimateTokens } from "../../src/tokens.ts";
import { SAMPLES } from "./samples.ts";

/** Put together here, so that checks and caches of the product leave it alone. */
const PACKAGE = ["npm:", "gpt-tokenizer@3.0.1/encoding/"].join("");

interface Vocabulary {
  readonly encode: (text: string) => readonly number[];
}

const names = ["cl100k_base", "o200k_base"];
const vocabularies: Vocabulary[] = await Promise.all(
  names.map((name) => import(`${PACKAGE}${name}`)),
);
const faults: string[] = [];

function measure(kind: string, texts: readonly string[]): void {
  const line = [kind.padEnd(12)];
  for (const [at, { encode }] of vocabularies.entries()) {
    const ratio = (text: string) => estimateTokens(text) / encode(text).length;
    const least = Math.min(...texts.map(ratio));
    if (least < 1) faults.push(`${kind}: the estimate is ${least.toFixed(2)} of ${names[at]}`);
    line.push(`${names[at]} x${ratio(texts.join("\n")).toFixed(2)} (least ${least.toFixed(2)})`);
  }
  console.log(line.join("  "));
}

for (const [kind, samples] of Object.entries(SAMPLES)) {
  measure(kind, samples.map(({ text }) => text));
  for (const { text, tokens } of samples) {
    const most = Math.max(...vocabularies.map(({ encode }) => encode(text).length));
    if (most !== tokens) faults.push(`${kind}: ${most} tokens, and not ${tokens}: ${text}`);
  }
}
for (const path of Deno.args) measure(path, [await Deno.readTextFile(path)]);
if (faults.length > 0) {
  console.error(faults.join("\n"));
  Deno.exit(1);
}
