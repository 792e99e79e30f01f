/** Users and what is done with them, in lines for people. */
import type { BackupList, Outcome, UserList, UserView } from "../brain_manager.ts";
import { TIERS } from "../tiers.ts";

const GIB = 1024 ** 3;

export function linesOf({ outcome, user, operation, key, plan }: Outcome): string {
  const failure = operation?.failure;
  return [
    ...(outcome === "planned" ? ["It would:", ...plan.map((line) => `  ${line}`)] : []),
    ...(outcome === "planned"
      ? []
      : [`${SAID[outcome]}${user === null ? "; nothing is left" : ""}`]),
    ...(failure === null || failure === undefined ? [] : [`failed: ${failure.message}`]),
    ...(user === null ? [] : userLines(user)),
    ...(key === null ? [] : [`key          ${key}`]),
  ].join("\n");
}

const SAID: Readonly<Record<Exclude<Outcome["outcome"], "planned">, string>> = {
  created: "created",
  same: "it was so already",
  done: "done",
  under_way: "under way",
};

/** One for each thing that is known. */
export function userLines(user: UserView): string[] {
  const { last_backup: backup, operation, last_operation: last } = user;
  const known: [string, string | null][] = [
    ["user", shown(user.id)],
    ["state", user.state],
    ["tier", user.tier],
    ["address", user.address],
    ["namespace", user.namespace],
    ["storage", gibibytes(user.storage_bytes)],
    ["created", user.created_at],
    ["deleted", user.deleted_at],
    ["purge", user.purge_at],
    ["last backup", backup === null ? "none" : `${backup.at}, ${backup.memories} memories`],
    ["under way", operation === null ? null : `${operation.verb}: ${operation.step ?? ""}`],
    ["last", last === null ? null : `${last.verb} ${last.status}${reasonOf(last.failure)}`],
    ...user.conditions.map(({ type, status, message }): [string, string] => [
      type,
      `${status}: ${message}`,
    ]),
  ];
  return known.flatMap(([name, value]) => value === null ? [] : [`${name.padEnd(12)} ${value}`]);
}

function reasonOf(failure: { readonly message: string } | null): string {
  return failure === null ? "" : `: ${failure.message}`;
}

export function listLines(pages: readonly UserList[]): string {
  const users = pages.flatMap((page) => page.users);
  const unreadable = pages[0]?.unreadable ?? [];
  const rows = users.map(({ slug, tier, state, last_backup, id }) =>
    `${slug.padEnd(54)}${tier.padEnd(12)}${state.padEnd(11)}` +
    `${(last_backup?.at ?? "no backup").padEnd(26)}${shown(id)}`
  );
  return [
    ...rows,
    users.length === 1 ? "1 user" : `${users.length} users`,
    ...unreadable.map(({ name, reason }) => `cannot read ${name}: ${reason}`),
  ].join("\n");
}

export function backupLines({ backups, snapshots, damaged, missing }: BackupList): string {
  return [
    ...backups.map(({ id, at, memories, bytes }) =>
      `${id}  ${at}  ${memories} memories  ${bytes} bytes`
    ),
    ...snapshots.map(({ id, at, ready }) => `${id}  ${at}${ready ? "" : "  not ready yet"}`),
    `${backups.length} backups${damaged === 0 ? "" : `, and ${damaged} that cannot be read`}`,
    ...(missing === null ? [] : [`missing: ${missing}, the last one that was made`]),
  ].join("\n");
}

export function tierLines(): string {
  const columns = [
    "tier",
    "memory",
    "processors",
    "storage",
    "requests/min",
    "memories",
    "backups",
  ];
  const rows = Object.entries(TIERS).map(([name, tier]) => [
    name,
    `${gibibytes(tier.memory.requestBytes)}-${gibibytes(tier.memory.limitBytes)}`,
    `${tier.cpu.requestMillis / 1000}-${tier.cpu.limitMillis / 1000}`,
    gibibytes(tier.storageBytes),
    String(tier.requestsPerMinute),
    tier.mostMemories === 0 ? "no limit" : String(tier.mostMemories),
    `every ${tier.backups.everyHours} h, ${tier.backups.keep} kept`,
  ]);
  const widths = columns.map((_, i) =>
    Math.max(...[columns, ...rows].map((row) => row[i]?.length ?? 0)) + 2
  );
  return [columns, ...rows]
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("").trimEnd())
    .join("\n");
}

function gibibytes(bytes: number): string {
  return `${bytes / GIB} GiB`;
}

/** An id as a terminal may see it: what would move the cursor is written as an escape. */
function shown(id: string): string {
  return JSON.stringify(id).replaceAll(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
