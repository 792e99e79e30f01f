/** Amounts as Kubernetes writes them: the largest unit that leaves nothing over. */

const UNITS = ["Ti", "Gi", "Mi", "Ki"] as const;

export function bytesText(bytes: number): string {
  for (const [index, unit] of UNITS.entries()) {
    const size = 1024 ** (UNITS.length - index);
    if (bytes !== 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** Of thousandths of a processor. */
export function millisText(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

const AMOUNT = /^(\d+(?:\.\d+)?)([kMGTPE]i?|Ki)?$/;
const THOUSANDS = ["k", "M", "G", "T", "P", "E"];

/** As the server writes amounts of bytes, also where a person gave them. Throws for anything else. */
export function bytesOf(text: string): number {
  const [, amount, unit = ""] = AMOUNT.exec(text) ??
    fail(`Cannot read the amount "${text}": it is not like 10Gi`);
  const power = unit === "" ? 0 : THOUSANDS.indexOf(unit.replace("i", "").replace("K", "k")) + 1;
  return Number(amount) * (unit.endsWith("i") ? 1024 : 1000) ** power;
}

function fail(message: string): never {
  throw new TypeError(message);
}
