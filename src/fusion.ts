/**
 * The two halves of a search made one list, and the lists of several questions likewise. Pure.
 */

/** A hit of one half: the text index's score, or a cosine. Best first. */
export interface HalfHit {
  readonly id: string;
  readonly score: number;
}

/** A memory that at least one half found; a half that did not see it says null. */
export interface FusedHit {
  readonly id: string;
  /** 0 to 1. */
  readonly relevance: number;
  readonly keyword: number | null;
  /** The cosine as it was, also below 0. */
  readonly cosine: number | null;
}

/** How many of each half are fused: ask each for so many. A half's mean and spread are theirs. */
export const FUSED_CANDIDATES = 200;
/** Not a half: a small embedding model knows conversations much worse than their words do, and
 * would pull a good list down; a large one loses little by it. */
const SEMANTIC_WEIGHT = 0.4;
/** What a half's scores are taken to spread at least, so that scores which hardly differ are not
 * blown up, and one lone hit stands no further out than its own score says. */
const LEAST_SPREAD = { keyword: 0.025, cosine: 0.02 } as const;
/** How far above its mean a half's best may be said to stand, in spreads: one lone hit among many
 * blanks must not silence the other half, nor scores that are all alike be silenced. */
const PEAKS = { least: 1, most: 10 } as const;

/**
 * One list out of two: each score in units of its half's spread (z-score), then their weighted
 * mean, counted from what a memory would get that neither half found, and put back on the scale
 * of the halves: a question that nothing answers well does not get a brilliant best.
 *
 * The weight is the question's own: a half whose best stands far above its crowd knows an answer,
 * one whose scores are all much alike does not.
 *
 * A memory that one half did not find keeps its place by the other half alone. With one half
 * empty, the other one's own scores are the answer.
 */
export function fuse(keyword: readonly HalfHit[], semantic: readonly HalfHit[]): FusedHit[] {
  const words = scoresById(keyword);
  const cosines = scoresById(semantic);
  const ids = [...new Set([...words.keys(), ...cosines.keys()])];
  const relevance = relevanceOf(words, cosines, ids.length);
  return ids.map((id) => {
    const hit = { keyword: words.get(id) ?? null, cosine: cosines.get(id) ?? null };
    return { id, relevance: relevance(hit.keyword, hit.cosine), ...hit };
  });
}

type Scores = ReadonlyMap<string, number>;
type Relevance = (keyword: number | null, cosine: number | null) => number;

function relevanceOf(words: Scores, cosines: Scores, found: number): Relevance {
  if (cosines.size === 0) return (keyword) => keyword ?? 0;
  if (words.size === 0) return (_, cosine) => Math.max(0, cosine ?? 0);
  const word = keywordScale(words, found);
  const meaning = cosineScale(cosines);
  const plain = scaleOf([...words.values()], LEAST_SPREAD.cosine, 0);
  const spread = (plain.spread + meaning.spread) / 2;
  const weight = semanticWeight(word, meaning);
  const fused = (keyword: number | null, cosine: number | null) => {
    const byWords = zScore(keyword === null ? null : odds(keyword), word);
    const byMeaning = zScore(cosine, meaning);
    return (1 - weight) * byWords + weight * byMeaning;
  };
  const nothing = fused(null, null);
  return (keyword, cosine) => softened(spread * (fused(keyword, cosine) - nothing));
}

/** As odds, so that it stays between 0 and 1 and is SEMANTIC_WEIGHT where both peak alike. */
function semanticWeight(word: Scale, meaning: Scale): number {
  const share = SEMANTIC_WEIGHT / (1 - SEMANTIC_WEIGHT) * meaning.peak / word.peak;
  return share / (1 + share);
}

interface Scale {
  readonly mean: number;
  readonly spread: number;
  /** How many spreads the best stands above the mean. */
  readonly peak: number;
  /** What a memory counts as that this half did not find. */
  readonly missing: number;
}

/** A short list is all there is: every other memory has none of the words, and counts so. */
function keywordScale(words: Scores, found: number): Scale {
  const best = [...words.values()].map(odds);
  const isAll = words.size < FUSED_CANDIDATES;
  while (best.length < Math.min(found, FUSED_CANDIDATES)) best.push(0);
  return scaleOf(best, LEAST_SPREAD.keyword, isAll ? 0 : Math.min(...best));
}

/** A short list lacks only memories that are not embedded yet: they are taken for average. */
function cosineScale(cosines: Scores): Scale {
  const best = [...cosines.values()];
  const isAll = cosines.size < FUSED_CANDIDATES;
  return scaleOf(best, LEAST_SPREAD.cosine, isAll ? meanOf(best) : Math.min(...best));
}

function scaleOf(scores: readonly number[], leastSpread: number, missing: number): Scale {
  const mean = meanOf(scores);
  const deviation = Math.sqrt(meanOf(scores.map((score) => (score - mean) ** 2)));
  const spread = Math.max(deviation, leastSpread);
  const above = (Math.max(...scores) - mean) / spread;
  return { mean, spread, peak: Math.min(PEAKS.most, Math.max(PEAKS.least, above)), missing };
}

function zScore(score: number | null, { mean, spread, missing }: Scale): number {
  return ((score ?? missing) - mean) / spread;
}

/** A score between 0 and 1 drawn out again: where the best of the words stand far above the rest,
 * squeezing them below 1 has hidden by how much. */
function odds(score: number): number {
  return score / (1 - score);
}

/** Where the straight line gives way to a curve that never reaches 0 or 1. */
const SOFT_END = 0.1;

/** Itself in the middle, bent at the ends into 0 to 1; always rising. */
function softened(value: number): number {
  if (value < SOFT_END) return SOFT_END * Math.exp(value / SOFT_END - 1);
  if (value > 1 - SOFT_END) return 1 - softened(1 - value);
  return value;
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function scoresById(hits: readonly HalfHit[]): Map<string, number> {
  return new Map(hits.map(({ id, score }) => [id, score]));
}

/**
 * One list out of those of several questions: the quadratic mean of what a memory is worth to each,
 * which is the OR of Salton, Fox & Wu, "Extended Boolean Information Retrieval" (1983), with p = 2.
 * What answers one question well stays in front, and what answers several comes before it. It did
 * as well as the highest score on questions of different things, and nearly as well as the sum on
 * several wordings of one, where each loses on the other; reciprocal ranks lose much on the first.
 */
export function join(lists: readonly (readonly FusedHit[])[]): FusedHit[] {
  const byId = Map.groupBy(lists.flat(), ({ id }) => id);
  return [...byId].map(([id, hits]) => ({
    id,
    relevance: quadraticMean(hits.map(({ relevance }) => relevance), lists.length),
    keyword: highest(hits.map(({ keyword }) => keyword)),
    cosine: highest(hits.map(({ cosine }) => cosine)),
  }));
}

/** Of so many numbers; those left out are 0. */
function quadraticMean(numbers: readonly number[], count: number): number {
  if (count === 1) return numbers[0] ?? 0;
  return Math.sqrt(numbers.reduce((sum, number) => sum + number ** 2, 0) / count);
}

function highest(scores: readonly (number | null)[]): number | null {
  const seen = scores.filter((score) => score !== null);
  return seen.length === 0 ? null : Math.max(...seen);
}
