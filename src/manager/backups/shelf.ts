/**
 * The backups of one life of one user, as they lie in the sink: `<slug>/<life>/<id>.manifest`, and
 * the data under `<slug>/<life>/<id>.<random>.data`, a new name at every attempt, so that two who
 * make the same backup never write over each other.
 */
import { type BackupSink, type SinkEntry, SinkError } from "../backup_sink.ts";
import { ManagerError } from "../errors.ts";
import { joinBytes } from "../../lines.ts";
import type { BackupKeys } from "./keys.ts";
import { type Manifest, manifestText, MOST_MANIFEST_BYTES, readManifest } from "./manifest.ts";
import { DamagedError } from "./sealing.ts";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const DATA = /^([a-z0-9-]+)\.[0-9a-f]+\.data$/;
const MANIFEST = /^([a-z0-9-]+)\.manifest$/;

/** What lies there. */
export interface Inventory {
  /** Newest first: each with data of the right size. */
  readonly good: readonly Manifest[];
  /** Ids of those whose manifest cannot be read, or whose data is not there. */
  readonly unreadable: readonly string[];
  readonly data: readonly (SinkEntry & { readonly id: string })[];
}

export class Shelf {
  readonly #sink: BackupSink;
  readonly #keys: BackupKeys;
  readonly #slug: string;
  readonly #life: string;

  constructor(
    sink: BackupSink,
    keys: BackupKeys,
    { slug, life }: { readonly slug: string; readonly life: string },
  ) {
    if (!NAME.test(slug) || !NAME.test(life)) {
      throw new Error("Cannot keep backups: the user's slug or life is no name");
    }
    this.#sink = sink;
    this.#keys = keys;
    this.#slug = slug;
    this.#life = life;
  }

  dataName(id: string, attempt: string): string {
    return `${this.#prefix}${id}.${attempt}.data`;
  }

  /** Binds the data to whose it is. */
  contextOf(id: string): string {
    return JSON.stringify([this.#slug, this.#life, id]);
  }

  /** Throws `ManagerError` `no_such_backup`, or `DamagedError`. */
  async manifest(id: string, signal: AbortSignal): Promise<Manifest> {
    if (!NAME.test(id)) throw noSuchBackup();
    try {
      const text = await this.#text(this.#manifestName(id), signal);
      return readManifest(text, this.#keys, { slug: this.#slug, life: this.#life, id });
    } catch (error) {
      if (error instanceof SinkError && error.fault === "missing") throw noSuchBackup();
      throw error;
    }
  }

  async putManifest(manifest: Manifest, signal: AbortSignal): Promise<void> {
    const bytes = new TextEncoder().encode(manifestText(manifest, this.#keys));
    await this.#sink.put(this.#manifestName(manifest.id), ReadableStream.from([bytes]), signal);
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    const entries = await this.#entries(this.#prefix, signal);
    const sizes = new Map(entries.map(({ name, bytes }) => [name, bytes]));
    const good: Manifest[] = [], unreadable: string[] = [];
    for (const { name } of entries) {
      const id = MANIFEST.exec(name.slice(this.#prefix.length))?.[1];
      if (id === undefined) continue;
      const manifest = await this.#manifestOrNone(id, signal);
      if (manifest === "gone") continue;
      const isGood = manifest !== undefined && sizes.get(manifest.data) === manifest.data_bytes;
      if (isGood) good.push(manifest);
      else unreadable.push(id);
    }
    const data = entries.flatMap((entry) => {
      const id = DATA.exec(entry.name.slice(this.#prefix.length))?.[1];
      return id === undefined ? [] : [{ ...entry, id }];
    });
    good.sort((a, b) => a.at < b.at ? 1 : a.at > b.at ? -1 : a.id < b.id ? 1 : -1);
    return { good, unreadable, data };
  }

  /**
   * First the manifest: what is left over after a crash is no backup any more. False where nothing
   * of it was there.
   */
  async remove(id: string, signal: AbortSignal): Promise<boolean> {
    return NAME.test(id) && await this.#removeAll(`${this.#prefix}${id}.`, signal);
  }

  async removeEverything(signal: AbortSignal): Promise<void> {
    await this.#removeAll(this.#prefix, signal);
  }

  async #removeAll(prefix: string, signal: AbortSignal): Promise<boolean> {
    const names = (await this.#entries(prefix, signal)).map(({ name }) => name);
    const [manifests = [], others = []] = [true, false].map((isManifest) =>
      names.filter((name) => name.endsWith(".manifest") === isManifest)
    );
    for (const name of [...manifests, ...others]) await this.#sink.delete(name, signal);
    return names.length > 0;
  }

  /** Undefined where it cannot be read; it may be removed while we look. */
  async #manifestOrNone(id: string, signal: AbortSignal): Promise<Manifest | undefined | "gone"> {
    try {
      return await this.manifest(id, signal);
    } catch (error) {
      if (error instanceof DamagedError) return undefined;
      if (!(error instanceof ManagerError)) throw error;
      return error.code === "no_such_backup" ? "gone" : undefined;
    }
  }

  async #text(name: string, signal: AbortSignal): Promise<string> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of this.#sink.read(name, signal)) {
      bytes += piece.length;
      if (bytes > MOST_MANIFEST_BYTES) throw new DamagedError("its manifest is too large");
      parts.push(piece);
    }
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(joinBytes(parts));
    } catch {
      throw new DamagedError("its manifest is not UTF-8");
    }
  }

  async #entries(prefix: string, signal: AbortSignal): Promise<readonly SinkEntry[]> {
    return await this.#sink.list(prefix, signal);
  }

  get #prefix(): string {
    return `${this.#slug}/${this.#life}/`;
  }

  #manifestName(id: string): string {
    return `${this.#prefix}${id}.manifest`;
  }
}

function noSuchBackup(): ManagerError {
  return new ManagerError("no_such_backup", "Cannot find the backup: the user has none of this id");
}
