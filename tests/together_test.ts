/**
 * Words and meanings together: a small golden set whose vectors carry known structure. Some of the
 * questions can be answered by their words only, some by their meaning only, most by a little of
 * both; fused, they must be answered better than by either half.
 */
import assert from "node:assert/strict";
import type { Embedder } from "../src/embedder.ts";
import { idOf } from "./fakes/store_kit.ts";
import { type HttpApp, type Json, withApp } from "./http_app.ts";

/** What the fake model knows: words of one line mean the same to it, names it has never heard. */
const TOPICS: readonly string[] = [
  "car vehicle automobile drive drove wheels garage tyres",
  "doctor physician clinic hospital appointment checkup surgery",
  "dog puppy pet terrier walkies vet leash",
  "money salary invoice paid budget rent price cost",
  "meal dinner supper cook cooked recipe restaurant ate",
  "holiday vacation trip journey travel beach abroad flight",
  "house home flat apartment roof kitchen moved",
  "school lesson teacher class exam study course",
  "song music concert guitar band choir melody",
  "book novel read author library chapter",
];
const TOPIC_OF = new Map(
  TOPICS.flatMap((line, topic) => line.split(" ").map((word) => [word, topic] as const)),
);

/** A direction for each topic, and a little noise that depends on the text, as models have it. */
function meaningOf(text: string): Float32Array {
  const vector = new Float32Array(TOPICS.length + 4).fill(0.05);
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
    const topic = TOPIC_OF.get(word);
    if (topic !== undefined) vector[topic] = (vector[topic] ?? 0) + 1;
    const slot = TOPICS.length + word.length % 4;
    vector[slot] = (vector[slot] ?? 0) + 0.1;
  }
  return vector;
}

const embedder: Embedder = {
  provider: "fake",
  model: "topics",
  dimensions: TOPICS.length + 4,
  embed: (texts) => Promise.resolve(texts.map(meaningOf)),
};

const NOTES: readonly string[] = [
  "Anton's automobile needs new tyres before winter",
  "Berta parked in the garage behind the mill",
  "Anton drove Clara to the station at six",
  "The physician told Berta to rest her knee",
  "Clara's surgery is set for the ninth of June",
  "Dora waited at the clinic for two hours",
  "Anton's terrier chewed the red leash",
  "Clara takes the puppy out before breakfast",
  "Berta's invoice for the mill was paid late",
  "Dora's rent goes up in March",
  "Anton cooked lentils for everybody",
  "Supper with Dora was at the harbour",
  "Clara's flight leaves from gate nine",
  "Berta spent a week at the beach with Emil",
  "Emil's apartment has a leaking roof",
  "Dora moved to the yellow house by the mill",
  "Emil failed the exam in chemistry",
  "Berta's teacher praised the essay",
  "Anton's band plays at the harbour on Friday",
  "Clara lost the guitar strings again",
  "Emil read the third chapter aloud",
  "Dora wants the novel about lighthouses",
  "Emil has a yellow umbrella from the mill",
  "Anton likes lighthouses and old maps",
  "Berta collects stamps from the harbour post office",
  "Clara's bicycle is blue",
];

/** Question -> the notes that answer it, by their beginning. */
const GOLDEN: readonly [string, readonly string[]][] = [
  ["what vehicle does Anton have", ["Anton's automobile"]],
  ["when is Clara's hospital appointment", ["Clara's surgery"]],
  ["Anton's dog", ["Anton's terrier"]],
  ["what did Anton make for dinner", ["Anton cooked"]],
  ["Emil's home", ["Emil's apartment"]],
  ["Dora's new flat", ["Dora moved"]],
  ["where did Berta go on holiday", ["Berta spent"]],
  ["which concert does Anton give", ["Anton's band"]],
  ["Emil's school results", ["Emil failed"]],
  ["Dora's favourite author", ["Dora wants"]],
  ["how much money does Berta get for the mill", ["Berta's invoice"]],
  ["Dora's budget", ["Dora's rent"]],
  ["Clara's vacation", ["Clara's flight"]],
  ["what does Anton think of lighthouses", ["Anton likes"]],
  ["umbrella", ["Emil has"]],
  ["stamps", ["Berta collects"]],
  ["bicycle of Clara", ["Clara's bicycle"]],
  ["physician", ["The physician"]],
  ["pets", ["Anton's terrier", "Clara takes"]],
  ["melody", ["Anton's band", "Clara lost"]],
  ["which restaurant did Dora pick", ["Supper with Dora"]],
  ["Berta's lesson", ["Berta's teacher"]],
];

Deno.test("together, words and meanings answer better than either half", async () => {
  await withApp(async (app) => {
    await app.done(200, "POST", "/import", {
      json: NOTES.map((content, n) => ({ id: idOf(n), content })),
    });
    await app.clock.until(app.brain.indexer.idle());
    const byWords = await quality(app, "keyword");
    const byMeanings = await quality(app, "semantic");
    const together = await quality(app, "hybrid");
    const seen = `${byWords} by words, ${byMeanings} by meanings, ${together} together`;
    assert.ok(together > byWords + 0.1 && together > byMeanings + 0.1, seen);
    assert.ok(together > 0.9, seen);
  }, { embedder });
});

/** Mean nDCG@5 (Järvelin & Kekäläinen 2002). */
async function quality(app: HttpApp, mode: string): Promise<number> {
  const gains: number[] = [];
  for (const [query, wanted] of GOLDEN) {
    const { results } = await app.done(200, "POST", "/search", { json: { query, mode, limit: 5 } });
    const found: number[] = results.map(({ memory }: Json) =>
      wanted.some((start) => memory.content.startsWith(start)) ? 1 : 0
    );
    const discounted = (list: readonly number[]) =>
      list.reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);
    gains.push(discounted(found) / discounted(wanted.map(() => 1)));
  }
  return gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
}
