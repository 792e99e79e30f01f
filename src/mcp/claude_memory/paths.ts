/**
 * The paths of the files: all below one directory, each written in one way. There is no file system
 * behind them; but what leaves here, as an export does, must not lead anybody out of a folder.
 */
import { Refusal } from "./refusal.ts";

export const ROOT = "/memories";

const MOST_CHARACTERS = 1_000;
/** A step upwards, however it is written. */
const UPWARDS = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:$|[/\\]|%2f|%5c)/i;
/** What ends a line somewhere, or is seen nowhere: a name is one line of a listing. */
const UNFIT = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** As it is kept: without doubled slashes, single dots and a slash at the end. Throws `Refusal`. */
export function canonicalPath(path: string): string {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (!path.startsWith("/") || `/${names[0]}` !== ROOT) {
    throw new Refusal(`Error: Path must start with /memories, got: ${shortened(path)}`);
  }
  if (UPWARDS.test(path)) {
    throw new Refusal(`Error: Path ${shortened(path)} would escape /memories directory`);
  }
  if (UNFIT.test(path) || !path.isWellFormed()) {
    throw new Refusal("Error: The path must be text without control characters");
  }
  const canonical = `/${names.join("/")}`;
  requireLength(canonical);
  return canonical;
}

export function requireLength(path: string): void {
  if (path.length <= MOST_CHARACTERS) return;
  throw new Refusal(
    `Error: The path ${shortened(path)} is too long: use at most 1,000 characters`,
  );
}

/** Whether it is the path of a file as we write it: other programs write to memories, too. */
export function isFilePath(path: string): boolean {
  return path.startsWith(`${ROOT}/`) && path.length <= MOST_CHARACTERS && !path.endsWith("/") &&
    !/\/\.?\//.test(path) && !path.endsWith("/.") && !UPWARDS.test(path) && !UNFIT.test(path);
}

export function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

function shortened(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 200).toWellFormed()}…`;
}
