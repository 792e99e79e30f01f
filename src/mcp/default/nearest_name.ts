/** Which of some names was probably meant. */

/** More slips than this, and it was another word. */
const MOST_SLIPS = 2;
const MOST_CHARACTERS = 40;

/** The name with the fewest slips, or one that is a part of what was sent, or the other way round. */
export function nearest(sent: string, names: readonly string[]): string | undefined {
  if (sent === "" || sent.length > MOST_CHARACTERS) return undefined;
  const scored = names.map((name) => ({ name, slips: slipsBetween(sent, name) }));
  const best = scored.toSorted((a, b) => a.slips - b.slips)[0];
  if (best !== undefined && best.slips <= MOST_SLIPS) return best.name;
  const isPart = (name: string) =>
    name.split("_").some((word) => word.length > 3 && sent.split("_").includes(word));
  return names.find(isPart);
}

/** How many letters have to be added, left out or changed (Levenshtein). */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
