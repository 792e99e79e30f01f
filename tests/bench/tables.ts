/** Plain tables: the first column to the left, numbers to the right, nothing wider than needed. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isText = head.map((_, column) => rows.every((row) => !/^[~<]?\d/.test(row[column] ?? "")));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return isText[column] ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(head), rule, ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}

/** Thousands apart. */
export function whole(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

/** Milliseconds, with as many places as mean something. */
export function ms(number: number): string {
  if (Number.isNaN(number)) return "unknown";
  return number < 1 ? number.toFixed(2) : number < 100 ? number.toFixed(1) : whole(number);
}

export function ratio(number: number): string {
  return Number.isNaN(number) ? "unknown" : `${number.toFixed(2)} x`;
}

export function mebibytes(bytes: number): string {
  return `${whole(bytes / 1024 / 1024)} MiB`;
}
