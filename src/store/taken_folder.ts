/** The data folder, held for this process: only then is anything in it touched. */
import { timestamp } from "../clock.ts";
import { ExportFiles } from "./export_files.ts";
import { FileStore } from "./file.ts";
import type { FileStoreOptions } from "./file_options.ts";
import { DataFolder } from "./folder.ts";
import { realFileSystem } from "./fs.ts";

export interface TakeOptions extends Omit<FileStoreOptions, "folder" | "holder"> {
  readonly memoriesPath: string;
  readonly pid: number;
}

export interface TakenFolder {
  readonly store: FileStore;
  readonly exportFolder: ExportFiles;
  readonly folder: DataFolder;
}

/** Throws `StoreOpenError` where another process holds it, or this one may not. */
export async function takeFolder(options: TakeOptions): Promise<TakenFolder> {
  const { memoriesPath, pid, ...rest } = options;
  const { clock, version, minFreeBytes } = rest;
  const now = () => timestamp(clock);
  const folder = new DataFolder(realFileSystem, memoriesPath, now);
  const holder = `pid ${pid}, version ${version}, since ${now()}`;
  const store = new FileStore({ ...rest, folder, holder });
  await store.take();
  const requireFolder = (grows: boolean) => store.requireFolder(grows);
  const exportFolder = new ExportFiles(realFileSystem, folder.exports, minFreeBytes, requireFolder);
  await exportFolder.open();
  return { store, exportFolder, folder };
}
