/**
 * A file or folder of the simulated disk: what programs see, and beside it the steps since the last
 * sync, of which a power cut leaves any part.
 */
export interface Survival {
  /** How many of so many unsynced steps of a file happened; the next one may be torn. */
  readonly steps: (count: number) => number;
  /** How many bytes of a torn write there are; the rest may read as zeros. */
  readonly torn: (length: number) => { readonly bytes: number; readonly zeros: number };
  /** Whether one unsynced change of a name happened. */
  readonly name: () => boolean;
  /** In which units bytes reach the disk in no order: those that did not read as zeros. */
  readonly pageBytes: () => number | undefined;
  /** Whether one page of unsynced bytes did. */
  readonly page: () => boolean;
}

export const nothingSurvives: Survival = {
  steps: () => 0,
  torn: () => ({ bytes: 0, zeros: 0 }),
  name: () => false,
  pageBytes: () => undefined,
  page: () => false,
};

export const everythingSurvives: Survival = {
  steps: (count) => count,
  torn: () => ({ bytes: 0, zeros: 0 }),
  name: () => true,
  pageBytes: () => undefined,
  page: () => true,
};

/** Any part may survive; `random` gives numbers from 0 to 1. */
export function randomSurvival(random: () => number): Survival {
  return {
    steps: (count) => Math.floor(random() * (count + 1)),
    torn: (length) => {
      const bytes = random() < 0.3 ? 0 : Math.floor(random() * length);
      return { bytes, zeros: random() < 0.3 ? Math.floor(random() * (length - bytes + 1)) : 0 };
    },
    name: () => random() < 0.5,
    pageBytes: () => random() < 0.6 ? undefined : random() < 0.7 ? 512 : 4096,
    page: () => random() < 0.6,
  };
}

export type Step =
  | { readonly op: "append"; readonly bytes: Uint8Array }
  | { readonly op: "truncate"; readonly size: number };

/** A rename is one step: it happens as a whole or not at all. */
export type NameStep = readonly (readonly [string, Inode | undefined])[];

/** What an inode is at one moment. It never changes, and holds no copy of any bytes. */
export interface Still {
  readonly kind: "file" | "folder" | "other";
  readonly durable: Uint8Array;
  readonly steps: readonly Step[];
  /** True where a failed sync gave the steps up, for good. */
  readonly lost: boolean;
  readonly durableNames: ReadonlyMap<string, Inode>;
  readonly nameSteps: readonly NameStep[];
}

const NO_BYTES = new Uint8Array(0);

export class Inode {
  readonly kind: "file" | "folder" | "other";
  /** Bytes in it are never changed once they are written: what was synced is a part of it. */
  #buffer: Uint8Array = NO_BYTES;
  #size = 0;
  #durable: Uint8Array = NO_BYTES;
  #steps: Step[] = [];
  #lost = false;
  readonly names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #nameSteps: NameStep[] = [];
  #still: Still | undefined;

  constructor(kind: "file" | "folder" | "other") {
    this.kind = kind;
  }

  static folder(): Inode {
    return new Inode("folder");
  }

  /** The bytes must not change any more. */
  static durableFile(bytes: Uint8Array): Inode {
    const inode = new Inode("file");
    inode.#buffer = inode.#durable = bytes;
    inode.#size = bytes.length;
    return inode;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#still = undefined;
    const size = this.#size + bytes.length;
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(256, 2 * size));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#size);
    this.#steps.push({ op: "append", bytes: this.#buffer.subarray(this.#size, size) });
    this.#size = size;
  }

  truncate(size: number): void {
    this.#still = undefined;
    this.#steps.push({ op: "truncate", size });
    this.#buffer = this.#buffer.slice(0, size);
    this.#size = size;
  }

  sync(): void {
    // What a failed sync gave up is never written again, although it can still be read.
    if (this.#lost) return;
    this.#still = undefined;
    this.#durable = this.bytes;
    this.#steps = [];
  }

  failSync(): void {
    this.#still = undefined;
    this.#lost = this.#steps.length > 0;
  }

  setName(name: string, inode: Inode | undefined): void {
    this.changeNames([[name, inode]]);
  }

  renameFrom(from: string, to: string, inode: Inode): void {
    this.changeNames([[from, undefined], [to, inode]]);
  }

  changeNames(step: NameStep): void {
    this.#still = undefined;
    this.#nameSteps.push(step);
    setNames(this.names, step);
  }

  syncNames(): void {
    if (this.#nameSteps.length === 0) return;
    this.#still = undefined;
    this.#durableNames = new Map(this.names);
    this.#nameSteps = [];
  }

  putDurable(name: string, inode: Inode): void {
    this.#still = undefined;
    this.names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  removeDurable(name: string): void {
    this.#still = undefined;
    this.names.delete(name);
    this.#durableNames.delete(name);
  }

  /** The same object for as long as nothing changes. */
  still(): Still {
    return this.#still ??= {
      kind: this.kind,
      durable: this.#durable,
      steps: this.#steps.slice(),
      lost: this.#lost,
      durableNames: new Map(this.#durableNames),
      nameSteps: this.#nameSteps.slice(),
    };
  }

  /** An inode that goes on from there, as after a kill: the names are still the other disk's. */
  static fromStill({ kind, durable, steps, lost }: Still): Inode {
    const inode = new Inode(kind);
    inode.#buffer = inode.#durable = durable;
    inode.#size = durable.length;
    for (const step of steps) {
      if (step.op === "append") inode.append(step.bytes);
      else inode.truncate(step.size);
    }
    inode.#lost = lost;
    return inode;
  }

  /** `seen` keeps two names of one file two names of one file. */
  afterPowerCut(survival: Survival, seen: Map<Inode, Inode>): Inode {
    const known = seen.get(this);
    if (known !== undefined) return known;
    const after = this.kind === "file"
      ? Inode.durableFile(this.#survivingBytes(survival))
      : new Inode(this.kind);
    seen.set(this, after);
    const names = new Map(this.#durableNames);
    for (const step of this.#nameSteps) {
      if (survival.name()) setNames(names, step);
    }
    for (const [name, inode] of names) {
      after.putDurable(name, inode.afterPowerCut(survival, seen));
    }
    return after;
  }

  #survivingBytes(survival: Survival): Uint8Array {
    if (this.#steps.length === 0) return this.#durable;
    let bytes = this.#durable, solid = bytes.length;
    const whole = survival.steps(this.#steps.length);
    for (const [i, step] of this.#steps.slice(0, whole + 1).entries()) {
      const torn = i === whole;
      if (step.op === "truncate") {
        if (!torn) bytes = bytes.subarray(0, step.size);
        solid = Math.min(solid, bytes.length);
        continue;
      }
      const part = torn ? survival.torn(step.bytes.length) : { bytes: step.bytes.length, zeros: 0 };
      bytes = extended(bytes, step.bytes.subarray(0, part.bytes), part.zeros);
    }
    const pageBytes = survival.pageBytes();
    return pageBytes === undefined ? bytes : withHoles(bytes, solid, pageBytes, survival.page);
  }
}

export function setNames(names: Map<string, Inode>, step: NameStep): void {
  for (const [name, inode] of step) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}

export function extended(bytes: Uint8Array, more: Uint8Array, zeros = 0): Uint8Array {
  const longer = new Uint8Array(bytes.length + more.length + zeros);
  longer.set(bytes);
  longer.set(more, bytes.length);
  return longer;
}

/** The bytes as they read where some pages behind the first `solid` bytes never reached the disk. */
export function withHoles(
  bytes: Uint8Array,
  solid: number,
  pageBytes: number,
  survives: (page: number) => boolean,
): Uint8Array {
  const holed = bytes.slice();
  for (let page = Math.floor(solid / pageBytes); page * pageBytes < bytes.length; page++) {
    if (survives(page)) continue;
    holed.fill(0, Math.max(solid, page * pageBytes), (page + 1) * pageBytes);
  }
  return holed;
}
