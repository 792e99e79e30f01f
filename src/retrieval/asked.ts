/** What retrieval is asked, and the page that it gives. */
import type { FusedHit } from "../fusion.ts";
import type { Memory } from "../memory.ts";
import type { RankingWeights } from "../ranking.ts";
import type { VectorIndex } from "../vector_index.ts";
import type { Narrowing } from "./half.ts";

export type UsedMode = "keyword" | "semantic" | "hybrid";

export interface Question {
  /** Left out: it cannot be asked by its words. */
  readonly text?: string | undefined;
  /** None: it cannot be asked by its meaning. Of several the nearest counts. */
  readonly vectors: readonly Float32Array[];
}

export interface Asked extends Narrowing {
  readonly questions: readonly Question[];
  /** Which sides are asked, as far as the questions can be asked by them. */
  readonly mode: UsedMode;
  /** Where the questions' vectors are looked for. */
  readonly vectorIndex: VectorIndex;
  readonly limit: number;
  readonly offset: number;
  readonly minScore: number;
  readonly weights: RankingWeights;
}

export interface Ranked {
  readonly hit: FusedHit;
  readonly memory: Memory;
  readonly score: number;
}

export interface Page {
  readonly page: readonly Ranked[];
  /** How many can be paged through. */
  readonly total: number;
}
