/** The commands on a folder that no service is using, with the files they look at. */
import { resolve } from "node:path";
import project from "../../deno.json" with { type: "json" };
import type { CommandLine } from "../cli/arguments.ts";
import { realTerminal as terminal } from "../cli/console.ts";
import { CommandError } from "../cli/terminal.ts";
import { readConfig } from "./settings.ts";

const { version } = project;

/** What `verify` and `restore` need: the files, and a state to read them into. */
async function atRest() {
  const [{ State }, { systemClock, timestamp }, { realFileSystem: fs }, { v7: newId }] =
    await Promise.all([
      import("../state.ts"),
      import("../clock.ts"),
      import("../store/fs.ts"),
      import("uuid"),
    ]);
  const { memoriesPath } = await readConfig(false);
  const defaults = { newId, now: timestamp(systemClock) };
  return { fs, memoriesPath, state: new State(), defaults };
}

export async function verify(line: CommandLine): Promise<number> {
  const { runVerify } = await import("../cli/verify.ts");
  const { verifyFile, verifyFolder } = await import("../store/verification.ts");
  const { holdUnchanged: hold } = await import("../store/read_only.ts");
  const all = await atRest();
  return await runVerify(line, terminal, {
    folder: async () => {
      await requireBrain(all.memoriesPath, "verify");
      return await verifyFolder({ ...all, hold });
    },
    file: (path) => verifyFile(all.fs, resolve(path), all.defaults),
  });
}

export async function restoreFrom(line: CommandLine): Promise<number> {
  const { runRestore } = await import("../cli/restore.ts");
  const { restore } = await import("../store/restoration.ts");
  const holder = `pid ${Deno.pid}, version ${version}, restoring`;
  const all = await atRest();
  const from = (file: string) => restore({ ...all, holder, source: resolve(file) });
  await runRestore(line, terminal, from);
  return 0;
}

/** To read from a folder that holds nothing is a slip, such as a wrong path or a volume not mounted. */
export async function requireBrain(memoriesPath: string, command: string): Promise<void> {
  const { DataFolder } = await import("../store/folder.ts");
  const { realFileSystem: fs } = await import("../store/fs.ts");
  const { holdsBrain } = await import("../store/verification.ts");
  const folder = new DataFolder(fs, memoriesPath, () => "");
  // Why it cannot be looked into, the store says better.
  if (await holdsBrain(folder).catch(() => true)) return;
  const place = JSON.stringify(folder.memories);
  throw new CommandError(
    `Cannot ${command}: there is no brain at ${place}; set MEMORY_PERSIST_PATH`,
  );
}
