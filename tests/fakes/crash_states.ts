/**
 * Every disk that a power cut may leave at one moment: each choice of unsynced names, and for each
 * file with unsynced bytes each length that it may have, read as zeros or not, and with pages
 * missing from its middle. What is too much to go through whole is drawn by the seed.
 */
import { type Digest, digestOf, keyOf, NOTHING, pairDigest, textDigest } from "./digest.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { extended, Inode, type NameStep, setNames, type Still, withHoles } from "./inode.ts";

/** A disk at one moment, every inode of it, the root being first. */
export type Moment = ReadonlyMap<Inode, Still>;

export function momentOf(disk: SimulatedDisk): Moment {
  const found = new Map<Inode, Still>();
  const walk = (inode: Inode) => {
    if (found.has(inode)) return;
    const still = inode.still();
    found.set(inode, still);
    for (const child of still.durableNames.values()) walk(child);
    for (const step of still.nameSteps) for (const [, child] of step) if (child) walk(child);
  };
  walk(disk.root);
  return found;
}

export function sameMoment(one: Moment, other: Moment): boolean {
  if (one.size !== other.size) return false;
  for (const [inode, still] of one) if (other.get(inode) !== still) return false;
  return true;
}

/** What may be left of one file. */
interface Remains {
  readonly digest: Digest;
  readonly bytes: () => Uint8Array;
}

export interface CrashState {
  /** The same for the same disk. */
  readonly key: number;
  readonly disk: () => SimulatedDisk;
}

/** More unsynced names, or pages of a file, than this are not gone through in all combinations. */
const MOST_NAMES = 6, MOST_PAGES = 6;
const DRAWN = 48;

/** `strideBytes` is the distance between the lengths that a torn write may have. */
export function* crashStates(
  moment: Moment,
  random: () => number,
  strideBytes = 1,
): Generator<CrashState> {
  for (const names of nameChoices(moment, random)) {
    const tree = new Tree(moment, names);
    const loose = tree.loose();
    const remains = loose.map((still) => remainsOf(still, strideBytes, random));
    const last = remains.map((list) => list.length - 1);
    if (loose.length === 0) yield tree.state([]);
    for (const [i, list] of remains.entries()) {
      // Of the other files with unsynced bytes nothing is left, or all, or anything.
      const others = loose.length === 1 ? [last] : [
        last.map(() => 0),
        last,
        last.map((most) => Math.floor(random() * (most + 1))),
      ];
      for (const other of others) {
        const choice = remains.map((others, j) => others[other[j] ?? 0]);
        for (const part of list) {
          choice[i] = part;
          yield tree.state(choice);
        }
      }
    }
  }
}

type Names = ReadonlyMap<Inode, ReadonlyMap<string, Inode>>;

/** The names in every folder, for each choice of the unsynced changes. */
function* nameChoices(moment: Moment, random: () => number): Generator<Names> {
  const steps: { readonly folder: Inode; readonly step: NameStep }[] = [];
  for (const [folder, { nameSteps }] of moment) {
    for (const step of nameSteps) steps.push({ folder, step });
  }
  for (const chosen of subsets(steps.length, MOST_NAMES, random)) {
    const names = new Map<Inode, Map<string, Inode>>();
    for (const [inode, still] of moment) {
      if (still.kind === "folder") names.set(inode, new Map(still.durableNames));
    }
    for (const [i, { folder, step }] of steps.entries()) {
      const inFolder = names.get(folder);
      if (chosen(i) && inFolder !== undefined) setNames(inFolder, step);
    }
    yield names;
  }
}

/** All subsets of so many things; of many things, every beginning, every lack of one, and some. */
function* subsets(
  count: number,
  most: number,
  random: () => number,
): Generator<(i: number) => boolean> {
  if (count <= most) {
    for (let choice = 0; choice < 2 ** count; choice++) yield (i) => (choice >>> i & 1) === 1;
    return;
  }
  for (let n = 0; n <= count; n++) yield (i) => i < n;
  for (let n = 0; n < count; n++) yield (i) => i !== n;
  for (let n = 0; n < DRAWN; n++) {
    const drawn = Array.from({ length: count }, () => random() < 0.5);
    yield (i) => drawn[i] === true;
  }
}

/** Who reads a lock file's text are people. */
const LOCK = "/data/.lock";

/** The files that are left by one choice of names. */
class Tree {
  readonly #moment: Moment;
  readonly #names: Names;
  readonly #paths = new Map<Inode, string[]>();
  readonly #loose: Inode[] = [];
  /** Of all that does not depend on which bytes are left. */
  #a = 0;
  #b = 0;

  constructor(moment: Moment, names: Names) {
    this.#moment = moment;
    this.#names = names;
    this.#walk(rootOf(moment), "");
  }

  #walk(inode: Inode, path: string): void {
    const still = this.#moment.get(inode);
    if (still === undefined) return;
    if (still.kind === "file" && still.steps.length > 0 && path !== LOCK) {
      const paths = this.#paths.get(inode);
      if (paths === undefined) this.#loose.push(inode);
      this.#paths.set(inode, [...paths ?? [], path]);
      return;
    }
    const content = still.kind === "file" && path !== LOCK ? durableDigest(still) : NOTHING;
    const { a, b } = pairDigest(pathDigest(path), told(path, content));
    this.#a = this.#a + a | 0;
    this.#b = this.#b + b | 0;
    for (const [name, child] of this.#names.get(inode) ?? []) this.#walk(child, `${path}/${name}`);
  }

  loose(): Still[] {
    return this.#loose.flatMap((inode) => this.#moment.get(inode) ?? []);
  }

  /** With these bytes in the files that have unsynced ones. */
  state(choice: readonly (Remains | undefined)[]): CrashState {
    let a = this.#a, b = this.#b;
    for (const [i, inode] of this.#loose.entries()) {
      for (const path of this.#paths.get(inode) ?? []) {
        const pair = pairDigest(pathDigest(path), told(path, choice[i]?.digest ?? NOTHING));
        a = a + pair.a | 0;
        b = b + pair.b | 0;
      }
    }
    const parts = [...choice];
    return { key: keyOf({ a, b }), disk: () => this.#disk(parts) };
  }

  #disk(choice: readonly (Remains | undefined)[]): SimulatedDisk {
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const still = this.#moment.get(inode) ?? inode.still();
      const bytes = choice[this.#loose.indexOf(inode)]?.bytes() ?? still.durable;
      const made = still.kind === "file" ? Inode.durableFile(bytes) : new Inode(still.kind);
      copies.set(inode, made);
      for (const [name, child] of this.#names.get(inode) ?? []) made.putDurable(name, copy(child));
      return made;
    };
    return new SimulatedDisk(copy(rootOf(this.#moment)));
  }
}

/** The disk as a process finds it after another was killed: what was not synced is not yet. */
export function killedDisk(moment: Moment): SimulatedDisk {
  const copies = new Map<Inode, Inode>();
  for (const [inode, still] of moment) copies.set(inode, Inode.fromStill(still));
  const copy = (inode: Inode) => copies.get(inode) ?? inode;
  for (const [inode, { durableNames, nameSteps }] of moment) {
    for (const [name, child] of durableNames) copy(inode).putDurable(name, copy(child));
    for (const step of nameSteps) {
      copy(inode).changeNames(step.map(([name, child]) => [name, child && copy(child)]));
    }
  }
  return new SimulatedDisk(copy(rootOf(moment)));
}

function rootOf(moment: Moment): Inode {
  const [root] = moment.keys();
  return root ?? Inode.folder();
}

/** What is removed unread: of the texts that it may have only one in so many makes another disk. */
const UNREAD = /\.tmp$|\/ballast\.bin$/;
const UNREAD_TOLD = 64;

function told(path: string, digest: Digest): Digest {
  return digest.a % UNREAD_TOLD !== 0 && UNREAD.test(path) ? NOTHING : digest;
}

const paths = new Map<string, Digest>();
function pathDigest(path: string): Digest {
  const known = paths.get(path) ?? textDigest(path);
  paths.set(path, known);
  return known;
}

const durables = new WeakMap<Still, Digest>();
function durableDigest(still: Still): Digest {
  const known = durables.get(still) ?? digestOf(still.durable);
  durables.set(still, known);
  return known;
}

/** First nothing, last everything. */
function remainsOf(still: Still, strideBytes: number, random: () => number): Remains[] {
  const known = remainsKnown.get(still);
  // What a failed sync gave up stays open for the file's whole life: it is gone through once.
  if (known !== undefined) return still.lost ? few(known, random) : known;
  const found: Remains[] = [wholeRemains(still.durable)];
  let base = still.durable, solid = base.length;
  for (const step of still.steps) {
    if (step.op === "truncate") {
      base = base.subarray(0, step.size);
      solid = Math.min(solid, base.length);
      found.push(wholeRemains(base));
      continue;
    }
    found.push(...tornRemains(base, step.bytes, strideBytes));
    base = extended(base, step.bytes);
    found.push(wholeRemains(base));
  }
  for (const pageBytes of [512, 4096]) found.push(...holedRemains(base, solid, pageBytes, random));
  found.push(wholeRemains(base));
  remainsKnown.set(still, found);
  return found;
}

function few(all: readonly Remains[], random: () => number): Remains[] {
  const drawn = Array.from({ length: 3 }, () => Math.floor(random() * all.length));
  return [0, ...drawn, all.length - 1].flatMap((i) => all[i] ?? []);
}

const remainsKnown = new WeakMap<Still, Remains[]>();

function wholeRemains(bytes: Uint8Array): Remains {
  return { digest: digestOf(bytes), bytes: () => bytes };
}

/** Every length of a torn write, the rest being missing, or reading as zeros. */
function* tornRemains(
  base: Uint8Array,
  more: Uint8Array,
  strideBytes: number,
): Generator<Remains> {
  let digest = digestOf(base);
  const zeros = new Uint8Array(more.length);
  for (let length = 0; length < more.length; length += strideBytes) {
    const part = more.subarray(0, length), rest = more.length - length;
    if (length > 0) yield { digest, bytes: () => extended(base, part) };
    yield {
      digest: digestOf(zeros.subarray(0, rest), digest),
      bytes: () => extended(base, part, rest),
    };
    digest = digestOf(more.subarray(length, length + strideBytes), digest);
  }
}

function* holedRemains(
  bytes: Uint8Array,
  solid: number,
  pageBytes: number,
  random: () => number,
): Generator<Remains> {
  const first = Math.floor(solid / pageBytes), count = Math.ceil(bytes.length / pageBytes) - first;
  for (const chosen of subsets(Math.max(0, count), MOST_PAGES, random)) {
    const holed = withHoles(bytes, solid, pageBytes, (page) => chosen(page - first));
    yield wholeRemains(holed);
    // The file may end with any page as well.
    const end = (first + Math.floor(random() * count)) * pageBytes;
    if (end > solid) yield wholeRemains(holed.subarray(0, end));
  }
}
