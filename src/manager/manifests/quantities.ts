/** Amounts as Kubernetes writes them, in its own canonical form: what was applied is what is read. */

const UNITS = [
  ["Ti", 1024 ** 4],
  ["Gi", 1024 ** 3],
  ["Mi", 1024 ** 2],
  ["Ki", 1024],
  // Without a binary unit it takes the decimal ones.
  ["T", 1e12],
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const;

/** The first unit that leaves nothing over. */
export function bytesText(bytes: number): string {
  const [unit, size] = UNITS.find(([, size]) => bytes > 0 && bytes % size === 0) ?? ["", 1];
  return `${bytes / size}${unit}`;
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

/** Of memory and processors alike: a server may write the same amount in another way. */
export function amountOf(text: string): number {
  return text.endsWith("m") ? bytesOf(text.slice(0, -1)) / 1000 : bytesOf(text);
}

function fail(message: string): never {
  throw new TypeError(message);
}
