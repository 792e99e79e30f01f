/**
 * Data folders filled with notes, made once for each size by the program's own store, as a clean
 * stop would leave them, and copied for each server that is to change one.
 */
import { join } from "node:path";
import { systemClock, timestamp } from "../../src/clock.ts";
import { FileStore } from "../../src/store/file.ts";
import { DataFolder } from "../../src/store/folder.ts";
import { realFileSystem } from "../../src/store/fs.ts";
import { storedNote } from "./notes.ts";

export class Folders {
  readonly #root: string;
  readonly #filled = new Map<string, Promise<string>>();
  #count = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async empty(): Promise<string> {
    const folder = join(this.#root, `folder-${++this.#count}`);
    await Deno.mkdir(folder);
    return folder;
  }

  /** A folder of one's own with so many notes in it. */
  async filled(notes: number, withVectors = false): Promise<string> {
    const name = `${notes}${withVectors ? "-vectors" : ""}`;
    let made = this.#filled.get(name);
    if (made === undefined) this.#filled.set(name, made = this.#make(name, notes, withVectors));
    const folder = await this.empty();
    await copyFolder(await made, folder);
    return folder;
  }

  async #make(name: string, notes: number, withVectors: boolean): Promise<string> {
    const path = join(this.#root, `filled-${name}`);
    const now = () => timestamp(systemClock);
    const store = new FileStore({
      folder: new DataFolder(realFileSystem, join(path, "memories.json"), now),
      clock: systemClock,
      newId: () => crypto.randomUUID(),
      version: "bench",
      holder: "the benchmark",
      log: (event, detail) => console.error(event, detail),
    });
    const numbers = {
      *[Symbol.iterator]() {
        for (let number = 0; number < notes; number++) yield number;
      },
    };
    // Never all in memory at once: a note is made when it is written.
    await store.open({
      apply() {},
      entries: () => numbers[Symbol.iterator]().map((number) => storedNote(number, withVectors)),
      receipts: () => [],
      unembedded: () => [],
    });
    await store.compact();
    await store.close();
    return path;
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) {
      await Deno.mkdir(join(to, name));
      await copyFolder(join(from, name), join(to, name));
    } else await Deno.copyFile(join(from, name), join(to, name));
  }
}

export async function folderBytes(path: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const inner = join(path, name);
    bytes += isDirectory ? await folderBytes(inner) : (await Deno.stat(inner)).size;
  }
  return bytes;
}
