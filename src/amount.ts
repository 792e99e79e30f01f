/** A number of things in words, for people: `1 memory`, `2 memories`. */
export function amount(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}

export function amountOfMemories(count: number): string {
  return amount(count, "memory", "memories");
}
