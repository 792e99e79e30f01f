/** `second-brain verify`: says whether a data folder, or one file, can be read to its end. */
import { amount, amountOfMemories } from "../amount.ts";
import type { BackupReport, Finding, FolderReport } from "../folder_report.ts";
import type { CommandLine } from "./arguments.ts";
import { EXIT } from "./exit.ts";
import { CommandError, reasonOf, type Terminal } from "./terminal.ts";

export interface Verifier {
  /** The folder of this environment. */
  folder(): Promise<FolderReport>;
  file(path: string): Promise<BackupReport>;
}

/** Returns the exit code. */
export async function runVerify(
  { operand, options }: CommandLine,
  { out }: Pick<Terminal, "out">,
  verifier: Verifier,
): Promise<number> {
  const print = (text: string) => out(new TextEncoder().encode(text + "\n"));
  const asJson = options["json"] === true;
  if (operand === undefined) {
    const report = await verifier.folder();
    await print(asJson ? JSON.stringify(report, null, 2) : folderPage(report));
    return report.sound ? 0 : EXIT.data;
  }
  const report = await verifier.file(operand).catch((error) => cannotLook("verify", error));
  await print(asJson ? JSON.stringify(report, null, 2) : backupLine(report));
  return report.fault === null ? 0 : EXIT.data;
}

/** What the system refuses or fails at, in one line; the store's own words are passed on. */
export function cannotLook(command: string, error: unknown): never {
  const isBarred = error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.PermissionDenied;
  const isSystem = isBarred || error instanceof Error && "code" in error &&
      !["AppError", "StoreOpenError"].includes(error.name);
  if (!isSystem) throw error;
  const code = isBarred ? EXIT.access : EXIT.disk;
  throw new CommandError(`Cannot ${command}: ${reasonOf(error)}`, code);
}

const WORDS: Readonly<Record<Finding["kind"], string>> = {
  damage: "DAMAGE",
  torn_tail: "note",
  hand_edited: "note",
  rolled_back_import: "note",
  noted_before: "noted before, not yet acknowledged",
};

function folderPage({ folder, sound, memories, files, findings, backups }: FolderReport): string {
  const faults = findings.filter(({ kind }) => kind === "damage").length +
    backups.filter(({ fault }) => fault !== null).length;
  return [
    `${folder}: ${amountOfMemories(memories)}`,
    ...files.map(({ file, bytes }) => `  ${file}  ${bytes} bytes`),
    ...backups.map((backup) => `  ${backupLine(backup)}`),
    ...findings.map(({ kind, file, detail }) => `  ${WORDS[kind]}: ${file}: ${detail}`),
    sound ? "Sound: everything can be read." : `Not sound: damage in ${amount(faults, "place")}.`,
  ].join("\n");
}

function backupLine({ file, bytes, memories, fault }: BackupReport): string {
  if (fault !== null) return `DAMAGE: ${file}: ${fault}`;
  return `${file}  ${bytes} bytes, ${amountOfMemories(memories ?? 0)}, sound`;
}
