/** The command that brings users in, where there is no file. */
import assert from "node:assert/strict";
import { parseCommandLine } from "../src/manager/cli/arguments.ts";
import { runMigration } from "../src/manager/cli/migrate.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { never, piecesOf } from "./manager/backup_kit.ts";
import { RamMigrationFolder } from "./manager/migration_kit.ts";

const LINES = `${JSON.stringify({ user_id: "eve", content: "six" })}\n`;

Deno.test("standard input is kept in the folder while it is worked on, and no longer", async () => {
  const files = new Map<string, string>(), printed: string[] = [];
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const nobody = () => assert.fail("somebody was asked");
  const line = "migrate - --folder work --ndjson --dry-run --json";
  await runMigration(parseCommandLine(line.split(" ")), {
    open: () =>
      Promise.resolve({
        manager: { createUser: nobody },
        register: { get: nobody },
        operations: { addressOf: nobody },
        brains: { import: nobody, stats: nobody },
      }),
    openFolder: () => Promise.resolve(new RamMigrationFolder()),
    terminal: {
      out: (bytes) => Promise.resolve(void printed.push(text(bytes))),
      readPieces: (path) => piecesOf(path === "-" ? LINES : files.get(path) ?? "", 50),
      writeFile: async (path, pieces) => {
        for await (const piece of pieces) files.set(path, (files.get(path) ?? "") + text(piece));
      },
    },
    remove: (path) => Promise.resolve(void files.delete(path)),
    clock: new FakeClock(),
    signal: never(),
  });
  const { users, records, dry_run } = JSON.parse(printed.at(-1) ?? "");
  assert.deepEqual([users, records, dry_run, files.size], [1, 1, true, 0]);
});
