/**
 * What must be so of every user's data, as those know it who were promised something: what a brain
 * acknowledged, what a backup held, what a restore brought back, what was asked to be destroyed. It
 * sees every write to the register and to the sink, and every disk; what must not be, it notes.
 */
import type { Backups } from "../../src/manager/backups.ts";
import { ManagerError } from "../../src/manager/errors.ts";
import type { UserRecord } from "../../src/manager/record.ts";
import { namespaceOf } from "../../src/manager/user_id.ts";
import { type Memories, memoriesOn } from "./brains.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import type { SimulatedVolume } from "./simulated_cluster_volume.ts";

const DAY_MS = 24 * 3_600_000;
const KEPT_MS = 7 * DAY_MS;
const MOST_NOTED = 40;

/** What lies on a disk, by what was acknowledged. */
interface ModelDisk {
  readonly volume: SimulatedVolume;
  readonly life: Life;
  /** What a restore filled it with. */
  base: Memories;
  readonly written: { readonly at: number; readonly id: string; readonly content: string }[];
  /** Of one that a restore replaced; undefined for one that no restore put in use. */
  keptUntil: number | undefined;
}

interface ModelBackup {
  readonly disk: ModelDisk | undefined;
  /** How much was on the disk when the manifest was written. */
  readonly most: number;
  readonly base: Memories;
  contents: Memories | undefined;
}

/** One life of a user. */
export interface Life {
  readonly slug: string;
  readonly life: string;
  /** The one with his data; undefined until he stored something. */
  disk: ModelDisk | undefined;
  readonly backups: Map<string, ModelBackup>;
  isDeletionAsked: boolean;
  isPurgeAsked: boolean;
  isPurging: boolean;
  /** Claims that are not in use went, with his namespace. */
  hasLostFormer: boolean;
}

export interface ModelOptions {
  readonly cluster: SimulatedCluster;
  readonly now: () => number;
}

export class Model {
  readonly violations: string[] = [];
  /** Acknowledged, and gone with a restore that failed: that is promised so. */
  uncommitted = 0;
  readonly counts = { written: 0, backups: 0, restores: 0, deletions: 0, undeleted: 0, purges: 0 };
  readonly #options: ModelOptions;
  readonly #records = new Map<string, UserRecord>();
  readonly #lives = new Map<string, Life>();
  /** By the name of the volume. */
  readonly #disks = new Map<string, ModelDisk>();
  #unread: { readonly life: Life; readonly id: string; readonly backup: ModelBackup }[] = [];

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  record(slug: string): UserRecord | undefined {
    return this.#records.get(slug);
  }

  records(): readonly UserRecord[] {
    return [...this.#records.values()];
  }

  lifeOf(slug: string): Life | undefined {
    const life = this.#records.get(slug)?.life;
    return life === undefined ? undefined : this.#lives.get(life);
  }

  note(violation: string): void {
    if (this.violations.length < MOST_NOTED) {
      this.violations.push(`${new Date(this.#options.now()).toISOString()} ${violation}`);
    }
  }

  /** Called with every record that was written, or went. */
  recordSeen(slug: string, record: UserRecord | undefined): void {
    const before = this.#records.get(slug);
    if (record === undefined) {
      this.#records.delete(slug);
      if (before !== undefined) this.#gone(before);
      return;
    }
    this.#records.set(slug, record);
    if (before?.life !== record.life) return this.#born(before, record);
    const life = this.#lives.get(record.life);
    if (life === undefined) return;
    if (record.operation !== null && record.operation.id !== before.operation?.id) {
      this.#begun(life, before, record.operation.verb);
    }
    if (record.claim.number !== before.claim.number) this.#switched(life, before, record);
    if (record.state === before.state) return;
    if (record.state === "deleted") this.counts.deletions++;
    else if (before.state === "deleted") this.counts.undeleted++;
  }

  #born(before: UserRecord | undefined, { slug, life }: UserRecord): void {
    if (before !== undefined) this.note(`${slug}: another life in the place of one`);
    this.#lives.set(life, {
      slug,
      life,
      disk: undefined,
      backups: new Map(),
      isDeletionAsked: false,
      isPurgeAsked: false,
      isPurging: false,
      hasLostFormer: false,
    });
  }

  #gone({ slug, life, operation }: UserRecord): void {
    this.counts.purges++;
    if (operation?.verb !== "purge") this.note(`${slug}: the record went without a purge`);
    const known = this.#lives.get(life);
    this.#lives.delete(life);
    if (known?.disk !== undefined && known.disk.volume.destroyed === undefined) {
      this.note(`${slug}: purged, and his disk is there`);
    }
  }

  #begun(life: Life, before: UserRecord, verb: string): void {
    const isDue = before.purgeAt !== null && Date.parse(before.purgeAt) <= this.#options.now();
    if (verb === "delete" && !life.isDeletionAsked) this.note(`${life.slug}: deleted by nobody`);
    if (verb !== "purge") return;
    if (!life.isPurgeAsked && !isDue) this.note(`${life.slug}: purged by nobody, before his time`);
    life.isPurging = true;
  }

  #switched(life: Life, before: UserRecord, record: UserRecord): void {
    const { slug } = life;
    const { operation, claim: { number } } = record;
    if (operation?.verb !== "restore") return this.note(`${slug}: another claim, and no restore`);
    this.counts.restores++;
    const volume = this.#options.cluster.volumeOf(namespaceOf(slug), `data-${number}`);
    const backup = life.backups.get(String(operation.args["backup"]));
    if (volume === undefined || backup?.contents === undefined) {
      return this.note(`${slug}: restored ${volume?.name ?? "to nowhere"}, from what nobody knows`);
    }
    if (life.disk !== undefined) life.disk.keptUntil = this.#options.now() + KEPT_MS;
    const disk = this.#diskOf(life, volume);
    disk.base = new Map(backup.contents);
    life.disk = disk;
    this.#check(disk, `restored from ${before.claim.number}`);
  }

  #diskOf(life: Life, volume: SimulatedVolume): ModelDisk {
    const known = this.#disks.get(volume.name);
    if (known !== undefined) {
      if (known.life !== life) this.note(`${life.slug}: on the disk of ${known.life.slug}`);
      return known;
    }
    const disk = { volume, life, base: new Map(), written: [], keptUntil: undefined };
    this.#disks.set(volume.name, disk);
    return disk;
  }

  /** A brain has taken a memory. */
  wrote(slug: string, claim: string, volume: SimulatedVolume, id: string, content: string): void {
    const life = this.lifeOf(slug);
    const record = this.#records.get(slug);
    if (life === undefined || record === undefined) {
      return this.note(`${slug}: a brain runs for nobody`);
    }
    const disk = this.#diskOf(life, volume);
    disk.written.push({ at: this.#options.now(), id, content });
    this.counts.written++;
    if (claim === `data-${record.claim.number}`) {
      life.disk ??= disk;
      if (life.disk !== disk) this.note(`${slug}: ${claim} is another disk than his data is on`);
    } else {
      this.uncommitted++;
      if (Number(claim.slice("data-".length)) < record.claim.number) {
        this.note(`${slug}: runs on ${claim}, which was replaced`);
      }
    }
  }

  /** A manifest lies in the sink. */
  backedUp(slug: string, life: string, id: string): void {
    const known = this.#lives.get(life);
    if (known?.slug !== slug) return this.note(`${slug}: a backup of nobody, ${life}/${id}`);
    const { disk } = known;
    const base = disk?.base ?? new Map();
    const backup = { disk, base, most: disk?.written.length ?? 0, contents: undefined };
    known.backups.set(id, backup);
    this.#unread.push({ life: known, id, backup });
    this.counts.backups++;
  }

  /** Reads what was backed up since: all that was acknowledged before, and nothing else. */
  async readBackups(backups: Backups): Promise<void> {
    const unread = this.#unread;
    this.#unread = [];
    const { signal } = new AbortController();
    for (const { life, id, backup } of unread) {
      try {
        const { at } = await backups.verify(life, id, signal);
        backup.contents = await contentsOf(backups, life, id);
        this.#checkBackup(life, id, backup, Date.parse(at));
      } catch (error) {
        const isGone = error instanceof ManagerError && error.code === "no_such_backup";
        if (!isGone) this.note(`${life.slug}: backup ${id}: ${error}`);
      }
    }
  }

  #checkBackup(life: Life, id: string, backup: ModelBackup, at: number): void {
    const { disk, most, base, contents = new Map() } = backup;
    const written = disk?.written.slice(0, most) ?? [];
    const needed = [...base.keys(), ...written.filter((one) => one.at < at).map((one) => one.id)];
    const allowed = new Set([...base.keys(), ...written.map((one) => one.id)]);
    const missing = needed.filter((one) => !contents.has(one));
    const strange = [...contents.keys()].filter((one) => !allowed.has(one));
    if (missing.length + strange.length === 0) return;
    this.note(`${life.slug}: backup ${id} lacks ${missing}, and has ${strange}`);
  }

  /** No disk went that must not, and every disk has on it what was acknowledged. */
  checkDisks(): void {
    for (const disk of this.#disks.values()) {
      const { volume, life } = disk;
      if (volume.destroyed === undefined) {
        this.#check(disk, "looked at");
        continue;
      }
      this.#disks.delete(volume.name);
      if (!this.#mayGo(disk)) this.note(`${life.slug}: ${volume.name} went: ${volume.destroyed}`);
    }
  }

  #mayGo({ life, keptUntil, ...disk }: ModelDisk): boolean {
    if (life.isPurging) return true;
    if (life.disk?.volume === disk.volume) return false;
    const isOver = keptUntil === undefined || keptUntil <= this.#options.now();
    return isOver || life.hasLostFormer || life.isDeletionAsked;
  }

  #check({ volume, base, written, life }: ModelDisk, when: string): void {
    const there = memoriesOn(volume);
    const isThere = (id: string, content: string) => there.get(id) === content;
    const wanted = new Map([...base, ...written.map(({ id, content }) => [id, content] as const)]);
    const missing = [...wanted].filter(([id, content]) => !isThere(id, content));
    if (missing.length > 0) {
      const ids = missing.map(([id]) => id);
      this.note(`${life.slug}: ${volume.name} lacks ${ids}, when it was ${when}`);
    }
    const isInUse = life.disk?.volume === volume;
    if (isInUse && there.size > wanted.size) {
      this.note(`${life.slug}: ${volume.name} has what he never stored, when it was ${when}`);
    }
  }

  /** Once nothing is under way: the data is where the register says. */
  checkPlaces(): void {
    for (const { slug, state, claim: { number }, volume } of this.#records.values()) {
      const disk = this.lifeOf(slug)?.disk;
      if (disk === undefined) continue;
      const place = state === "deleted"
        ? volume?.name
        : this.#options.cluster.volumeOf(namespaceOf(slug), `data-${number}`)?.name;
      if (place !== disk.volume.name) {
        this.note(`${slug}: his data is on ${disk.volume.name}, and he is ${state} on ${place}`);
      }
    }
  }
}

async function contentsOf(backups: Backups, life: Life, id: string): Promise<Memories> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of backups.read(life, id, new AbortController().signal)) {
    text += decoder.decode(piece, { stream: true });
  }
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => {
    const { id, content }: { id: string; content: string } = JSON.parse(line);
    return [id, content];
  }));
}
