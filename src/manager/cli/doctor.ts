/** `doctor`: what is amiss with an installation, worst first, and what to do. */
import type { Terminal } from "../../cli/terminal.ts";
import { diagnose, type DiagnosisOptions, type Finding } from "../diagnosis.ts";
import { type CommandLine, isSet } from "./arguments.ts";

const RANK = { bad: 0, warn: 1, ok: 2 } as const;
const WORD = { bad: "BAD ", warn: "warn", ok: "ok  " } as const;

export interface DoctorOptions {
  /** All that is looked at. What it throws is looked at by `problemsOf`. */
  readonly open: () => Promise<DiagnosisOptions>;
  /** What is allowed, but not wise; once it is open. */
  readonly warnings: () => readonly string[];
  /** Undefined for what no setting could mend. */
  readonly problemsOf: (error: unknown) => readonly string[] | undefined;
  readonly out: Terminal["out"];
}

/** Resolves with the exit code: 1 where something is bad. */
export async function runDoctor({ options }: CommandLine, doctor: DoctorOptions): Promise<number> {
  const findings = (await examine(doctor)).toSorted((a, b) => RANK[a.status] - RANK[b.status]);
  const text = isSet(options, "json")
    ? JSON.stringify(findings, null, 2)
    : findings.map(linesOf).join("\n");
  await doctor.out(new TextEncoder().encode(`${text}\n`));
  return findings.some(({ status }) => status === "bad") ? 1 : 0;
}

async function examine({ open, warnings, problemsOf }: DoctorOptions): Promise<Finding[]> {
  let options: DiagnosisOptions;
  try {
    options = await open();
  } catch (error) {
    const problems = problemsOf(error);
    if (problems === undefined) throw error;
    return problems.map((found) => ofSettings("bad", found));
  }
  return [...warnings().map((found) => ofSettings("warn", found)), ...await diagnose(options)];
}

function ofSettings(status: Finding["status"], found: string): Finding {
  const advice = "set it in the environment; the README has the table";
  return { check: "settings", status, found, advice };
}

function linesOf({ check, status, found, advice }: Finding): string {
  const line = `${WORD[status]}  ${check.padEnd(15)}${found}`;
  return advice === null ? line : `${line}\n${" ".repeat(21)}${advice}`;
}
