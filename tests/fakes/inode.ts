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
}

export const nothingSurvives: Survival = {
  steps: () => 0,
  torn: () => ({ bytes: 0, zeros: 0 }),
  name: () => false,
};

export const everythingSurvives: Survival = {
  steps: (count) => count,
  torn: () => ({ bytes: 0, zeros: 0 }),
  name: () => true,
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
  };
}

type Step =
  | { readonly op: "append"; readonly bytes: Uint8Array }
  | { readonly op: "truncate"; readonly size: number };

/** A rename is one step: it happens as a whole or not at all. */
type NameStep = readonly (readonly [string, Inode | undefined])[];

export class Inode {
  readonly kind: "file" | "folder" | "other";
  #buffer = new Uint8Array(0);
  #size = 0;
  #durable = new Uint8Array(0);
  #steps: Step[] = [];
  /** Of those, so many from the start on were given up by a failed sync, for good. */
  #lost = false;
  readonly names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #nameSteps: NameStep[] = [];

  constructor(kind: "file" | "folder" | "other") {
    this.kind = kind;
  }

  static folder(): Inode {
    return new Inode("folder");
  }

  static durableFile(bytes: Uint8Array): Inode {
    const inode = new Inode("file");
    inode.append(bytes);
    inode.sync();
    return inode;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#steps.push({ op: "append", bytes: bytes.slice() });
    const size = this.#size + bytes.length;
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(256, 2 * size));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#size);
    this.#size = size;
  }

  truncate(size: number): void {
    this.#steps.push({ op: "truncate", size });
    this.#buffer.fill(0, size);
    this.#size = size;
  }

  sync(): void {
    // What a failed sync gave up is never written again, although it can still be read.
    if (this.#lost) return;
    this.#durable = this.bytes.slice();
    this.#steps = [];
  }

  failSync(): void {
    this.#lost = this.#steps.length > 0;
  }

  setName(name: string, inode: Inode | undefined): void {
    this.#step([[name, inode]]);
  }

  renameFrom(from: string, to: string, inode: Inode): void {
    this.#step([[from, undefined], [to, inode]]);
  }

  #step(step: NameStep): void {
    this.#nameSteps.push(step);
    setNames(this.names, step);
  }

  syncNames(): void {
    this.#durableNames = new Map(this.names);
    this.#nameSteps = [];
  }

  putDurable(name: string, inode: Inode): void {
    this.names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  removeDurable(name: string): void {
    this.names.delete(name);
    this.#durableNames.delete(name);
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
    let bytes: Uint8Array = this.#durable;
    const whole = survival.steps(this.#steps.length);
    for (const [i, step] of this.#steps.slice(0, whole + 1).entries()) {
      const torn = i === whole;
      if (step.op === "truncate") {
        if (!torn) bytes = bytes.slice(0, step.size);
        continue;
      }
      const part = torn ? survival.torn(step.bytes.length) : { bytes: step.bytes.length, zeros: 0 };
      const longer = new Uint8Array(bytes.length + part.bytes + part.zeros);
      longer.set(bytes);
      longer.set(step.bytes.subarray(0, part.bytes), bytes.length);
      bytes = longer;
    }
    return bytes;
  }
}

function setNames(names: Map<string, Inode>, step: NameStep): void {
  for (const [name, inode] of step) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}
