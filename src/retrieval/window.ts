/** How far down the hits must be seen for a page to be certain. */
import type { Asked, Ranked } from "./asked.ts";

/** What may have come in the meantime. */
const MARGIN = 1_000;

/** Whether nothing that scores at most `below` can belong on the page; with a least score, whether
 * nothing of that can reach it. */
export function isSettled(
  page: readonly Ranked[],
  below: number,
  { minScore, limit }: Pick<Asked, "minScore" | "limit">,
): boolean {
  if (minScore > 0) return below < minScore;
  return page.length === limit && (page.at(-1)?.score ?? 0) > below;
}

/** So far is looked at least when the first window was not enough. */
const SECOND_WINDOW = 1_600;

/** Four times as far; and where that was not enough, either, to the end: scores that are all much
 * alike would have every memory looked at several times over. */
export function nextWindow(window: number, looks: number, total: number): number {
  return looks === 1 ? Math.max(4 * window, SECOND_WINDOW) : Math.max(4 * window, total + MARGIN);
}
