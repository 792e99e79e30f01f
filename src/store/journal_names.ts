/** How the files of a journal are called. */
/** Behind the name of a file whose header is not durable yet. */
export const UNFINISHED = ".tmp";

export function generationName(generation: number): string {
  return `${String(generation).padStart(6, "0")}.log`;
}

/** The generation that a file name stands for; undefined for a name that is not ours. */
export function generationOf(name: string): number | undefined {
  return /^\d{6,15}\.log$/.test(name) ? Number.parseInt(name, 10) : undefined;
}

/** The same for the name of a file whose making was cut off. */
export function unfinishedOf(name: string): number | undefined {
  return name.endsWith(UNFINISHED) ? generationOf(name.slice(0, -UNFINISHED.length)) : undefined;
}
