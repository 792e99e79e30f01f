/** `doctor`: what was found, worst first, and what to do. */
import type { Terminal } from "../../cli/terminal.ts";
import type { Finding } from "../diagnosis.ts";

const RANK = { bad: 0, warn: 1, ok: 2 } as const;
const WORD = { bad: "BAD ", warn: "warn", ok: "ok  " } as const;

/** Resolves with the exit code: 1 where something is bad. */
export async function report(
  findings: readonly Finding[],
  asJson: boolean,
  out: Terminal["out"],
): Promise<number> {
  const sorted = findings.toSorted((a, b) => RANK[a.status] - RANK[b.status]);
  const text = asJson ? JSON.stringify(sorted, null, 2) : sorted.map(linesOf).join("\n");
  await out(new TextEncoder().encode(`${text}\n`));
  return findings.some(({ status }) => status === "bad") ? 1 : 0;
}

function linesOf({ check, status, found, advice }: Finding): string {
  const line = `${WORD[status]}  ${check.padEnd(15)}${found}`;
  return advice === null ? line : `${line}\n${" ".repeat(21)}${advice}`;
}
