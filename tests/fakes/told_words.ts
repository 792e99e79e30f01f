/** What listeners were told, in words, sorted by memory and judged by the texts that each had. */

/** For each memory: what was told of it, in order. */
export function byMemory(told: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const words of told) {
    const [type = "", id = ""] = words.split(" ");
    if (type.startsWith("memory.")) found.set(id, [...found.get(id) ?? [], type.slice(7)]);
  }
  return found;
}

/** What is wrong with what was told of a memory that had these texts, one after the other. */
export function faultsOf(
  types: readonly string[],
  texts: readonly string[],
  isThere: boolean,
): string[] {
  const faults: string[] = [];
  let version = 0, isOpen = false;
  for (const [at, type] of types.entries()) {
    if (type === "embedded") {
      if (!isOpen) faults.push("told twice to be embedded");
      isOpen = false;
    } else if (type === "deleted") isOpen = false;
    else {
      if (type !== (version === 0 ? "created" : "updated")) faults.push(`${type} as no. ${at}`);
      if (texts[version] !== texts[version - 1]) isOpen = true;
      version++;
    }
  }
  if (version !== texts.length) faults.push(`${version} changes of ${texts.length}`);
  if (isOpen) faults.push("the last text was never told to be embedded");
  const end = types.indexOf("deleted");
  if (end !== (isThere ? -1 : types.length - 1)) faults.push("told of its end at a wrong time");
  return faults;
}
