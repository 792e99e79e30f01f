/** What lies on a simulated disk, apart from the process that uses it: it outlives crashes. */
import { Inode, type Survival } from "./inode.ts";

/** Errors look like Deno's: a name for some, a code for all. */
export function diskError(code: string): Error {
  const make = {
    ENOENT: Deno.errors.NotFound,
    EEXIST: Deno.errors.AlreadyExists,
    EACCES: Deno.errors.PermissionDenied,
  }[code] ?? Error;
  return Object.assign(new make(`${code} (simulated)`), { code });
}

export class SimulatedDisk {
  readonly root: Inode;
  /** Locks that the living process holds. */
  readonly locks = new Set<Inode>();
  /** What all files together may take; undefined where that is no matter. */
  capacityBytes: number | undefined;

  constructor(root: Inode = Inode.folder()) {
    this.root = root;
  }

  /** What a power cut leaves, as a disk of its own: this one stays as it is. */
  afterPowerCut(survival: Survival): SimulatedDisk {
    return new SimulatedDisk(this.root.afterPowerCut(survival, new Map()));
  }

  /** What a process finds after another was killed: nothing is lost, nothing more is durable. */
  afterKill(): SimulatedDisk {
    this.locks.clear();
    return this;
  }

  get freeBytes(): number {
    if (this.capacityBytes === undefined) return 2 ** 40;
    let used = 0;
    const seen = new Set<Inode>(), waiting = [this.root];
    for (let inode = waiting.pop(); inode !== undefined; inode = waiting.pop()) {
      if (!seen.has(inode)) used += inode.bytes.length;
      seen.add(inode);
      waiting.push(...inode.names.values());
    }
    return Math.max(0, this.capacityBytes - used);
  }

  /** Every regular file with its bytes as programs see them, by path. */
  files(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    const walk = (folder: Inode, path: string) => {
      for (const [name, inode] of folder.names) {
        if (inode.kind === "folder") walk(inode, `${path}/${name}`);
        else if (inode.kind === "file") found.set(`${path}/${name}`, inode.bytes.slice());
      }
    };
    walk(this.root, "");
    return found;
  }

  /** Puts a durable file in place, with the folders that lead to it. */
  put(path: string, bytes: Uint8Array | string): void {
    const { folder, name } = this.#place(path);
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    folder.putDurable(name, Inode.durableFile(data));
  }

  /** Puts something that is neither a file nor ours: a folder, or a link, or a pipe. */
  putOther(path: string, kind: "folder" | "other"): void {
    const { folder, name } = this.#place(path);
    folder.putDurable(name, new Inode(kind));
  }

  remove(path: string): void {
    const { folder, name } = this.#place(path);
    folder.removeDurable(name);
  }

  #place(path: string): { folder: Inode; name: string } {
    const parts = path.split("/").filter((part) => part !== "");
    const name = parts.pop() ?? "";
    let folder = this.root;
    for (const part of parts) {
      const next = folder.names.get(part) ?? Inode.folder();
      folder.putDurable(part, next);
      folder = next;
    }
    return { folder, name };
  }
}
