/**
 * The name of a backup: when it was made, and the first eight digits of its bytes' SHA-256, so that
 * a file can be held against its own name years later.
 *
 *     backup-20260131T120000Z-1f2e3d4c.json
 */
const NAME = /^backup-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-f]{8})\.json$/;

/** `at` is RFC 3339, `sha256` hex. */
export function backupName(at: string, sha256: string): string {
  return `backup-${at.slice(0, 19).replaceAll(/[-:]/g, "")}Z-${sha256.slice(0, 8)}.json`;
}

/** What a name says; undefined where it is not that of a backup. */
export function parseBackupName(
  name: string,
): { readonly at: string; readonly sum: string } | undefined {
  const [, year, month, day, hour, minute, second, sum = ""] = NAME.exec(name) ?? [];
  const at = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  return Number.isNaN(Date.parse(at)) ? undefined : { at, sum };
}
