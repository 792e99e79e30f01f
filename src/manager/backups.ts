/**
 * Backups of brains, kept in a sink that nobody has to trust: what lies there says how large it is
 * and when it was made, and nothing of what is in it. One counts only after it was read back,
 * decrypted and compared, so that what is listed can be restored; and it is bound to its user, his
 * life and its id, so that none can be put in place of another.
 *
 * Throws `ManagerError` (`no_such_backup`, `backup_failed`) where trying again is of no use; the
 * ports' own errors where it may be of use (`SinkError` `unavailable`, `BrainAccessError` `away` and
 * `broken`), or the reason of `signal`.
 */
import { type BackupSink, SinkError } from "./backup_sink.ts";
import { type BrainAccess, BrainAccessError, type BrainAddress } from "./brain_access.ts";
import { BackupKeys } from "./backups/keys.ts";
import type { Manifest } from "./backups/manifest.ts";
import { Meter, packed, unpacked } from "./backups/packing.ts";
import { DamagedError, seal, unseal } from "./backups/sealing.ts";
import { Shelf } from "./backups/shelf.ts";
import { type Clock, timestamp } from "../clock.ts";
import { ManagerError } from "./errors.ts";
import type { UserRecord } from "./record.ts";

/** What never became a backup is let alone for so long: somebody may be writing it. */
const UNFINISHED_MS = 24 * 60 * 60_000;
const SALT_BYTES = 32;
const ATTEMPT_BYTES = 8;

/** Whose backups. Those of a former user of the same name are another's. */
export type BackupOwner = Pick<UserRecord, "slug" | "life">;

export interface Backup {
  readonly id: string;
  /** RFC 3339: what the brain had stored before is in it. */
  readonly at: string;
  /** In the sink. */
  readonly bytes: number;
  readonly memories: number;
}

export interface BackupsOptions {
  readonly sink: BackupSink;
  readonly brains: Pick<BrainAccess, "export" | "stats">;
  /** 32 bytes each; the first is for new backups, the others for what they were used for. */
  readonly keys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly newId: () => string;
  readonly randomBytes: (bytes: number) => Uint8Array;
}

export class Backups {
  readonly #options: BackupsOptions;
  readonly #keys: BackupKeys;

  constructor(options: BackupsOptions) {
    this.#options = options;
    this.#keys = new BackupKeys(options.keys);
  }

  /**
   * With the `id` of one that is there already, that one: so a step can be run again. A brain that
   * gives more than `mostBytes` is not himself: without an end it would fill the sink for all.
   */
  async create(
    owner: BackupOwner,
    address: BrainAddress,
    signal: AbortSignal,
    id: string = this.#options.newId(),
    mostBytes = Infinity,
  ): Promise<Backup> {
    const shelf = this.#shelf(owner);
    const there = await this.#existing(shelf, id, signal);
    if (there !== undefined) return there;
    const attempt = this.#options.randomBytes(ATTEMPT_BYTES).toHex();
    const name = shelf.dataName(id, attempt);
    let manifest: Manifest;
    try {
      const written = await this.#writeData(shelf, { id, name, address, mostBytes }, signal);
      manifest = { ...written, slug: owner.slug, life: owner.life };
      for await (const _ of this.#pieces(shelf, manifest, signal));
    } catch (error) {
      await this.#letGo(name);
      throw failureOf(error, "Cannot back up");
    }
    try {
      // From here on the data stays: a manifest may be there also where writing it failed.
      await shelf.putManifest(manifest, signal);
      return backupOf(await shelf.manifest(id, signal));
    } catch (error) {
      throw failureOf(error, "Cannot back up");
    }
  }

  /** Newest first. What cannot be read, or lacks its data, is only counted. */
  async list(
    owner: BackupOwner,
    signal: AbortSignal,
  ): Promise<{ readonly backups: readonly Backup[]; readonly damaged: number }> {
    const { good, unreadable } = await this.#shelf(owner).inventory(signal);
    return { backups: good.map(backupOf), damaged: unreadable.length };
  }

  /**
   * The memories as NDJSON, for `BrainAccess.import`. Only what ends without an error was whole:
   * who takes it must not keep a part.
   */
  async *read(
    owner: BackupOwner,
    id: string,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const shelf = this.#shelf(owner);
    try {
      yield* this.#pieces(shelf, await shelf.manifest(id, signal), signal);
    } catch (error) {
      throw failureOf(error, "Cannot read the backup");
    }
  }

  /** Reads and compares all of it. */
  async verify(owner: BackupOwner, id: string, signal: AbortSignal): Promise<Backup> {
    const shelf = this.#shelf(owner);
    try {
      const manifest = await shelf.manifest(id, signal);
      for await (const _ of this.#pieces(shelf, manifest, signal));
      return backupOf(manifest);
    } catch (error) {
      throw failureOf(error, "Cannot verify the backup");
    }
  }

  /** False where there is none of this id. */
  async delete(owner: BackupOwner, id: string, signal: AbortSignal): Promise<boolean> {
    return await this.#shelf(owner).remove(id, signal);
  }

  /**
   * Keeps the newest `keep` that are good, at least one, and removes what never became a backup.
   * Where those are all empty, the newest that has memories stays beside them: an empty brain may be
   * one that was lost. Damaged ones are let alone: with another key, or the disk mended, they may be
   * good.
   */
  async prune(
    owner: BackupOwner,
    keep: number,
    signal: AbortSignal,
  ): Promise<{ removed: number }> {
    const shelf = this.#shelf(owner);
    const { good, unreadable, data } = await shelf.inventory(signal);
    const isFull = ({ memories }: Manifest) => memories > 0;
    const most = Math.max(1, keep);
    const last = good.slice(0, most).some(isFull) ? undefined : good.find(isFull);
    const old = good.slice(most).filter((manifest) => manifest !== last);
    for (const { id } of old) await shelf.remove(id, signal);
    const used = new Set(good.map((manifest) => manifest.data));
    const before = this.#options.clock.now() - UNFINISHED_MS;
    const unfinished = data.filter(({ name, id, writtenAt }) =>
      !used.has(name) && !unreadable.includes(id) && writtenAt < before
    );
    for (const { name } of unfinished) await this.#options.sink.delete(name, signal);
    return { removed: old.length };
  }

  /** Also what cannot be read: nothing of this life stays. */
  async deleteAll(owner: BackupOwner, signal: AbortSignal): Promise<void> {
    await this.#shelf(owner).removeEverything(signal);
  }

  #shelf(owner: BackupOwner): Shelf {
    return new Shelf(this.#options.sink, this.#keys, owner);
  }

  async #existing(shelf: Shelf, id: string, signal: AbortSignal): Promise<Backup | undefined> {
    try {
      return backupOf(await shelf.manifest(id, signal));
    } catch (error) {
      if (error instanceof ManagerError && error.code === "no_such_backup") return undefined;
      throw failureOf(error, "Cannot back up");
    }
  }

  /** Export, measure, pack, seal, measure, put. What it gives is not proven yet. */
  async #writeData(
    shelf: Shelf,
    { id, name, address, mostBytes }: {
      readonly id: string;
      readonly name: string;
      readonly address: BrainAddress;
      readonly mostBytes: number;
    },
    signal: AbortSignal,
  ): Promise<Omit<Manifest, "slug" | "life">> {
    const { sink, brains, clock, randomBytes } = this.#options;
    const { version } = await brains.stats(address, signal);
    const at = timestamp(clock);
    const plain = new Meter(), sealed = new Meter();
    const exported = plain.through(atMost(mostBytes, brains.export(address, signal)));
    const salt = randomBytes(SALT_BYTES);
    const pieces = seal(packed(exported), this.#keys, shelf.contextOf(id), salt);
    const entry = await sink.put(name, sealed.through(pieces), signal);
    const [inside, outside] = [plain.measured(), sealed.measured()];
    if (entry.bytes !== outside.bytes) throw new DamagedError("the sink did not take all of it");
    if (!plain.endsWithLine) {
      throw new BrainAccessError("broken", "Cannot export: the last memory is cut short");
    }
    return {
      format: "second-brain-backup/1",
      id,
      at,
      data: name,
      memories: inside.lines,
      plain_bytes: inside.bytes,
      plain_sha256: inside.sha256,
      data_bytes: outside.bytes,
      data_sha256: outside.sha256,
      brain_version: version,
      key: this.#keys.first.id,
    };
  }

  /** Throws at the latest at its end where it is not what the manifest says. */
  async *#pieces(
    shelf: Shelf,
    manifest: Manifest,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const plain = new Meter(), sealed = new Meter();
    const data = sealed.through(this.#data(manifest, signal));
    const opened = unseal(data, this.#keys, shelf.contextOf(manifest.id));
    yield* plain.through(unpacked(opened, manifest.plain_bytes));
    const [inside, outside] = [plain.measured(), sealed.measured()];
    const isSame = inside.sha256 === manifest.plain_sha256 &&
      inside.bytes === manifest.plain_bytes && inside.lines === manifest.memories &&
      outside.sha256 === manifest.data_sha256 && outside.bytes === manifest.data_bytes;
    if (!isSame) throw new DamagedError("it is not what its manifest says");
  }

  async *#data({ data }: Manifest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#options.sink.read(data, signal);
    } catch (error) {
      if (!(error instanceof SinkError) || error.fault !== "missing") throw error;
      throw new DamagedError("its data is gone", { cause: error });
    }
  }

  /** Of an attempt that failed. Where that fails, too, `prune` removes it a day later. */
  async #letGo(name: string): Promise<void> {
    try {
      // Also after the caller has given up.
      await this.#options.sink.delete(name, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof SinkError)) throw error;
    }
  }
}

async function* atMost(
  mostBytes: number,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > mostBytes) {
      throw new ManagerError(
        "backup_failed",
        `Cannot back up: the brain gives more than ${mostBytes} bytes, which is more than its tier ` +
          "lets it have; look at the brain",
      );
    }
    yield piece;
  }
}

function backupOf({ id, at, data_bytes, memories }: Manifest): Backup {
  return { id, at, bytes: data_bytes, memories };
}

/** `doing` such as "Cannot back up". What may be tried again stays as it is. */
function failureOf(error: unknown, doing: string): unknown {
  if (error instanceof DamagedError) {
    return new ManagerError(
      "backup_failed",
      `${doing}: ${error.message}; it is damaged, or not what it is taken for`,
      { cause: error },
    );
  }
  if (error instanceof SinkError && error.fault === "full") {
    return new ManagerError("backup_failed", `${doing}: the sink is full; give it more room`, {
      cause: error,
    });
  }
  if (error instanceof BrainAccessError && error.fault === "refused") {
    return new ManagerError("backup_failed", `${doing}: ${error.message}`, { cause: error });
  }
  return error;
}
