/**
 * A simulated disk behind `src/store/fs.ts`. It keeps apart what programs see and what a power cut
 * would leave: bytes count from `sync` on, names from `syncFolder` on, and of the rest any part may
 * survive. A `SimulatedDisk` outlives crashes; each process has a `SimulatedFileSystem` of its own.
 */
import type { FileHandle, FileKind, FileLock, FileSystem } from "../../src/store/fs.ts";
import { type Fault, FaultPlan, type OperationKind } from "./disk_faults.ts";
import { Inode } from "./inode.ts";
import { diskError, SimulatedDisk } from "./simulated_disk.ts";

export { diskError, SimulatedDisk };

export interface SimulatedOptions {
  /** What goes wrong, and when. */
  readonly faults?: readonly Fault[];
  /** The power goes at this operation (from 1): it and all later ones never come back. */
  readonly dieAt?: number;
  /** Cuts a write short: how many of so many bytes are taken. */
  readonly shorten?: (length: number) => number;
  readonly withoutLinks?: boolean;
  /** The system does not tell how much is free. */
  readonly hidesFreeBytes?: boolean;
  /** What an operation waits for before it happens. */
  readonly gate?: (kind: OperationKind, path: string) => Promise<void> | undefined;
}

/** One process's view of a disk: counts its operations, fails or dies as it was told. */
export class SimulatedFileSystem implements FileSystem {
  readonly disk: SimulatedDisk;
  readonly #options: SimulatedOptions;
  readonly #plan = new FaultPlan();
  faults: readonly Fault[];
  readonly calls: { readonly kind: OperationKind; readonly path: string }[] = [];
  /** Settles when the process is gone. */
  readonly died: Promise<void>;
  #dead = false;
  #die: () => void;
  opened = 0;

  constructor(disk: SimulatedDisk, options: SimulatedOptions = {}) {
    this.disk = disk;
    this.#options = options;
    this.faults = options.faults ?? [];
    const { promise, resolve } = Promise.withResolvers<void>();
    this.died = promise;
    this.#die = resolve;
  }

  count(kind: OperationKind): number {
    return this.calls.filter((call) => call.kind === kind).length;
  }

  /** Ends the process: what it awaits never comes. */
  kill(): void {
    this.#dead = true;
    this.#die();
  }

  /** Every operation passes here first. Returns the fault that lets a part of it happen. */
  async #pass(kind: OperationKind, path: string): Promise<Fault | undefined> {
    await Promise.resolve();
    if (!this.#dead) this.calls.push({ kind, path });
    if (this.calls.length === this.#options.dieAt) this.kill();
    if (this.#dead) await new Promise(() => {});
    if (this.#options.gate !== undefined) await this.#options.gate(kind, path);
    if (this.faults.length === 0) return undefined;
    const fault = this.#plan.decide(this.faults, this.calls.length, kind, path);
    if (fault !== undefined && kind !== "write" && kind !== "sync") throw diskError(fault.code);
    return fault;
  }

  async create(path: string): Promise<FileHandle> {
    await this.#pass("create", path);
    const { folder, name } = this.#parent(path);
    if (folder.names.has(name)) throw diskError("EEXIST");
    const inode = new Inode("file");
    folder.setName(name, inode);
    return this.#handle(inode, path);
  }

  async open(path: string): Promise<FileHandle> {
    await this.#pass("open", path);
    const inode = this.#find(path);
    if (inode === undefined) throw diskError("ENOENT");
    if (inode.kind !== "file") throw new Error("Cannot read: it is not a regular file");
    return this.#handle(inode, path);
  }

  #handle(inode: Inode, path: string): FileHandle {
    let position = 0, open = true;
    this.opened++;
    const pass = (kind: OperationKind) => {
      if (!open) throw diskError("EBADF");
      return this.#pass(kind, path);
    };
    return {
      write: async (bytes) => {
        const dying = this.calls.length + 1 === this.#options.dieAt && !this.#dead;
        if (dying) inode.append(bytes);
        const fault = await pass("write");
        if (fault !== undefined) {
          inode.append(bytes.subarray(0, Math.floor(bytes.length * (fault.part ?? 0))));
          throw diskError(fault.code);
        }
        const room = this.disk.freeBytes;
        if (room === 0 && bytes.length > 0) throw diskError("ENOSPC");
        const taken = Math.min(room, this.#options.shorten?.(bytes.length) ?? bytes.length);
        inode.append(bytes.subarray(0, taken));
        return taken;
      },
      read: async (buffer) => {
        await pass("read");
        const part = inode.bytes.subarray(position, position + buffer.length);
        buffer.set(part);
        position += part.length;
        return part.length === 0 && buffer.length > 0 ? null : part.length;
      },
      sync: async () => {
        const fault = await pass("sync");
        if (fault === undefined) return inode.sync();
        inode.failSync();
        throw diskError(fault.code);
      },
      truncate: async (size) => {
        await pass("truncate");
        inode.truncate(size);
      },
      close: () => {
        if (this.#dead) return;
        if (!open) throw diskError("EBADF");
        open = false;
        this.opened--;
      },
    };
  }

  async size(path: string): Promise<number | undefined> {
    await this.#pass("size", path);
    const inode = this.#find(path);
    return inode?.kind === "file" ? inode.bytes.length : undefined;
  }

  async exists(path: string): Promise<boolean> {
    await this.#pass("exists", path);
    return this.#find(path) !== undefined;
  }

  async kind(path: string): Promise<FileKind | undefined> {
    await this.#pass("kind", path);
    return this.#find(path)?.kind;
  }

  async freeBytes(path: string): Promise<number | undefined> {
    await this.#pass("freeBytes", path);
    return this.#options.hidesFreeBytes === true ? undefined : this.disk.freeBytes;
  }

  async list(path: string): Promise<string[]> {
    await this.#pass("list", path);
    return [...this.#find(path)?.names.keys() ?? []].sort();
  }

  async makeFolder(path: string): Promise<void> {
    if (path === "" || path === "/") return;
    await this.#pass("makeFolder", path);
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (this.#find(path)?.kind === "folder") return await this.syncFolder(parent);
    await this.makeFolder(parent);
    const { folder, name } = this.#parent(path);
    if (folder.names.has(name)) throw diskError("ENOTDIR");
    folder.setName(name, Inode.folder());
    await this.syncFolder(parent);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#pass("rename", to);
    const source = this.#parent(from), target = this.#parent(to);
    const inode = source.folder.names.get(source.name);
    if (inode === undefined) throw diskError("ENOENT");
    if (target.folder.names.get(target.name)?.kind === "folder") throw diskError("EISDIR");
    if (target.folder.names.get(target.name) === inode) return; // POSIX: two names of one file.
    target.folder.renameFrom(source.name, target.name, inode);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#pass("link", to);
    if (this.#options.withoutLinks === true) throw diskError("EPERM");
    const inode = this.#find(from);
    const { folder, name } = this.#parent(to);
    if (inode === undefined) throw diskError("ENOENT");
    if (folder.names.has(name)) throw diskError("EEXIST");
    folder.setName(name, inode);
  }

  async remove(path: string): Promise<void> {
    await this.#pass("remove", path);
    const inode = this.#find(path);
    if (inode === undefined) return;
    if (inode.kind === "folder" && inode.names.size > 0) throw diskError("ENOTEMPTY");
    const { folder, name } = this.#parent(path);
    folder.setName(name, undefined);
  }

  async syncFolder(path: string): Promise<void> {
    await this.#pass("syncFolder", path);
    this.#find(path === "" ? "/" : path)?.syncNames();
  }

  async lock(path: string, note: string): Promise<FileLock | undefined> {
    await this.#pass("lock", path);
    const { folder, name } = this.#parent(path);
    const inode = folder.names.get(name) ?? new Inode("file");
    if (this.disk.locks.has(inode)) return undefined;
    folder.setName(name, inode);
    inode.truncate(0);
    inode.append(new TextEncoder().encode(note + "\n"));
    this.disk.locks.add(inode);
    this.opened++;
    return {
      stands: async () => {
        await this.#pass("stands", path);
        return this.#find(path) === inode;
      },
      close: () => {
        if (this.#dead) return;
        this.opened--;
        this.disk.locks.delete(inode);
      },
    };
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.disk.root;
    for (const part of path.split("/")) {
      if (part !== "") inode = inode?.names.get(part);
    }
    return inode;
  }

  #parent(path: string): { folder: Inode; name: string } {
    const cut = path.lastIndexOf("/");
    const folder = this.#find(path.slice(0, cut));
    if (folder?.kind !== "folder") throw diskError("ENOENT");
    return { folder, name: path.slice(cut + 1) };
  }
}
